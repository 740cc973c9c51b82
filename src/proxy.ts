import { constants, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { Trail } from './audit/events.ts'
import { openTrail } from './audit/trail.ts'
import { classMemoryOf } from './catalog/class-memory.ts'
import type { Address, Config, DatabaseConfig, ListenConfig } from './config/config.ts'
import type { ConfigFile, Reload } from './config/config-file.ts'
import { parseUpstream } from './config/upstream-url.ts'
import type { ControlSupervisor } from './control/supervisor.ts'
import type { House } from './house.ts'
import { AgentTokens } from './identity/agent-tokens.ts'
import { Credentials } from './identity/credentials.ts'
import type { Agent, Principal } from './identity/principal.ts'
import type { Clock } from './lib/clock.ts'
import { messageOf, ProxyError } from './lib/errors.ts'
import { Detections } from './mask/detect/detections.ts'
import type { Detection } from './mask/detect/kinds.ts'
import { Listener, type ListeningAddress } from './net/listener.ts'
import type { Behind } from './session/behind.ts'
import { FrontDoor } from './session/front-door.ts'
import { KnownAgents } from './session/known-agents.ts'
import { type LocalKeys, openLocalKeys } from './session/local-keys.ts'
import { Lookups } from './session/lookups.ts'
import { policyInForce } from './session/policy-in-force.ts'
import type { Counters, Policy, Services, Settings } from './session/services.ts'
import { Usage } from './session/usage.ts'
import type { CacheSize, Classifier } from './sql/statement.ts'
import { mysqlProtocol } from './wire/mysql/mysql-protocol.ts'
import { postgresProtocol } from './wire/postgres/postgres-protocol.ts'

/** The protocols that are spoken; each has a door of its own. */
/** What only one system needs is loaded where a database of it is. */
const OPEN = {
  postgres: async () => (await import('./postgres-house.ts')).openPostgresHouse,
  mysql: async () => (await import('./mysql-house.ts')).openMysqlHouse,
} as const

const PROTOCOLS = { postgres: postgresProtocol, mysql: mysqlProtocol } as const
const PROTOCOL_NAMES = ['postgres', 'mysql'] as const
type ProtocolName = (typeof PROTOCOL_NAMES)[number]

const DEFAULT_HOLD = { postgres: 25_000, mysql: 20_000 } as const
const REPORT_EVERY = 2_000
/** Columns that a warning or a record names. */
const SHOWN_COLUMNS = 100
/** How long running statements may go on after SIGTERM. */
const DRAIN_MS = 10_000

export interface ProxyOptions {
  readonly file: ConfigFile
  readonly version: string
  readonly clock: Clock
  readonly supervisor: ControlSupervisor
  readonly log: (text: string) => void
}

/** Where the proxy came to listen; null for what isn't configured. */
export interface Addresses {
  readonly postgres: ListeningAddress | null
  readonly mysql: ListeningAddress | null
  readonly control: ListeningAddress | null
}

/** A house with the rules that hold in it, and the face of both that sessions keep. */
interface Lot {
  readonly protocol: ProtocolName
  house: House
  policy: Policy
  readonly services: Services
}

/** The data plane put together: this is the plan of the house. */
export class DataPlane {
  readonly #options: ProxyOptions
  readonly #counters: Counters = {
    statements: 0,
    held: 0,
    refused: 0,
    maskedResults: 0,
    disagreements: 0,
    rows: 0,
  }
  readonly #detections = new Detections((...found) => this.#onDetected(...found))
  readonly #credentials = new Credentials()
  readonly #tokens: AgentTokens
  readonly #usage: Usage
  readonly #lookups: Lookups
  readonly #lots = new Map<string, Lot>()
  #config: Config
  #keys!: LocalKeys
  #trail!: Trail
  readonly #doors = new Map<ProtocolName, FrontDoor>()
  readonly #listeners: Listener[] = []
  #stopReport = () => {}
  #stopWatch = () => {}
  #reloading: Promise<void> = Promise.resolve()

  private constructor(options: ProxyOptions) {
    this.#options = options
    this.#config = options.file.current
    this.#tokens = new AgentTokens(options.clock)
    this.#usage = new Usage(options.clock)
    this.#lookups = new Lookups(options.clock)
  }

  /** Opens trail, upstreams, control process and doors, in this order; throws where one can't be. */
  static async open(options: ProxyOptions): Promise<{ proxy: DataPlane; addresses: Addresses }> {
    const proxy = new DataPlane(options)
    try {
      return { proxy, addresses: await proxy.#open() }
    } catch (error) {
      await proxy.close()
      throw error
    }
  }

  async #open(): Promise<Addresses> {
    this.#keys = openLocalKeys(this.#config.data)
    this.#trail = await this.#openTrail()
    for (const database of served(this.#config)) await this.#addLot(database)
    const control = await this.#options.supervisor.start()
    const { listen } = this.#config
    const postgres = await this.#listen('postgres', listen.postgres)
    const mysql = await this.#listen('mysql', listen.mysql)
    this.#stopWatch = this.#options.file.watch((reload) => void this.#onReload(reload))
    this.#report()
    return { postgres, mysql, control }
  }

  #openTrail(): Promise<Trail> {
    const { data, audit, hash } = this.#config
    return openTrail({
      folder: join(data, 'audit'),
      name: 'data',
      clock: this.#options.clock,
      version: this.#options.version,
      config: hash,
      checkpoints: {
        everyMs: audit.checkpoint.everyMs,
        keyPath: audit.checkpoint.key ?? join(data, 'keys', 'audit.key'),
      },
    })
  }

  // === databases

  async #addLot(config: DatabaseConfig): Promise<void> {
    this.#lots.set(config.name, this.#lotOf(await this.#build(config)))
  }

  #lotOf(house: House): Lot {
    const protocol = protocolOf(house.config)
    const lot: Lot = {
      protocol,
      house,
      policy: this.#policyFor(house),
      services: this.#servicesOf(protocol, () => lot),
    }
    return lot
  }

  /** Rejects with UPSTREAM_UNAVAILABLE where the database can't be reached or read. */
  async #build(config: DatabaseConfig): Promise<House> {
    const { clock, log } = this.#options
    const open = await OPEN[protocolOf(config)]()
    const house = await open({
      config,
      all: () => this.#config,
      clock,
      transparent: () => this.#lots.get(config.name)?.policy.transparent ?? false,
      memory: classMemoryOf(this.#config.data, config.name, (why) => {
        log(`warning: ${config.name}: what is remembered of its columns: ${why}`)
      }),
      onUnjudged: (columns) => this.#onUnjudged(config, columns),
      detector: this.#detections.detectorFor(config.name, config.detect),
    })
    for (const fact of await house.roleFacts()) log(`warning: ${config.name}: ${fact}`)
    return house
  }

  /** Somebody has to know, for an agent sees only that they are masked. */
  #onUnjudged({ name }: DatabaseConfig, columns: readonly string[]): void {
    const count = columns.length
    const shown = columns.slice(0, SHOWN_COLUMNS)
    const more = count > shown.length ? ` and ${count - shown.length} more` : ''
    this.#options.log(
      `warning: ${name}: masked until databases.${name}.classified judges them: ${shown.join(', ')}${more}`,
    )
    try {
      this.#trail.append({ type: 'columns.unjudged', database: name, columns: shown, count })
    } catch {
      // The trail's own trouble is reported where statements are refused.
    }
  }

  /** Proposes to classify a column: its name, and never what was found in it. */
  #onDetected(database: string, column: string, kind: Detection): void {
    this.#options.log(`${database}: ${column} holds what looks like a ${kind}: classify it`)
    try {
      this.#trail.append({ type: 'column.detected', database, column, kind })
    } catch {
      // The trail's own trouble is reported where statements are refused.
    }
  }

  #policyFor(house: House): Policy {
    const { rules, masks, mode, groups } = this.#config
    return policyInForce({
      rules,
      masks,
      shadow: mode === 'shadow',
      keys: { hash: this.#keys.mask },
      planner: house.planner,
      detects: house.config.detect.length > 0,
      // Comments give classes too, as the database is read.
      get classes() {
        return house.classes
      },
      clock: this.#options.clock,
      clearing: new Map([...groups].map(([name, { clears }]) => [name, clears])),
      groupsOf: (principal) => this.#groupsOf(principal),
    })
  }

  #groupsOf(principal: Principal): readonly string[] {
    const groups = principal.agent.owners.flatMap(
      (owner) => this.#config.people.get(owner)?.groups ?? [owner],
    )
    return [...new Set(groups)]
  }

  /** Sessions keep this; what a reload changes is asked for anew. */
  #servicesOf(protocol: ProtocolName, lot: () => Lot): Services {
    const { maxMessage, deadlines } = this.#config.listen
    const system = () => lot().house.services
    return {
      protocol: PROTOCOLS[protocol],
      clock: this.#options.clock,
      openClassifier: (settings) => classifierIn(() => lot().house, settings),
      get schema() {
        return system().schema
      },
      get values() {
        return system().values
      },
      get schemas() {
        return system().schemas
      },
      policy: () => lot().policy,
      holdMs: ({ agent }) =>
        this.#config.agents.get(agent.name)?.hold[protocol] ?? DEFAULT_HOLD[protocol],
      gate: this.#options.supervisor.gate,
      trail: this.#trail,
      auditMode: () => this.#config.audit.mode,
      auditSql: () => this.#config.audit.sql,
      hmac: (bytes) => createHmac('sha256', this.#keys.audit).update(bytes).digest('hex'),
      scrub: (fields) => system().scrub(fields),
      get resolvingErrors() {
        return system().resolvingErrors
      },
      contextQuery: (classification) => system().contextQuery(classification),
      bearsMs: (settings) => system().bearsMs(settings),
      get impacts() {
        return system().impacts
      },
      get estimates() {
        return system().estimates
      },
      rollsBack: (table) => system().rollsBack(table),
      counters: this.#counters,
      rowLimits: () => this.#config.limits,
      usage: this.#usage,
      lookups: this.#lookups,
      limits: { maxMessage, idleMs: deadlines.idle, writeMs: deadlines.write },
    }
  }

  // === doors

  async #listen(protocol: ProtocolName, address: Address | null): Promise<ListeningAddress | null> {
    if (!address) return null
    const door = this.#openDoor(protocol, this.#config.listen)
    this.#doors.set(protocol, door)
    const listener = new Listener((connection) => door.accept(connection))
    this.#listeners.push(listener)
    return listener.listen(address.host, address.port)
  }

  #openDoor(protocol: ProtocolName, listen: ListenConfig): FrontDoor {
    const { clock } = this.#options
    const greets = protocol === 'mysql' ? { greeting: () => this.#greeting() } : {}
    return new FrontDoor({
      protocol: PROTOCOLS[protocol],
      clock,
      trail: this.#trail,
      agents: new KnownAgents({
        listed: () => this.#config.agents,
        credentials: this.#credentials,
        tokens: this.#tokens,
        mockSecret: this.#keys.login,
        clock,
      }),
      behind: (database) => this.#behind(protocol, database),
      defaultDatabase: (agent) => this.#defaultDatabase(protocol, agent),
      ...greets,
      nativePassword: listen.mysqlNativePassword,
      tls: listen.tls && {
        context: secureContext(listen.tls),
        asksCertificate: listen.tls.clientCa !== null,
        required: listen.tls.require,
      },
      loginMs: listen.deadlines.login,
      maxConnections: listen.maxConnections,
      allSessions: () => this.#sessions(),
    })
  }

  #behind(protocol: ProtocolName, database: string): Behind | undefined {
    const lot = this.#lots.get(database)
    if (lot?.protocol !== protocol) return undefined
    const { target, config } = lot.house
    return { services: lot.services, target, environment: config.environment }
  }

  #defaultDatabase(protocol: ProtocolName, { databases }: Agent): string | undefined {
    return databases.find((database) => this.#behind(protocol, database))
  }

  /** The server speaks before anybody has named a database: as the first of them does. */
  #greeting() {
    return [...this.#lots.values()].find(({ house }) => house.greeting)?.house.greeting ?? undefined
  }

  #sessions(): number {
    return [...this.#doors.values()].reduce((sum, { sessions }) => sum + sessions, 0)
  }

  // === while it runs

  /** Reads the configuration file again, as SIGHUP asks. */
  async reload(): Promise<void> {
    await this.#onReload(await this.#options.file.reload())
  }

  /** One reload after the other. */
  #onReload(reload: Reload): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#takeOver(reload))
    return this.#reloading
  }

  async #takeOver(reload: Reload): Promise<void> {
    if (reload.kind === 'same') return
    const problems = reload.kind === 'refused' ? reload.problems : await this.#apply(reload.config)
    const { log } = this.#options
    if (problems.length === 0) log('the configuration has been reloaded')
    else log(`the configuration stays as it was:\n${problems.join('\n')}`)
    this.#record(problems)
  }

  /** Puts a configuration in force, or says why it can't be and leaves everything as it was. */
  async #apply(config: Config): Promise<readonly string[]> {
    const before = this.#config
    const built: [string, House][] = []
    try {
      this.#config = config
      for (const database of served(config)) {
        const old = this.#lots.get(database.name)?.house.config
        if (!sameJson(old, database)) built.push([database.name, await this.#build(database)])
      }
      const refused = await this.#options.supervisor.reload(
        readFileSync(this.#options.file.path, 'utf8'),
      )
      if (refused.length > 0) throw new Error(refused.join('\n'))
    } catch (error) {
      this.#config = before
      for (const [, house] of built) await house.close()
      return [messageOf(error)]
    }
    await this.#moveIn(built)
    if (!sameJson(before.listen, config.listen) || before.data !== config.data) {
      this.#options.log('listen and data take effect at the next start; they stay as they were')
    }
    return []
  }

  async #moveIn(built: readonly [string, House][]): Promise<void> {
    for (const [name, house] of built) {
      const lot = this.#lots.get(name)
      if (lot?.protocol === protocolOf(house.config)) {
        const old = lot.house
        lot.house = house
        await old.close()
      } else {
        await lot?.house.close()
        this.#lots.set(name, this.#lotOf(house))
      }
    }
    for (const [name, lot] of this.#lots) {
      if (this.#config.databases.has(name)) {
        const next = this.#policyFor(lot.house)
        // Nothing has depended on the schema until now, so what is known of it may be old.
        if (lot.policy.transparent && !next.transparent) await this.#readSchema(name, lot.house)
        lot.policy = next
      } else {
        this.#lots.delete(name)
        await lot.house.close()
      }
    }
    for (const door of this.#doors.values()) door.review()
  }

  /** What can't be read now is read when the catalog looks next; until then it knows what it knew. */
  async #readSchema(name: string, { services }: House): Promise<void> {
    try {
      await services.schema.refresh()
    } catch (error) {
      this.#options.log(`${name}: the schema can't be read for the new rules: ${messageOf(error)}`)
    }
  }

  #record(problems: readonly string[]): void {
    try {
      this.#trail.append({ type: 'config.reloaded', config: this.#config.hash, problems })
    } catch {
      // The trail's own trouble is reported where statements are refused.
    }
  }

  /** Tells the control plane how we are, for /readyz and /metrics. */
  #report(): void {
    const troubles = [...this.#lots.values()].flatMap(({ house }) => house.trouble ?? [])
    for (const door of this.#doors.values()) door.review()
    if (this.#trail.trouble) troubles.push(`audit: ${this.#trail.trouble}`)
    const { statements, held, refused, maskedResults, disagreements, rows } = this.#counters
    const counters = {
      statements_total: statements,
      held_total: held,
      refused_total: refused,
      masked_results_total: maskedResults,
      lineage_disagreements_total: disagreements,
      rows_total: rows,
      sessions: this.#sessions(),
      unjudged_columns: this.#unjudged(),
      ...this.#detections.counters,
      verdict_cache_entries: this.#cached('entries'),
      verdict_cache_bytes: this.#cached('bytes'),
    }
    this.#options.supervisor.report({ troubles, counters })
    this.#stopReport = this.#options.clock.after(REPORT_EVERY, () => this.#report())
  }

  #unjudged(): number {
    return [...this.#lots.values()].reduce((sum, { house }) => sum + house.unjudged, 0)
  }

  #cached(what: keyof CacheSize): number {
    return [...this.#lots.values()].reduce((sum, { house }) => sum + house.cached[what], 0)
  }

  /** Lets nobody in, lets what runs finish, and writes the end of the trail. */
  async close(): Promise<void> {
    this.#stopWatch()
    this.#stopReport()
    for (const listener of this.#listeners) listener.close()
    await Promise.all([...this.#doors.values()].map((door) => door.close(DRAIN_MS)))
    await this.#options.supervisor.stop()
    for (const { house } of this.#lots.values()) await house.close()
    await this.#trail?.close()
  }
}

/** The databases whose protocol is spoken here. */
function served({ databases, listen }: Config): DatabaseConfig[] {
  return [...databases.values()].filter((database) => listen[protocolOf(database)] !== null)
}

/** A URL that can't be read is told of when its house is built. */
function protocolOf({ upstream }: DatabaseConfig): ProtocolName {
  const parsed = parseUpstream(upstream)
  return !('problem' in parsed) && parsed.system === 'mysql' ? 'mysql' : 'postgres'
}

/** A classifier for one session, which may outlive the house that it began in. */
function classifierIn(house: () => House, settings: () => Settings): Classifier {
  let opened: { readonly house: House; readonly classifier: Classifier } | null = null
  const classifier = () => {
    const now = house()
    if (opened?.house !== now) {
      opened = { house: now, classifier: now.services.openClassifier(settings) }
    }
    return opened.classifier
  }
  return {
    classify: (sql, names) => classifier().classify(sql, names),
    textOf: (sql) => classifier().textOf?.(sql) ?? sql.toString('utf8'),
  }
}

function secureContext(tls: NonNullable<ListenConfig['tls']>) {
  try {
    return createSecureContext({
      cert: readFileSync(tls.cert),
      key: readFileSync(tls.key),
      minVersion: 'TLSv1.2',
      // A session that is taken up again would show a certificate of before: each shows it anew.
      ...(tls.clientCa === null
        ? {}
        : { ca: readFileSync(tls.clientCa), secureOptions: constants.SSL_OP_NO_TICKET }),
    })
  } catch (error) {
    throw new ProxyError('CONFIG_INVALID', `listen.tls: ${messageOf(error)}`, { cause: error })
  }
}

function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
