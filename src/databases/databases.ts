import { classMemoryOf } from '../catalog/class-memory.ts'
import type { Config, DatabaseConfig } from '../config/config.ts'
import type { Ground } from '../ground.ts'
import { messageOf } from '../lib/errors.ts'
import { sameJson } from '../lib/same-json.ts'
import { Detections } from '../mask/detect/detections.ts'
import { type ProtocolName, protocolOf, served } from '../protocols.ts'
import type { CacheSize } from '../sql/statement.ts'
import { Findings } from './findings.ts'
import type { House } from './house.ts'
import { type Lot, openLot, policyFor } from './lot.ts'

/** What only one system needs is loaded where a database of it is. */
const OPEN = {
  postgres: async () => (await import('./postgres-house.ts')).openPostgresHouse,
  mysql: async () => (await import('./mysql-house.ts')).openMysqlHouse,
} as const

/** The databases that are served, each with its house and the rules that hold in it. */
export class Databases {
  readonly #ground: Ground
  readonly #findings: Findings
  readonly #detections: Detections
  readonly #lots = new Map<string, Lot>()

  constructor(ground: Ground) {
    this.#ground = ground
    this.#findings = new Findings(ground)
    this.#detections = new Detections((...found) => this.#findings.detected(...found))
  }

  /** Builds all that the configuration has; rejects where one can't be reached or read. */
  async open(): Promise<void> {
    for (const config of served(this.#ground.config)) {
      this.#lots.set(config.name, openLot(this.#ground, await this.#build(config)))
    }
  }

  /** The database of this name, where it speaks this protocol. */
  find(protocol: ProtocolName, name: string): Lot | undefined {
    const lot = this.#lots.get(name)
    return lot?.protocol === protocol ? lot : undefined
  }

  get #houses(): readonly House[] {
    return [...this.#lots.values()].map(({ house }) => house)
  }

  /** The server speaks before anybody has named a database: as the first of them does. */
  get greeting(): House['greeting'] {
    return this.#houses.find(({ greeting }) => greeting)?.greeting ?? null
  }

  /** Rejects with UPSTREAM_UNAVAILABLE where the database can't be reached or read. */
  async #build(config: DatabaseConfig): Promise<House> {
    const { clock, log } = this.#ground
    const { name, detect } = config
    const open = await OPEN[protocolOf(config)]()
    const house = await open({
      config,
      all: () => this.#ground.config,
      clock,
      transparent: () => this.#lots.get(name)?.policy.transparent ?? false,
      memory: classMemoryOf(this.#ground.config.data, name, (why) => {
        log(`warning: ${name}: what is remembered of its columns: ${why}`)
      }),
      onUnjudged: (columns) => this.#findings.unjudged(name, columns),
      detector: this.#detections.detectorFor(name, detect),
    })
    for (const fact of await house.roleFacts()) log(`warning: ${name}: ${fact}`)
    return house
  }

  // === another configuration

  /** Builds anew what another configuration has otherwise; all of it, or none where one can't be. */
  async buildChanged(config: Config): Promise<readonly House[]> {
    const built: House[] = []
    try {
      for (const database of served(config)) {
        const old = this.#lots.get(database.name)?.house.config
        if (!sameJson(old, database)) built.push(await this.#build(database))
      }
    } catch (error) {
      await closeAll(built)
      throw error
    }
    return built
  }

  /** Puts houses in the place of those of their names, and the rules in force in all of them. */
  async moveIn(built: readonly House[]): Promise<void> {
    for (const house of built) await this.#replace(house)
    for (const [name, lot] of this.#lots) {
      if (this.#ground.config.databases.has(name)) await this.#takeRules(lot)
      else {
        this.#lots.delete(name)
        await lot.house.close()
      }
    }
  }

  async #replace(house: House): Promise<void> {
    const { name } = house.config
    const lot = this.#lots.get(name)
    if (lot?.protocol === protocolOf(house.config)) {
      const old = lot.house
      lot.house = house
      await old.close()
    } else {
      await lot?.house.close()
      this.#lots.set(name, openLot(this.#ground, house))
    }
  }

  async #takeRules(lot: Lot): Promise<void> {
    const next = policyFor(this.#ground, lot.house)
    // Nothing has depended on the schema until now, so what is known of it may be old.
    if (lot.policy.transparent && !next.transparent) await this.#readSchema(lot.house)
    lot.policy = next
  }

  /** What can't be read now is read when the catalog looks next; until then it knows what it knew. */
  async #readSchema({ config, services }: House): Promise<void> {
    try {
      await services.schema.refresh()
    } catch (error) {
      const why = messageOf(error)
      this.#ground.log(`${config.name}: the schema can't be read for the new rules: ${why}`)
    }
  }

  // === how they are

  /** Why schemas can't be read at present. */
  get troubles(): readonly string[] {
    return this.#houses.flatMap(({ trouble }) => trouble ?? [])
  }

  /** For /metrics: name -> value. */
  get counters(): Readonly<Record<string, number>> {
    return {
      unjudged_columns: this.#houses.reduce((sum, { unjudged }) => sum + unjudged, 0),
      ...this.#detections.counters,
      verdict_cache_entries: this.#cached('entries'),
      verdict_cache_bytes: this.#cached('bytes'),
    }
  }

  #cached(what: keyof CacheSize): number {
    return this.#houses.reduce((sum, { cached }) => sum + cached[what], 0)
  }

  close(): Promise<void> {
    return closeAll(this.#houses)
  }
}

export async function closeAll(houses: readonly House[]): Promise<void> {
  for (const house of houses) await house.close()
}
