import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type pg from 'pg'
import type { Trail } from './audit/events.ts'
import { openTrail } from './audit/trail.ts'
import { NO_CLASS } from './catalog/classified-patterns.ts'
import { openPostgresCatalog, type PostgresCatalog } from './catalog/postgres-catalog.ts'
import { contextQuery } from './catalog/postgres-context.ts'
import { inspectRole } from './catalog/role-facts.ts'
import type { Config, DatabaseConfig, ListenConfig } from './config/config.ts'
import type { ConfigFile, Reload } from './config/config-file.ts'
import { connectUpstreamClient } from './config/upstream-client.ts'
import { parseUpstream } from './config/upstream-url.ts'
import type { ControlSupervisor } from './control/supervisor.ts'
import { Credentials } from './identity/credentials.ts'
import type { Principal } from './identity/principal.ts'
import type { Clock } from './lib/clock.ts'
import { messageOf, ProxyError } from './lib/errors.ts'
import { scrubFields } from './mask/scrub.ts'
import { Listener, type ListeningAddress } from './net/listener.ts'
import { type UpstreamTarget, upstreamTarget } from './net/upstream-target.ts'
import { estimateRows } from './session/estimate.ts'
import { type Behind, FrontDoor } from './session/front-door.ts'
import { KnownAgents } from './session/known-agents.ts'
import { type LocalKeys, openLocalKeys } from './session/local-keys.ts'
import { policyInForce } from './session/policy-in-force.ts'
import type { Counters, Policy, Services } from './session/services.ts'
import { createPostgresClassifier, type PostgresClassifier } from './sql/postgres/classify.ts'
import { postgresProtocol } from './wire/postgres/postgres-protocol.ts'

const DEFAULT_HOLD = { postgres: 25_000, mysql: 20_000 } as const
const REPORT_EVERY = 2_000
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
  readonly mysql: null
  readonly control: ListeningAddress | null
}

/** The rooms of one database; a reload may put others in their place. */
interface House {
  config: DatabaseConfig
  target: UpstreamTarget
  catalog: PostgresCatalog
  classifier: PostgresClassifier
  policy: Policy
  trouble: string | null
}

/** A house and the face of it that sessions keep. */
interface Lot {
  house: House
  readonly services: Services
}

/** The data plane put together: this is the plan of the house. */
export class DataPlane {
  readonly #options: ProxyOptions
  readonly #counters: Counters = { statements: 0, held: 0, refused: 0, maskedResults: 0, rows: 0 }
  readonly #credentials = new Credentials()
  readonly #lots = new Map<string, Lot>()
  #config: Config
  #keys!: LocalKeys
  #trail!: Trail
  #door!: FrontDoor
  #listener: Listener | null = null
  #stopReport = () => {}
  #stopWatch = () => {}
  #reloading: Promise<void> = Promise.resolve()

  private constructor(options: ProxyOptions) {
    this.#options = options
    this.#config = options.file.current
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
    for (const database of served(this.#config)) await this.#addHouse(database)
    const control = await this.#options.supervisor.start()
    this.#door = this.#openDoor(this.#config.listen)
    const postgres = await this.#listen()
    this.#stopWatch = this.#options.file.watch((reload) => void this.#onReload(reload))
    this.#report()
    return { postgres, mysql: null, control }
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

  async #addHouse(config: DatabaseConfig): Promise<void> {
    const house = await this.#build(config)
    const lot: Lot = { house, services: this.#servicesOf(() => lot.house) }
    this.#lots.set(config.name, lot)
  }

  /** Rejects with UPSTREAM_UNAVAILABLE where the database can't be reached or read. */
  async #build(config: DatabaseConfig): Promise<House> {
    const target = targetOf(config)
    const { clock, log } = this.#options
    const { name, classified, trustedFunctions } = config
    let trouble: string | null = null
    const catalog = await openPostgresCatalog({
      connect: () => connectOwn(config),
      classified,
      trustedFunctions,
      clock,
      onTrouble: (error) => {
        trouble = `${name}: its schema can't be read: ${messageOf(error)}`
      },
    }).catch((error: unknown) => {
      const what = `databases.${name}.upstream: ${messageOf(error)}`
      throw new ProxyError('UPSTREAM_UNAVAILABLE', what, { cause: error })
    })
    let house: House | null = null
    const source = {
      get current() {
        return catalog.current
      },
      // What a new name means isn't worth a reading of the schema where nothing depends on it.
      refresh: async () => (house?.policy.transparent ? catalog.current : await catalog.refresh()),
    }
    const classifier = await createPostgresClassifier({ catalog: source, trustedFunctions, clock })
    for (const fact of await roleFacts(config, catalog)) log(`warning: ${name}: ${fact}`)
    const policy = this.#policyFor(catalog, classified)
    house = {
      config,
      target,
      catalog,
      classifier,
      policy,
      get trouble() {
        return trouble
      },
    }
    return house
  }

  #policyFor(catalog: PostgresCatalog, classified: DatabaseConfig['classified']): Policy {
    const { rules, masks, mode } = this.#config
    return policyInForce({
      rules,
      masks,
      shadow: mode === 'shadow',
      keys: { hash: this.#keys.mask },
      catalog,
      classes: Object.values(classified).filter((dataClass) => dataClass !== NO_CLASS),
      clock: this.#options.clock,
      groupsOf: (principal) => this.#groupsOf(principal),
    })
  }

  #groupsOf(principal: Principal): readonly string[] {
    const groups = principal.agent.owners.flatMap(
      (owner) => this.#config.people.get(owner)?.groups ?? [owner],
    )
    return [...new Set(groups)]
  }

  #servicesOf(house: () => House): Services {
    const { maxMessage, deadlines } = this.#config.listen
    return {
      protocol: postgresProtocol,
      clock: this.#options.clock,
      get classifier() {
        return house().classifier
      },
      get catalog() {
        return house().catalog
      },
      policy: () => house().policy,
      holdMs: ({ agent }) =>
        this.#config.agents.get(agent.name)?.hold.postgres ?? DEFAULT_HOLD.postgres,
      gate: this.#options.supervisor.gate,
      trail: this.#trail,
      auditMode: () => this.#config.audit.mode,
      auditSql: () => this.#config.audit.sql,
      hmac: (bytes) => createHmac('sha256', this.#keys.audit).update(bytes).digest('hex'),
      scrub: scrubFields,
      contextQuery,
      estimate: (exchange) => estimateRows(exchange, () => connectOwn(house().config)),
      counters: this.#counters,
      limits: { maxMessage, idleMs: deadlines.idle, writeMs: deadlines.write },
    }
  }

  // === doors

  #openDoor(listen: ListenConfig): FrontDoor {
    const { clock } = this.#options
    return new FrontDoor({
      protocol: postgresProtocol,
      clock,
      trail: this.#trail,
      agents: new KnownAgents({
        listed: () => this.#config.agents,
        credentials: this.#credentials,
        mockSecret: this.#keys.login,
      }),
      behind: (database) => this.#behind(database),
      tls: listen.tls && { context: secureContext(listen.tls), required: listen.tls.require },
      loginMs: listen.deadlines.login,
      maxConnections: listen.maxConnections,
    })
  }

  #behind(database: string): Behind | undefined {
    const lot = this.#lots.get(database)
    if (!lot) return undefined
    const { target, config } = lot.house
    return { services: lot.services, target, environment: config.environment }
  }

  async #listen(): Promise<ListeningAddress | null> {
    const address = this.#config.listen.postgres
    if (!address) return null
    this.#listener = new Listener((connection) => this.#door.accept(connection))
    return this.#listener.listen(address.host, address.port)
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
      for (const [, house] of built) await closeHouse(house)
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
      if (lot) {
        const old = lot.house
        lot.house = house
        await closeHouse(old)
      } else {
        const added: Lot = { house, services: this.#servicesOf(() => added.house) }
        this.#lots.set(name, added)
      }
    }
    for (const [name, lot] of this.#lots) {
      if (this.#config.databases.has(name)) {
        const { catalog, config, policy } = lot.house
        const next = this.#policyFor(catalog, config.classified)
        // Nothing has depended on the schema until now, so what is known of it may be old.
        if (policy.transparent && !next.transparent) await this.#readSchema(name, catalog)
        lot.house.policy = next
      } else {
        this.#lots.delete(name)
        await closeHouse(lot.house)
      }
    }
    this.#door.review()
  }

  /** What can't be read now is read when the catalog looks next; until then it knows what it knew. */
  async #readSchema(name: string, catalog: PostgresCatalog): Promise<void> {
    try {
      await catalog.refresh()
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
    this.#door.review()
    if (this.#trail.trouble) troubles.push(`audit: ${this.#trail.trouble}`)
    const { statements, held, refused, maskedResults, rows } = this.#counters
    const counters = {
      statements_total: statements,
      held_total: held,
      refused_total: refused,
      masked_results_total: maskedResults,
      rows_total: rows,
      sessions: this.#door.sessions,
    }
    this.#options.supervisor.report({ troubles, counters })
    this.#stopReport = this.#options.clock.after(REPORT_EVERY, () => this.#report())
  }

  /** Lets nobody in, lets what runs finish, and writes the end of the trail. */
  async close(): Promise<void> {
    this.#stopWatch()
    this.#stopReport()
    this.#listener?.close()
    await this.#door?.close(DRAIN_MS)
    await this.#options.supervisor.stop()
    for (const { house } of this.#lots.values()) await closeHouse(house)
    await this.#trail?.close()
  }
}

/** The databases whose protocol is spoken here. */
function served({ databases }: Config): DatabaseConfig[] {
  return [...databases.values()].filter(({ upstream }) => {
    const parsed = parseUpstream(upstream)
    return 'problem' in parsed || parsed.system === 'postgresql'
  })
}

async function closeHouse({ catalog, classifier }: House): Promise<void> {
  await catalog.close()
  await classifier.close()
}

function targetOf(config: DatabaseConfig): UpstreamTarget {
  const upstream = parseUpstream(config.upstream)
  try {
    if ('problem' in upstream) throw new Error(upstream.problem)
    return upstreamTarget(upstream)
  } catch (error) {
    const what = `databases.${config.name}.upstream: ${messageOf(error)}`
    throw new ProxyError('CONFIG_INVALID', what, { cause: error })
  }
}

/** A connection of the proxy's own, for the schema and for estimates. */
async function connectOwn(config: DatabaseConfig): Promise<pg.Client> {
  const upstream = parseUpstream(config.upstream)
  if ('problem' in upstream) throw new Error(upstream.problem)
  return connectUpstreamClient(upstream, 'countersign')
}

/** What the upstream's role could do that it had better not be able to; one sentence each. */
async function roleFacts(config: DatabaseConfig, catalog: PostgresCatalog): Promise<string[]> {
  const client = await connectOwn(config)
  try {
    return await inspectRole(client, catalog.current)
  } finally {
    await client.end()
  }
}

function secureContext(tls: NonNullable<ListenConfig['tls']>) {
  try {
    return createSecureContext({
      cert: readFileSync(tls.cert),
      key: readFileSync(tls.key),
      minVersion: 'TLSv1.2',
    })
  } catch (error) {
    throw new ProxyError('CONFIG_INVALID', `listen.tls: ${messageOf(error)}`, { cause: error })
  }
}

function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
