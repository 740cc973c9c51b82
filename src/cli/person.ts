import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { Accounts } from '../identity/accounts.ts'
import { ChatLinks } from '../identity/chat-links.ts'
import { systemClock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
import type { CommandIo } from './io.ts'

const HELP = `
The next account at the identity provider with their verified e-mail address is theirs then, and
what they have open in the inbox ends. Accounts in Slack and Teams that they have linked are theirs
no more; --links forgets those alone. A running proxy takes it at once.

Exit codes: 0 forgotten, 1 failed, or no account of theirs is known, 2 used wrongly.
`

interface ForgetOptions {
  readonly config: string
  readonly links?: true
}

/** Adds `person forget`, which forgets whose account is whose. */
export function registerPerson(program: Command, io: CommandIo): void {
  program
    .command('person')
    .description('People of the configuration and their accounts')
    .command('forget <email>')
    .description('Forget the accounts by which a person has signed in, and those they have linked')
    .requiredOption('--config <file>', 'the configuration')
    .option('--links', 'only the accounts in Slack and Teams that they have linked')
    .addHelpText('after', HELP)
    .action((email: string, options: ForgetOptions) =>
      answering(io, () => forget(io, email, options)),
    )
}

async function forget(io: CommandIo, email: string, options: ForgetOptions): Promise<string> {
  const config = await configAt(io, options.config)
  const forgotten = [
    ...forgetLinks(config, email),
    ...(options.links ? [] : forgetAccount(config, email)),
  ]
  if (forgotten.length === 0) throw new Error(`${email}: no account is known`)
  return forgotten.map((line) => `${line}\n`).join('')
}

function forgetAccount({ data }: Config, email: string): readonly string[] {
  const accounts = new Accounts({ data, clock: systemClock })
  const forgotten = accounts.forget(email)
  if (!forgotten && accounts.trouble !== null) throw new Error(accounts.trouble)
  return forgotten ? [`the account of ${email} is forgotten`] : []
}

function forgetLinks({ data }: Config, email: string): readonly string[] {
  const links = new ChatLinks({
    ...{ data, clock: systemClock, log: () => {} },
    // None of them is to stay, good or not.
    stands: () => true,
  })
  const forgotten = links.forget(email)
  if (links.trouble !== null) throw new Error(links.trouble)
  return forgotten.map(({ chat, user }) => `the ${chat} account ${user} of ${email} is forgotten`)
}
