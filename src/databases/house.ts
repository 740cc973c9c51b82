import type { ClassMemory } from '../catalog/class-memory.ts'
import { NO_CLASS } from '../catalog/classified-patterns.ts'
import type { Config, DatabaseConfig } from '../config/config.ts'
import { parseUpstream, type Upstream } from '../config/upstream-url.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import type { Detector } from '../mask/detect/detector.ts'
import type { Planner } from '../mask/planner.ts'
import { type UpstreamTarget, upstreamTarget } from '../net/upstream-target.ts'
import type { Services } from '../session/services.ts'
import type { CacheSize } from '../sql/statement.ts'
import type { ServerGreeting } from '../wire/handshake.ts'

/** What a session needs that depends on the system behind it. */
export type SystemServices = Pick<
  Services,
  | 'openClassifier'
  | 'schema'
  | 'values'
  | 'schemas'
  | 'scrub'
  | 'resolvingErrors'
  | 'contextQuery'
  | 'bearsMs'
  | 'estimates'
  | 'impacts'
  | 'rollsBack'
>

/** The rooms of one database; a reload may put others in their place. */
export interface House {
  readonly config: DatabaseConfig
  readonly target: UpstreamTarget
  readonly services: SystemServices
  readonly planner: Planner
  /** The data classes that columns of its server have, or are to have. */
  readonly classes: readonly string[]
  /** Columns that are masked until somebody judges them. */
  readonly unjudged: number
  /** The verdicts that are kept. */
  readonly cached: CacheSize
  /** How the server greets, where it speaks first. */
  readonly greeting: Omit<ServerGreeting, 'connectionId'> | null
  /** Why its schema can't be read at present; null where it can. */
  readonly trouble: string | null
  /** What the upstream's role could do that it had better not be able to; one sentence each. */
  roleFacts(): Promise<readonly string[]>
  close(): Promise<void>
}

export interface HouseOptions {
  readonly config: DatabaseConfig
  /** The configuration in force, which a reload changes. */
  readonly all: () => Config
  readonly clock: Clock
  /** True where nothing that is decided depends on the schema. */
  readonly transparent: () => boolean
  /** What is remembered of its columns. */
  readonly memory: ClassMemory
  /** Told of columns that are new beside classified ones: schema.table.column each. */
  readonly onUnjudged: (columns: readonly string[]) => void
  /** Looks for secrets in what nobody has classified; null where nothing is looked for. */
  readonly detector: Detector | null
}

/** Reads where a database's upstream leads; throws CONFIG_INVALID. */
export function upstreamOf(config: DatabaseConfig): { upstream: Upstream; target: UpstreamTarget } {
  const upstream = parseUpstream(config.upstream)
  try {
    if ('problem' in upstream) throw new Error(upstream.problem)
    return { upstream, target: upstreamTarget(upstream) }
  } catch (error) {
    const what = `databases.${config.name}.upstream: ${messageOf(error)}`
    throw new ProxyError('CONFIG_INVALID', what, { cause: error })
  }
}

/** Follows whether a database's schema can be read. */
export function schemaTrouble(database: string) {
  let trouble: string | null = null
  return {
    /** Why it can't be read at present; null where it can. */
    get now() {
      return trouble
    },
    onTrouble: (error: unknown) => {
      trouble = `${database}: its schema can't be read: ${messageOf(error)}`
    },
    onRecovery: () => {
      trouble = null
    },
  }
}

/** What a house is made of. */
interface HouseParts extends Pick<House, 'target' | 'services' | 'planner' | 'roleFacts'> {
  /** Column pattern -> data class. */
  readonly classified: Readonly<Record<string, string>>
  readonly catalog: {
    readonly current: { readonly classes: readonly string[]; readonly unjudged: readonly string[] }
    close(): Promise<void>
  }
  readonly classifier: { readonly cached: CacheSize; close(): Promise<void> }
  readonly trouble: { readonly now: string | null }
  readonly greeting: House['greeting']
}

export function houseOf(config: DatabaseConfig, parts: HouseParts): House {
  const { target, services, planner, roleFacts, greeting, catalog, classifier, trouble } = parts
  const classes = classesNow(parts.classified, () => catalog.current)
  return {
    config,
    target,
    services,
    planner,
    roleFacts,
    greeting,
    get classes() {
      return classes()
    },
    get unjudged() {
      return catalog.current.unjudged.length
    },
    get cached() {
      return classifier.cached
    },
    get trouble() {
      return trouble.now
    },
    async close() {
      await catalog.close()
      await classifier.close()
    },
  }
}

interface Refreshing<T> {
  readonly current: T
  refresh(): Promise<T>
}

/** What a new name means isn't worth a reading of the schema where nothing depends on it. */
export function lazily<T>(catalog: Refreshing<T>, transparent: () => boolean): Refreshing<T> {
  return {
    get current() {
      return catalog.current
    },
    refresh: async () => (transparent() ? catalog.current : await catalog.refresh()),
  }
}

/** Those and what the newest reading gives, worked out once for each. */
function classesNow(
  classified: Readonly<Record<string, string>>,
  read: () => { readonly classes: readonly string[] },
): () => readonly string[] {
  const given = classesIn(classified)
  let known: { readonly from: object; readonly all: readonly string[] } | null = null
  return () => {
    const { classes } = read()
    if (known?.from !== classes)
      known = { from: classes, all: [...new Set([...given, ...classes])] }
    return known.all
  }
}

/** The data classes that patterns give. */
function classesIn(classified: Readonly<Record<string, string>>): readonly string[] {
  return Object.values(classified).filter((dataClass) => dataClass !== NO_CLASS)
}

/** Asks something on a connection of its own. */
export async function withClient<Client extends { end(): Promise<void> }, T>(
  connect: () => Promise<Client>,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** A database that can't be reached or read as the proxy starts or takes over a configuration. */
export function unreachable({ name }: DatabaseConfig, error: unknown): ProxyError {
  const what = `databases.${name}.upstream: ${messageOf(error)}`
  return new ProxyError('UPSTREAM_UNAVAILABLE', what, { cause: error })
}
