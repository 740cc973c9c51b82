import type { ClassMemory } from '../../catalog/class-memory.ts'
import type { DatabaseConfig } from '../../config/config.ts'
import type { Upstream } from '../../config/upstream-url.ts'
import type { Clock } from '../../lib/clock.ts'
import { judgeColumn } from './judge-column.ts'
import { codeOf, type ScannedTable, type ScanSource, type TableColumn } from './sampled.ts'

/** What a scan needs to open a database. */
export interface ScanParts {
  readonly database: DatabaseConfig
  readonly upstream: Upstream
  readonly clock: Clock
  readonly memory: ClassMemory
}

export interface ScanLimits {
  /** Rows of each table. 0: names and types only. */
  readonly sample: number
  /** Milliseconds after which no more rows are read. */
  readonly patienceMs: number
  readonly minConfidence: number
  /** schema.table or table, * matches; empty means all. */
  readonly tables: readonly string[]
}

export interface Proposal {
  readonly schema: string
  readonly table: string
  readonly column: string
  readonly dataClass: string
  /** 0 to 1, with two digits. */
  readonly confidence: number
  readonly reasons: readonly string[]
}

export interface ScanReport {
  readonly proposals: readonly Proposal[]
  /** Tables and columns that were looked at. */
  readonly looked: { readonly tables: number; readonly columns: number }
  /** Columns that have a class already, and so are left out. */
  readonly classified: number
  /** Columns that wait to be judged and for which nothing is proposed. */
  readonly unjudged: readonly {
    readonly schema: string
    readonly table: string
    readonly column: string
  }[]
  /** Tables whose rows weren't read, and why. */
  readonly unread: readonly {
    readonly schema: string
    readonly table: string
    readonly why: string
  }[]
}

/** Looks at every column that has no class yet. Nothing that it returns quotes a value. */
export async function scanTables(
  source: ScanSource,
  limits: ScanLimits,
  clock: Clock,
): Promise<ScanReport> {
  const proposals: Proposal[] = []
  const unread: ScanReport['unread'][number][] = []
  const tables = source.tables.filter((table) => isWanted(table, limits.tables))
  const until = clock.monotonic() + limits.patienceMs
  for (const table of tables) {
    const open = table.columns.filter(isOpen)
    if (open.length === 0) continue
    const { schema, name } = table
    const late = clock.monotonic() >= until
    const read = late
      ? 'the time for reading rows was up'
      : await valuesOf(source, table, open, limits)
    if (typeof read === 'string') unread.push({ schema, table: name, why: read })
    for (const [at, { name: column, family }] of open.entries()) {
      const values = typeof read === 'string' ? NOTHING : (read[at] ?? NOTHING)
      const finding = judgeColumn({ name: column, family, values })
      if (!finding) continue
      const confidence = Math.round(finding.confidence * 100) / 100
      if (confidence < limits.minConfidence) continue
      proposals.push({ schema, table: name, column, ...finding, confidence })
    }
  }
  const columns = tables.flatMap((table) => table.columns)
  return {
    proposals,
    looked: { tables: tables.length, columns: columns.length },
    classified: columns.filter((column) => !isOpen(column)).length,
    unjudged: waiting(tables, proposals),
    unread,
  }
}

const NOTHING: ReadonlySet<string> = new Set()

/** What is only masked because nobody has judged it is looked at like all that has no class. */
function isOpen({ classified, unjudged }: TableColumn): boolean {
  return unjudged || !classified
}

function isWanted({ schema, name }: ScannedTable, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true
  return wanted.some((pattern) => {
    const text = pattern.includes('.') ? `${schema}.${name}` : name
    const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`, 'su').test(text)
  })
}

/** The different values of each column; a sentence where they can't be had. */
async function valuesOf(
  source: ScanSource,
  table: ScannedTable,
  columns: readonly TableColumn[],
  { sample }: ScanLimits,
): Promise<readonly ReadonlySet<string>[] | string> {
  if (sample === 0) return 'no rows were asked for'
  if (table.rows === 'elsewhere') return 'its rows lie on another server'
  const readable = columns.filter(({ family }) => family !== 'other')
  if (readable.length === 0) return columns.map(() => NOTHING)
  try {
    const rows = await source.rows(table, readable, sample)
    return columns.map((column) => {
      const at = readable.indexOf(column)
      const values = at < 0 ? [] : rows.map((row) => row[at]?.trim() ?? '')
      return new Set(values.filter((value) => value !== ''))
    })
  } catch (error) {
    // Its message may quote a value.
    return `its rows can't be read (${codeOf(error)})`
  }
}

function waiting(
  tables: readonly ScannedTable[],
  proposals: readonly Proposal[],
): ScanReport['unjudged'] {
  const proposed = new Set(
    proposals.map(({ schema, table, column }) => JSON.stringify([schema, table, column])),
  )
  return tables.flatMap(({ schema, name: table, columns }) =>
    columns
      .filter(
        ({ unjudged, name }) => unjudged && !proposed.has(JSON.stringify([schema, table, name])),
      )
      .map(({ name: column }) => ({ schema, table, column })),
  )
}
