import type { Command } from 'commander'
import { readConfig } from '../config/config-file.ts'
import { Directory } from '../identity/directory.ts'
import { PersonTokens } from '../identity/person-tokens.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
The token is printed this once; only its hash is stored. A running proxy takes it at once.

Exit codes: 0 done, 1 failed, 2 used wrongly or not listed in the configuration.
`

/** Adds `token add`, which makes a token for a person's use of the HTTP API. */
export function registerToken(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  program
    .command('token')
    .description('Tokens with which people use the HTTP API and `countersign approvals`')
    .command('add <email>')
    .description('Make a token for a person of the configuration')
    .requiredOption('--config <file>', 'the configuration')
    .option('--json', 'answer in JSON: {"person","token"}')
    .addHelpText('after', HELP)
    .action((email: string, options: { config: string; json?: boolean }) =>
      addToken(io, { email, ...options, clock: parts.clock ?? systemClock }),
    )
}

async function addToken(
  io: CommandIo,
  options: {
    readonly email: string
    readonly config: string
    readonly json?: boolean
    readonly clock: Clock
  },
): Promise<void> {
  try {
    const { person, token } = await makeToken(io, options)
    if (options.json) io.out(`${JSON.stringify({ person, token })}\n`)
    else io.out(`${token}\n`)
    io.exit(0)
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    io.exit(error instanceof UsageError ? 2 : 1)
  }
}

async function makeToken(
  io: CommandIo,
  { email, config: path, clock }: { email: string; config: string; clock: Clock },
): Promise<{ readonly person: string; readonly token: string }> {
  const read = await readConfig({ path, env: io.env })
  if (!read.ok) throw new UsageError(read.problems.join('\n'))
  const { config } = read
  const person = new Directory(config.people.values()).person(email)
  if (!person) throw new UsageError(`${email} is not listed under people: in ${path}`)
  const token = await new PersonTokens({ data: config.data, clock }).add(person.email)
  return { person: person.email, token }
}
