import { dirname, resolve } from 'node:path'
import { buildConfig } from './build-config.ts'
import type { Config } from './config.ts'
import { crossCheck } from './cross-check.ts'
import { describeIssues } from './issues.ts'
import { problem } from './problems.ts'
import { readYaml } from './read-yaml.ts'
import { configJsonSchema, configSchema } from './schema.ts'
import { substitute } from './substitute.ts'

export interface ConfigSource {
  /** Of the file; relative paths in it start at its folder. */
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export type ParsedConfig =
  | {
      readonly ok: true
      readonly config: Config
      /** Worth saying, no reason to stop. */
      readonly warnings: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * The text of a configuration file -> Config, or every problem at once, each as
 * `path: what is wrong, what to do`. No problem ever repeats a value that may be a secret.
 */
export function parseConfig(text: string, source: ConfigSource): ParsedConfig {
  const yaml = readYaml(text)
  if ('problems' in yaml) return { ok: false, problems: yaml.problems }
  const folder = dirname(resolve(source.path))
  const problems: string[] = []
  const raw = substitute(withoutEmpty(yaml.value), { env: source.env, folder }, problems)
  const checked = configSchema.safeParse(raw)
  if (!checked.success)
    problems.push(...describeIssues(checked.error.issues, configJsonSchema(), raw))
  const findings = crossCheck(raw)
  problems.push(...findings.problems, ...openDoors(raw, source))
  if (problems.length > 0 || !checked.success)
    return { ok: false, problems: [...new Set(problems)] }
  const { warnings } = findings
  return { ok: true, config: buildConfig(checked.data, folder, text), warnings }
}

/** A block of which every line is commented out (`agents:`) is as good as left out. */
function withoutEmpty(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, block]) => block !== null))
}

/** By this variable the library that speaks to Teams would take anything from anybody. */
const NO_TOKENS = 'DANGEROUSLY_ALLOW_UNAUTHENTICATED_REQUESTS'

function openDoors(raw: unknown, { env }: ConfigSource): readonly string[] {
  const { channels } = (raw ?? {}) as { channels?: { teams?: { app_id?: unknown } | null } | null }
  if (channels?.teams?.app_id === undefined || env[NO_TOKENS] === undefined) return []
  return [problem(['channels', 'teams', 'app_id'], `take ${NO_TOKENS} out of the environment`)]
}
