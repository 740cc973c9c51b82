import type { Command } from 'commander'
import { visibleLine } from '../approval/channels/visible.ts'
import type { AgentConfig } from '../config/config.ts'
import { readCredentialFile } from '../identity/credential-file.ts'
import type { Clock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
import type { CommandIo } from './io.ts'

/** An agent as `agent ls` shows it; there is no secret in it, nor what is kept of one. */
interface ShownAgent {
  readonly agent: string
  readonly databases: readonly string[]
  readonly owners: readonly string[]
  readonly state: 'active' | 'expired' | 'revoked' | 'no secret' | 'unreadable'
  /** By what it may prove who it is; by all of them where a certificate is among them. */
  readonly signs_in_by: readonly ('secret' | 'token' | 'certificate')[]
  readonly created_at: string | null
  readonly created_by: string | null
  readonly expires: string | null
  /** The secret before goes on until then. */
  readonly rotation: { readonly until: string; readonly created_by: string | null } | null
}

/** Adds `agent ls`. */
export function registerAgentLs(agent: Command, io: CommandIo, clock: Clock): void {
  agent
    .command('ls')
    .description('List the agents of the configuration and how their secrets stand')
    .requiredOption('--config <file>', 'the configuration')
    .option('--json', 'answer in JSON: {"agents":[...]}')
    .action((options: { readonly config: string; readonly json?: boolean }) =>
      answering(io, async () => {
        const { agents } = await configAt(io, options.config)
        const shown = [...agents.values()].map((one) => shownOf(one, clock.now()))
        if (options.json) return `${JSON.stringify({ agents: shown })}\n`
        if (shown.length === 0) return 'No agent is listed.\n'
        return shown.map((one) => `${visibleLine(lineOf(one))}\n`).join('')
      }),
    )
}

function shownOf(agent: AgentConfig, now: number): ShownAgent {
  const found = agent.credential === null ? null : readCredentialFile(agent.credential)
  const credential = found?.kind === 'credential' ? found.credential : null
  const own = credential?.agent === agent.name ? credential : null
  const previous = own?.previous && own.previous.until > now ? own.previous : null
  return {
    agent: agent.name,
    databases: agent.databases,
    owners: agent.owners,
    signs_in_by: waysOf(agent),
    state: stateOf(agent, { now, kind: found?.kind ?? null, has: own !== null }),
    created_at: own?.createdAt ?? null,
    created_by: own?.createdBy ?? null,
    expires: agent.expires === null ? null : new Date(agent.expires).toISOString(),
    rotation: previous && {
      until: new Date(previous.until).toISOString(),
      created_by: previous.createdBy,
    },
  }
}

function waysOf({ credential, jwt, certificate }: AgentConfig): ShownAgent['signs_in_by'] {
  return [
    ...(credential === null ? [] : (['secret'] as const)),
    ...(jwt === null ? [] : (['token'] as const)),
    ...(certificate === null ? [] : (['certificate'] as const)),
  ]
}

function stateOf(
  { expires, credential, jwt, certificate }: AgentConfig,
  file: { readonly now: number; readonly kind: string | null; readonly has: boolean },
): ShownAgent['state'] {
  if (file.kind === 'revoked') return 'revoked'
  if (expires !== null && expires <= file.now) return 'expired'
  const without = credential === null && (jwt !== null || certificate !== null)
  if (file.has || without) return 'active'
  return file.kind === 'trouble' || file.kind === 'credential' ? 'unreadable' : 'no secret'
}

function lineOf(shown: ShownAgent): string {
  const { agent, state, databases, owners, created_at, created_by, expires, rotation } = shown
  const ways = shown.signs_in_by.join(', ')
  const by = created_by === null ? '' : ` by ${created_by}`
  return [
    `${agent}  ${state}`,
    databases.join(', '),
    `owned by ${owners.join(', ')}`,
    ...(ways === '' ? [] : [`signs in by ${ways}`]),
    ...(created_at === null ? [] : [`secret made ${created_at}${by}`]),
    ...(rotation === null ? [] : [`the one before ends ${rotation.until}`]),
    ...(expires === null ? [] : [`expires ${expires}`]),
  ].join('; ')
}
