import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AgentConfig, Config } from '../config/config.ts'
import type { Clock } from '../lib/clock.ts'
import { withFileLock } from './agent-file-lock.ts'
import { configAt } from './config-at.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

export interface AgentWithFile {
  readonly config: Config
  readonly agent: AgentConfig & { readonly credential: string }
}

/**
 * An agent of the configuration that has a credential file, whether the file is there or not.
 *
 * @throws UsageError where the configuration isn't one, or doesn't list it so
 */
export async function agentWithFile(
  io: CommandIo,
  path: string,
  name: string,
): Promise<AgentWithFile> {
  const config = await configAt(io, path)
  const agent = config.agents.get(name)
  if (!agent) throw new UsageError(`${name} is not listed under agents: in ${path}`)
  const { credential } = agent
  if (credential === null) {
    throw new UsageError(
      `agents.${name} has no credential: it signs in by a token or a certificate alone. To shut it out, take it out of ${path}`,
    )
  }
  return { config, agent: { ...agent, credential } }
}

/** Two commands that change the same credential at once would bring back what one took away. */
export async function changingSecrets<T>(
  path: string,
  clock: Clock,
  change: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return withFileLock(path, clock, change)
}
