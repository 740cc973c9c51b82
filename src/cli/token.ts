import type { Command } from 'commander'
import { Directory } from '../identity/directory.ts'
import { PersonTokens } from '../identity/person-tokens.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
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
    .action((email: string, { config, json }: { config: string; json?: boolean }) =>
      answering(io, async () => {
        const clock = parts.clock ?? systemClock
        const made = await makeToken(io, { email, config, clock })
        return json ? `${JSON.stringify(made)}\n` : `${made.token}\n`
      }),
    )
}

async function makeToken(
  io: CommandIo,
  { email, config: path, clock }: { email: string; config: string; clock: Clock },
): Promise<{ readonly person: string; readonly token: string }> {
  const config = await configAt(io, path)
  const person = new Directory(config.people.values()).person(email)
  if (!person) throw new UsageError(`${email} is not listed under people: in ${path}`)
  const token = await new PersonTokens({ data: config.data, clock }).add(person.email)
  return { person: person.email, token }
}
