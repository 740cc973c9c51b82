import type { Command } from 'commander'
import type { AgentConfig, Config } from '../config/config.ts'
import { parseUpstream, type Upstream } from '../config/upstream-url.ts'
import { hostPort } from '../control/host-port.ts'
import { credentialFor, newSecret, writeCredential } from '../identity/credentials.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { listAgent } from './agent-config.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
The secret is printed this once; the file that the agent's "credential" key names keeps verifiers
only. Run again, it gives the agent a new secret and the old one ends. A running proxy takes it at
once.

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

/** Adds `agent add`. */
export function registerAgent(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  program
    .command('agent')
    .description('Agents and their secrets')
    .command('add <name>')
    .description('Make a secret for an agent, and list the agent where it is new')
    .requiredOption('--config <file>', 'the configuration')
    .option('--owner <email...>', 'who answers for the agent: people or groups', [])
    .option('--database <name...>', 'databases that it may connect to', [])
    .option('--created-by <email>', 'who is making this secret')
    .option('--json', 'answer in JSON: {"agent","password","urls"}')
    .addHelpText('after', HELP)
    .action((name: string, options: AddOptions) =>
      run(io, name, options, parts.clock ?? systemClock),
    )
}

async function run(io: CommandIo, name: string, options: AddOptions, clock: Clock): Promise<void> {
  try {
    const made = await addAgent(io, name, options, clock)
    if (options.json) io.out(`${JSON.stringify(made)}\n`)
    else io.out(made.urls.length > 0 ? `${made.urls.join('\n')}\n` : `${made.password}\n`)
    io.exit(0)
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    io.exit(error instanceof UsageError ? 2 : 1)
  }
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
  await writeCredential(agent.credential, credentialFor(who, password))
  return { agent: name, password, urls: urlsOf(config, agent, password) }
}

/** One address for each database; none where the proxy's port isn't known before it runs. */
function urlsOf(config: Config, agent: AgentConfig, password: string): string[] {
  const login = `${encodeURIComponent(agent.name)}:${encodeURIComponent(password)}`
  return agent.databases.flatMap((name) => {
    const database = config.databases.get(name)
    const upstream = database && parseUpstream(database.upstream)
    if (!upstream || 'problem' in upstream) return []
    const { scheme, address, tls } = doorOf(config.listen, upstream.system)
    if (!address || address.port === 0) return []
    const suffix = config.listen.tls?.require ? tls : ''
    return `${scheme}://${login}@${hostPort(reachable(address))}/${encodeURIComponent(name)}${suffix}`
  })
}

function doorOf({ postgres, mysql }: Config['listen'], system: Upstream['system']) {
  return system === 'mysql'
    ? { scheme: 'mysql', address: mysql, tls: '?ssl-mode=REQUIRED' }
    : { scheme: 'postgres', address: postgres, tls: '?sslmode=require' }
}

/** One can listen on every address, but not connect to it. */
function reachable(address: { readonly host: string; readonly port: number }): typeof address {
  const { host, port } = address
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return host === '::' ? { host: '::1', port } : address
}
