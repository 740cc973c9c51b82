import type { Command } from 'commander'
import { readConfig } from '../config/config-file.ts'
import { Accounts } from '../identity/accounts.ts'
import { systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
The next account at the identity provider with their verified e-mail address is theirs then. What
they have open in the inbox ends. A running proxy takes it at once.

Exit codes: 0 forgotten, 1 failed, or no account of theirs is known, 2 used wrongly.
`

/** Adds `person forget`, which forgets whose account at the identity provider is whose. */
export function registerPerson(program: Command, io: CommandIo): void {
  program
    .command('person')
    .description('People of the configuration and their accounts')
    .command('forget <email>')
    .description('Forget the account by which a person has signed in')
    .requiredOption('--config <file>', 'the configuration')
    .addHelpText('after', HELP)
    .action((email: string, { config }: { config: string }) => forget(io, email, config))
}

async function forget(io: CommandIo, email: string, path: string): Promise<void> {
  try {
    const read = await readConfig({ path, env: io.env })
    if (!read.ok) throw new UsageError(read.problems.join('\n'))
    const accounts = new Accounts({ data: read.config.data, clock: systemClock })
    if (!accounts.forget(email))
      throw new Error(accounts.trouble ?? `${email}: no account is known`)
    io.out(`the account of ${email} is forgotten\n`)
    io.exit(0)
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    io.exit(error instanceof UsageError ? 2 : 1)
  }
}
