import type pg from 'pg'
import { LineageReader } from '../sql/postgres/lineage.ts'
import type { Copy } from '../sql/statement.ts'
import type { CatalogColumn, CatalogFunction, CatalogRelation, CatalogType } from './catalog.ts'
import { ClassifiedPatterns } from './classified-patterns.ts'
import { ColumnLedger, textOf } from './column-ledger.ts'
import { type Attribution, ClassDerivation } from './derive-classes.ts'
import { attachedCode, checksOfTypes } from './hidden-code.ts'
import { type CatalogOptions, type KeptCatalog, keepCatalog } from './kept-catalog.ts'
import { copyInto } from './noted-copies.ts'
import { CHANGE_CHECK, type PostgresReading, readPostgres } from './postgres-reading.ts'
import { CatalogSnapshot, type SnapshotParts } from './snapshot.ts'

export type PostgresCatalogOptions = CatalogOptions<pg.Client>

export type PostgresCatalog = KeptCatalog<CatalogSnapshot>

/** Reads the schema of a PostgreSQL (13 to 18) and keeps it fresh. Rejects where it can't be read. */
export async function openPostgresCatalog(
  options: PostgresCatalogOptions,
): Promise<PostgresCatalog> {
  const lineage = await LineageReader.open(options.trustedFunctions)
  const reader = new SnapshotReader(options, lineage)
  const { clock, checkEveryMs, onTrouble, onRecovery } = options
  return keepCatalog<pg.Client, CatalogSnapshot>(
    {
      connect: async (broken) => {
        const client = await options.connect()
        client.on('error', broken)
        await client.query(SESSION)
        return client
      },
      disconnect: (client) => client.end(),
      read: (client, before) => reader.read(client, before),
      clock,
      checkEveryMs,
      onTrouble,
      onRecovery,
    },
    (copies) => reader.note(copies),
  )
}

const SESSION = `
  SET search_path = '';
  SET default_transaction_read_only = on;
  SET statement_timeout = '30s';
  SET lock_timeout = '2s';
  SET client_min_messages = error`

/** Turns readings into snapshots, and knows what the last of them were made from. */
class SnapshotReader {
  readonly #patterns: ClassifiedPatterns
  readonly #lineage: LineageReader
  readonly #ledger: ColumnLedger
  #content = ''
  #state = ''

  constructor(options: PostgresCatalogOptions, lineage: LineageReader) {
    this.#patterns = new ClassifiedPatterns(options.classified)
    this.#lineage = lineage
    this.#ledger = new ColumnLedger(options)
  }

  note(copies: readonly Copy[]): void {
    this.#ledger.note(copies.map((copy) => copyInto(copy)))
  }

  async read(client: pg.Client, before: CatalogSnapshot | null): Promise<CatalogSnapshot> {
    await this.#ledger.open()
    const snapshot = await this.#newest(client, before)
    await this.#ledger.save()
    return snapshot
  }

  async #newest(client: pg.Client, before: CatalogSnapshot | null): Promise<CatalogSnapshot> {
    const state = await changeState(client)
    if (this.#ledger.takeNews()) this.#forget()
    if (before && state === this.#state) return before
    const reading = await readPostgres(client)
    const content = JSON.stringify(reading)
    this.#state = state
    if (before && content === this.#content) return before
    const snapshot = await this.#snapshotOf(reading, client, before)
    this.#content = content
    return snapshot
  }

  #forget(): void {
    this.#state = ''
    this.#content = ''
  }

  /** The types once more, those marked whose checks do more than compute; null where none has one. */
  #typesThatRunCode(
    types: SnapshotParts['types'],
    schema: CatalogSnapshot,
  ): SnapshotParts['types'] | null {
    const all = [...types]
    if (all.every(({ checks }) => checks === undefined || checks.length === 0)) return null
    return all.map((type) => {
      const runsCode = type.checks?.some((check) => this.#lineage.doesMore(check, schema)) ?? false
      return { ...type, runsCode }
    })
  }

  async #snapshotOf(
    reading: PostgresReading,
    client: pg.Client,
    before: CatalogSnapshot | null,
  ): Promise<CatalogSnapshot> {
    const parts = partsOf(reading, (before?.version ?? 0) + 1)
    const by = { patterns: this.#patterns, lineage: this.#lineage, before, ledger: this.#ledger }
    const derive = (attributions: ReadonlyMap<number, Attribution>) =>
      new ClassDerivation(reading, parts.relations, by).run(parts, attributions)
    const first = derive(new Map())
    const attributions = await attributionsOf(reading, first.relations, client)
    const last = attributions.size > 0 ? derive(attributions) : first
    this.#ledger.settle(last.tables, last.unjudged)
    const { relations } = last
    const all = { ...parts, relations, unjudged: last.unjudged.map(textOf) }
    const schema = new CatalogSnapshot(all)
    const types = this.#typesThatRunCode(parts.types, schema)
    return types === null ? schema : new CatalogSnapshot({ ...all, types })
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
  const checks = checksOfTypes(reading)
  const relations = reading.relations.map((row) => ({
    oid: row.oid,
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind] ?? 'other',
    owner: row.owner,
    columns: columns.get(row.oid) ?? new Map<number, CatalogColumn>(),
    classified: false,
    attached: attached.get(row.oid) ?? [],
    ...(row.kind === 'v' && row.definition !== null ? { definition: row.definition } : {}),
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
      definition: row.definition,
      config: row.config,
      argumentTypes: row.argumentTypes,
      resultType: row.resultType,
      support: pairs(row.support),
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
      ...(isArray(row) ? { elementOid: row.element } : {}),
      runsCode: false,
      checks: checks.get(row.oid) ?? [],
    })),
    builtins: new Map(reading.builtins.map((row) => [row.name, row])),
    schemas: new Set(reading.schemas),
    hiddenCalls: reading.hiddenCalls,
  }
}

function pairs(names: readonly string[]): (readonly [string, string])[] {
  return names.flatMap((schema, index) => {
    const name = names[index + 1]
    return index % 2 === 0 && name !== undefined ? [[schema, name] as const] : []
  })
}

function columnsByRelation(reading: PostgresReading): Map<number, Map<number, CatalogColumn>> {
  const relations = new Map<number, Map<number, CatalogColumn>>()
  for (const { relation, number, name, type, generated } of reading.columns) {
    const columns = relations.get(relation) ?? new Map<number, CatalogColumn>()
    const column = { number, name, typeOid: type, dataClass: null, derived: false }
    columns.set(number, generated === null ? column : { ...column, generated: true })
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

/** The server names the array of a type _name, with more of them where that is taken. */
function isArray({ kind, name, element }: PostgresReading['types'][number]): boolean {
  return kind === 'b' && name.startsWith('_') && element !== 0
}
