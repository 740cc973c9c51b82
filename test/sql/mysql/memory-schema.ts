import type {
  MysqlSchema,
  MysqlSchemaSource,
  SchemaRoutine,
  SchemaTable,
} from '../../../src/sql/mysql/schema.ts'

/** A table of a test's schema: its columns, with a data class for those that have one. */
export interface MemoryTable {
  readonly columns: Readonly<Record<string, string | null>>
  /** Computed from classified columns. */
  readonly derived?: readonly string[]
  readonly invisible?: readonly string[]
  /** Of a view. */
  readonly definition?: string
  readonly triggers?: readonly string[]
  readonly remote?: boolean
  /** As SHOW COLUMNS writes them, for columns that have one. */
  readonly types?: Readonly<Record<string, string>>
  /** Tables that go with its rows. */
  readonly followers?: readonly string[]
}

export interface MemorySchema {
  readonly schema: string
  readonly tables: Readonly<Record<string, MemoryTable>>
  /** Bodies by name; null for one that can't be read. */
  readonly functions?: Readonly<Record<string, string | null>>
  readonly procedures?: Readonly<Record<string, string | null>>
}

/** A schema that lies in memory, for tests without a server. Names compare without case. */
export function memorySchema(options: MemorySchema): MysqlSchemaSource {
  const tables = Object.entries(options.tables).map(([name, table]) =>
    tableOf(options.schema, name, table),
  )
  const routines = [
    ...routinesOf('function', options.schema, options.functions ?? {}),
    ...routinesOf('procedure', options.schema, options.procedures ?? {}),
  ]
  const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()
  const current: MysqlSchema = {
    version: 1,
    table: (schema, name) => tables.find((own) => same(own.schema, schema) && same(own.name, name)),
    tablesNamed: (name) => tables.filter((own) => same(own.name, name)),
    routine: (kind, schema, name) =>
      routines.find((own) => own.kind === kind && same(own.schema, schema) && same(own.name, name)),
    hasSchema: (name) => same(name, options.schema),
  }
  return { current, refresh: async () => current }
}

function tableOf(schema: string, name: string, table: MemoryTable): SchemaTable {
  const derived = new Set(table.derived)
  const columns = Object.entries(table.columns).map(([column, dataClass]) => ({
    name: column,
    dataClass,
    derived: derived.has(column),
    invisible: table.invisible?.includes(column) ?? false,
    ...(table.types?.[column] === undefined ? {} : { type: table.types[column] }),
  }))
  return {
    schema,
    name,
    kind: table.definition === undefined ? 'table' : 'view',
    columns,
    classified: columns.some((column) => column.dataClass !== null || column.derived),
    triggers: table.triggers ?? [],
    definition: table.definition ?? null,
    remote: table.remote ?? false,
    followers: (table.followers ?? []).map((follower) => ({ schema, name: follower })),
  }
}

function* routinesOf(
  kind: SchemaRoutine['kind'],
  schema: string,
  bodies: Readonly<Record<string, string | null>>,
): Generator<SchemaRoutine> {
  for (const [name, body] of Object.entries(bodies)) yield { kind, schema, name, body }
}
