import type { Command } from 'commander'
import { credentialFor, newSecret } from '../identity/credential.ts'
import { writeCredential } from '../identity/credential-file.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { listAgent } from './agent-config.ts'
import { registerAgentLs } from './agent-ls.ts'
import { registerAgentRevoke } from './agent-revoke.ts'
import { registerAgentRotate } from './agent-rotate.ts'
import { changingSecrets } from './agent-secrets.ts'
import { urlsOf } from './agent-urls.ts'
import { answering } from './answering.ts'
import type { CommandIo } from './io.ts'

const HELP = `
The secret is printed this once; the file that the agent's "credential" key names keeps verifiers
only. Run again, it gives the agent a new secret and the old one ends, sessions with it ("agent
rotate" lets it go on for a while). A running proxy takes it at once.

An agent that the configuration lists keeps what stands there. One that isn't there yet is added to
the file, whose comments stay: it needs --owner and --database.

Owners answer for the agent, so they can't approve what it asks; nor can the one named by
--created-by.

Exit codes: 0 done, 1 failed, 2 used wrongly.

Example:
  countersign agent add billing-bot --owner ana@example.com --database shop --config countersign.yaml
`

interface AddOptions {
  readonly config: string
  readonly owner: readonly string[]
  readonly database: readonly string[]
  readonly createdBy?: string
  readonly json?: boolean
}

/** Adds `agent add` and the other commands for agents. */
export function registerAgent(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  const clock = parts.clock ?? systemClock
  const agent = program.command('agent').description('Agents and their secrets')
  registerAgentRotate(agent, io, clock)
  registerAgentLs(agent, io, clock)
  registerAgentRevoke(agent, io, clock)
  agent
    .command('add <name>')
    .description('Make a secret for an agent, and list the agent where it is new')
    .requiredOption('--config <file>', 'the configuration')
    .option('--owner <email...>', 'who answers for the agent: people or groups', [])
    .option('--database <name...>', 'databases that it may connect to', [])
    .option('--created-by <email>', 'who is making this secret')
    .option('--json', 'answer in JSON: {"agent","password","urls"}')
    .addHelpText('after', HELP)
    .action((name: string, options: AddOptions) =>
      answering(io, async () => {
        const made = await addAgent(io, name, options, clock)
        if (options.json) return `${JSON.stringify(made)}\n`
        return made.urls.length > 0 ? `${made.urls.join('\n')}\n` : `${made.password}\n`
      }),
    )
}

async function addAgent(
  io: CommandIo,
  name: string,
  options: AddOptions,
  clock: Clock,
): Promise<{ agent: string; password: string; urls: string[] }> {
  const { config, agent, notes } = await listAgent({
    path: options.config,
    env: io.env,
    clock,
    name,
    owners: options.owner,
    databases: options.database,
  })
  for (const note of notes) io.err(`${note}\n`)
  const password = newSecret()
  const createdAt = new Date(clock.now()).toISOString()
  const who = { agent: name, createdAt, createdBy: options.createdBy ?? null }
  await changingSecrets(agent.credential, clock, () =>
    writeCredential(agent.credential, credentialFor(who, password)),
  )
  return { agent: name, password, urls: urlsOf(config, agent, password) }
}
