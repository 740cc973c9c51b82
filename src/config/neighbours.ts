import { NO_CLASS } from '../catalog/classified-patterns.ts'
import type { ServedSchema } from '../session/schema-access.ts'
import type { Config, DatabaseConfig } from './config.ts'
import { parseUpstream, type Upstream } from './upstream-url.ts'

/** The databases of the configuration that are schemas of one server. */
function neighbours({ host, port }: Upstream, { databases }: Config) {
  return [...databases.values()].flatMap((config) => {
    const upstream = parseUpstream(config.upstream)
    const near = !('problem' in upstream) && upstream.system === 'mysql'
    return near && upstream.host === host && upstream.port === port ? [{ config, upstream }] : []
  })
}

/** Asked for each statement: worked out once for each configuration. */
export function schemasOnServer(upstream: Upstream): (config: Config) => readonly ServedSchema[] {
  const known = new WeakMap<Config, readonly ServedSchema[]>()
  return (config) => {
    let served = known.get(config)
    if (!served) {
      served = neighbours(upstream, config).map(({ config: own, upstream: { database } }) => ({
        alias: own.name,
        schema: database,
        environment: own.environment,
      }))
      known.set(config, served)
    }
    return served
  }
}

/**
 * Statements reach the schemas of all of an agent's databases on a server, so the classes that any
 * of them gives count. That a column is fit to see is for its own database alone to say.
 */
export function classesOnServer(
  own: DatabaseConfig,
  upstream: Upstream,
  config: Config,
): Readonly<Record<string, string>> {
  const classes: Record<string, string> = { ...own.classified }
  for (const { config: other } of neighbours(upstream, config)) {
    for (const [pattern, dataClass] of Object.entries(other.classified)) {
      if (dataClass !== NO_CLASS) classes[pattern] ??= dataClass
    }
  }
  return classes
}
