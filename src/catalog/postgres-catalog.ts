import type pg from 'pg'
import type { CancelTimer, Clock } from '../lib/clock.ts'
import { LineageReader } from '../sql/postgres/lineage.ts'
import type {
  CatalogColumn,
  CatalogFunction,
  CatalogRelation,
  CatalogSource,
  CatalogType,
} from './catalog.ts'
import { ClassifiedPatterns } from './classified-patterns.ts'
import { type Attribution, ClassDerivation } from './derive-classes.ts'
import { attachedCode, typesThatRunCode } from './hidden-code.ts'
import { CHANGE_CHECK, type PostgresReading, readPostgres } from './postgres-reading.ts'
import { CatalogSnapshot, type SnapshotParts } from './snapshot.ts'

export interface PostgresCatalogOptions {
  /** Opens a connection of the catalog's own. Called again after it has broken. */
  readonly connect: () => Promise<pg.Client>
  /** Column pattern -> data class; `none` declares a column fit to see. */
  readonly classified: Readonly<Record<string, string>>
  /** schema.function: their results are fit to see, in views too. */
  readonly trustedFunctions?: readonly string[]
  readonly clock: Clock
  /** Milliseconds between looks for changes; 5,000 by default. */
  readonly checkEveryMs?: number
  /** Told when the schema can't be read; the reading before it stays in force. */
  readonly onTrouble?: (error: unknown) => void
}

export interface PostgresCatalog extends CatalogSource {
  readonly current: CatalogSnapshot
  refresh(): Promise<CatalogSnapshot>
  close(): Promise<void>
}

/** Reads the schema of a PostgreSQL (13 to 18) and keeps it fresh. Rejects where it can't be read. */
export async function openPostgresCatalog(
  options: PostgresCatalogOptions,
): Promise<PostgresCatalog> {
  const lineage = await LineageReader.open(options.trustedFunctions)
  const keeper = new CatalogKeeper(options, lineage)
  try {
    await keeper.refresh()
    return keeper
  } catch (error) {
    await keeper.close()
    throw error
  }
}

const SESSION = `
  SET search_path = '';
  SET default_transaction_read_only = on;
  SET statement_timeout = '30s';
  SET lock_timeout = '2s';
  SET client_min_messages = error`

class CatalogKeeper implements PostgresCatalog {
  readonly #options: PostgresCatalogOptions
  readonly #patterns: ClassifiedPatterns
  readonly #lineage: LineageReader
  #snapshot: CatalogSnapshot | null = null
  #content = ''
  #state = ''
  #client: Promise<pg.Client> | null = null
  /** The reading under way, and the one that must follow it. */
  #reading: Promise<CatalogSnapshot> | null = null
  #next: Promise<CatalogSnapshot> | null = null
  #cancelCheck: CancelTimer = () => {}
  #closed = false

  constructor(options: PostgresCatalogOptions, lineage: LineageReader) {
    this.#options = options
    this.#patterns = new ClassifiedPatterns(options.classified)
    this.#lineage = lineage
    this.#scheduleCheck()
  }

  get current(): CatalogSnapshot {
    if (!this.#snapshot) throw new Error('the schema has not been read yet')
    return this.#snapshot
  }

  /** A reading that began before the call may miss what the caller asks about: another follows. */
  refresh(): Promise<CatalogSnapshot> {
    if (!this.#reading) return this.#startReading()
    this.#next ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = null
        return this.#startReading()
      })
    return this.#next
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelCheck()
    await this.#lineage.close()
    const client = await this.#client?.catch(() => null)
    this.#client = null
    await client?.end()
  }

  #startReading(): Promise<CatalogSnapshot> {
    this.#reading = this.#read().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  async #read(): Promise<CatalogSnapshot> {
    return this.#withClient(async (client) => {
      const state = await changeState(client)
      if (this.#snapshot && state === this.#state) return this.#snapshot
      const reading = await readPostgres(client)
      const content = JSON.stringify(reading)
      this.#state = state
      if (this.#snapshot && content === this.#content) return this.#snapshot
      this.#snapshot = await this.#snapshotOf(reading, client)
      this.#content = content
      return this.#snapshot
    })
  }

  async #snapshotOf(reading: PostgresReading, client: pg.Client): Promise<CatalogSnapshot> {
    const parts = partsOf(reading, (this.#snapshot?.version ?? 0) + 1)
    const derive = (attributions: ReadonlyMap<number, Attribution>) => {
      const run = new ClassDerivation(reading, parts.relations, {
        patterns: this.#patterns,
        lineage: this.#lineage,
        before: this.#snapshot,
      })
      return run.run(parts, attributions)
    }
    const relations = derive(new Map())
    const attributions = await attributionsOf(reading, relations, client)
    const last = attributions.size > 0 ? derive(attributions) : relations
    return new CatalogSnapshot({ ...parts, relations: last })
  }

  async #withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    this.#client ??= this.#connect()
    const own = this.#client
    try {
      return await use(await own)
    } catch (error) {
      if (this.#client === own) this.#client = null
      void own.then((client) => client.end()).catch(() => {})
      throw error
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = await this.#options.connect()
    client.on('error', () => {
      this.#client = null
    })
    await client.query(SESSION)
    return client
  }

  #scheduleCheck(): void {
    const every = this.#options.checkEveryMs ?? 5000
    this.#cancelCheck = this.#options.clock.after(every, () => {
      if (this.#closed) return
      this.refresh()
        .catch((error: unknown) => this.#options.onTrouble?.(error))
        .finally(() => {
          if (!this.#closed) this.#scheduleCheck()
        })
        .catch(() => {})
    })
  }
}

async function changeState(client: pg.Client): Promise<string> {
  const result = await client.query<{ state: string }>(CHANGE_CHECK)
  return result.rows[0]?.state ?? ''
}

const KINDS: Readonly<Record<string, CatalogRelation['kind']>> = {
  r: 'table',
  v: 'view',
  m: 'materialized-view',
  f: 'foreign-table',
  p: 'partitioned-table',
}

const VOLATILITIES: Readonly<Record<string, CatalogFunction['volatility']>> = {
  i: 'immutable',
  s: 'stable',
}

function partsOf(reading: PostgresReading, version: number): SnapshotParts {
  const columns = columnsByRelation(reading)
  const attached = attachedCode(reading)
  const risky = typesThatRunCode(reading)
  const relations = reading.relations.map((row) => ({
    oid: row.oid,
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind] ?? 'other',
    owner: row.owner,
    columns: columns.get(row.oid) ?? new Map<number, CatalogColumn>(),
    classified: false,
    attached: attached.get(row.oid) ?? [],
  }))
  return {
    version,
    relations,
    functions: reading.functions.map((row) => ({
      oid: row.oid,
      schema: row.schema,
      name: row.name,
      volatility: VOLATILITIES[row.volatility] ?? 'volatile',
      securityDefiner: row.definer,
      language: row.language,
      extension: row.extension,
      body: row.body,
      source: row.source,
      defaults: row.defaults,
      parameters: row.parameters,
      returnsSet: row.returnsSet,
    })),
    types: reading.types.map((row) => ({
      oid: row.oid,
      schema: row.schema,
      name: row.name,
      kind: row.kind as CatalogType['kind'],
      baseOid: row.base,
      runsCode: risky.has(row.oid),
    })),
    builtins: new Map(reading.builtins.map((row) => [row.name, row.returnsSet])),
    schemas: new Set(reading.schemas),
    hiddenCalls: reading.hiddenCalls,
  }
}

function columnsByRelation(reading: PostgresReading): Map<number, Map<number, CatalogColumn>> {
  const relations = new Map<number, Map<number, CatalogColumn>>()
  for (const { relation, number, name, type } of reading.columns) {
    const columns = relations.get(relation) ?? new Map<number, CatalogColumn>()
    columns.set(number, { number, name, typeOid: type, dataClass: null, derived: false })
    relations.set(relation, columns)
  }
  return relations
}

/** Asks the server which columns the views on classified data show; it knows its own rules best. */
async function attributionsOf(
  reading: PostgresReading,
  relations: readonly CatalogRelation[],
  client: pg.Client,
): Promise<ReadonlyMap<number, Attribution>> {
  const any = relations.some((relation) => relation.classified)
  const attributions = new Map<number, Attribution>()
  for (const row of any ? reading.relations : []) {
    if (row.definition === null) continue
    const attribution = await attributionOf(row.definition, client)
    if (attribution) attributions.set(row.oid, attribution)
  }
  return attributions
}

async function attributionOf(definition: string, client: pg.Client): Promise<Attribution | null> {
  const text = `SELECT * FROM (${definition.replace(/;\s*$/, '')}) v LIMIT 0`
  try {
    const { fields } = await client.query(text)
    return fields.map(({ tableID, columnID }) => ({ relation: tableID, column: columnID }))
  } catch {
    // A role without the view owner's rights: the view's own text decides.
    return null
  }
}
