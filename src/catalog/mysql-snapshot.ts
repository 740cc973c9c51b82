import type { Dialect } from '../sql/mysql/dialect.ts'
import type { MysqlSchema, SchemaColumn, SchemaRoutine, SchemaTable } from '../sql/mysql/schema.ts'
import type { MysqlServer } from './mysql-server.ts'

/** A name with the schema that it stands in. */
export interface ObjectName {
  readonly schema: string
  readonly name: string
}

export interface MysqlColumn extends SchemaColumn {
  /** As SHOW COLUMNS writes it: varchar(100). */
  readonly type: string
}

export interface MysqlTable extends SchemaTable {
  readonly columns: readonly MysqlColumn[]
  readonly followers: readonly ObjectName[]
  /** False for a view whose definition the role may not see. */
  readonly readable: boolean
  /** What a view's definition reads and calls. */
  readonly reads: readonly ObjectName[]
  readonly calls: readonly string[]
}

export interface MysqlSnapshotParts {
  readonly version: number
  readonly server: MysqlServer
  readonly tables: Iterable<MysqlTable>
  readonly routines: Iterable<SchemaRoutine>
  readonly schemas: readonly string[]
  /** Columns that nobody has judged: schema.table.column. */
  readonly unjudged?: readonly string[]
}

/** One reading of all schemas of a server, indexed by name. */
export class MysqlSnapshot implements MysqlSchema {
  readonly version: number
  /** Every data class that a column has, each once. */
  readonly classes: readonly string[]
  /** Columns that are masked until somebody judges them: schema.table.column. */
  readonly unjudged: readonly string[]
  readonly dialect: Dialect
  readonly lowerCaseTableNames: MysqlServer['lowerCaseTableNames']
  readonly #tables = new Map<string, MysqlTable>()
  readonly #named = new Map<string, MysqlTable[]>()
  readonly #routines = new Map<string, SchemaRoutine>()
  readonly #schemas: ReadonlySet<string>
  #columnNames: ReadonlySet<string> | null = null

  constructor(parts: MysqlSnapshotParts) {
    const { version, server, tables, routines, schemas, unjudged = [] } = parts
    this.version = version
    this.dialect = server.dialect
    this.lowerCaseTableNames = server.lowerCaseTableNames
    for (const table of tables) {
      this.#tables.set(this.keyOf(table.schema, table.name), table)
      const name = this.fold(table.name)
      const named = this.#named.get(name)
      if (named) named.push(table)
      else this.#named.set(name, [table])
    }
    for (const routine of routines) this.#routines.set(this.#routineKey(routine), routine)
    this.unjudged = unjudged
    this.classes = classesOf(this.#tables.values())
    this.#schemas = new Set(schemas.map((name) => this.fold(name)))
  }

  /** Whether any table has a column of this name; names of columns have no case. */
  namesColumn(name: string): boolean {
    this.#columnNames ??= new Set(
      [...this.#tables.values()].flatMap(({ columns }) =>
        columns.map((column) => column.name.toLowerCase()),
      ),
    )
    return this.#columnNames.has(name.toLowerCase())
  }

  table(schema: string, name: string): MysqlTable | undefined {
    return this.#tables.get(this.keyOf(schema, name))
  }

  tablesNamed(name: string): readonly MysqlTable[] {
    return this.#named.get(this.fold(name)) ?? []
  }

  routine(kind: SchemaRoutine['kind'], schema: string, name: string): SchemaRoutine | undefined {
    return this.#routines.get(this.#routineKey({ kind, schema, name }))
  }

  hasSchema(name: string): boolean {
    return this.#schemas.has(this.fold(name))
  }

  tables(): IterableIterator<MysqlTable> {
    return this.#tables.values()
  }

  routines(): IterableIterator<SchemaRoutine> {
    return this.#routines.values()
  }

  /** A schema's or table's name, so that equal ones have equal texts. */
  fold(name: string): string {
    return foldName(name, this.lowerCaseTableNames)
  }

  keyOf(schema: string, name: string): string {
    return JSON.stringify([this.fold(schema), this.fold(name)])
  }

  /** Routines' names compare without case everywhere ("Identifier Case Sensitivity"). */
  #routineKey(routine: Pick<SchemaRoutine, 'kind' | 'schema' | 'name'>): string {
    return JSON.stringify([routine.kind, this.fold(routine.schema), routine.name.toLowerCase()])
  }
}

function classesOf(tables: Iterable<MysqlTable>): readonly string[] {
  const classes = new Set<string>()
  for (const { classified, columns } of tables) {
    if (!classified) continue
    for (const { dataClass } of columns) if (dataClass !== null) classes.add(dataClass)
  }
  return [...classes]
}

export function foldName(name: string, lowerCase: MysqlServer['lowerCaseTableNames']): string {
  return lowerCase === 0 ? name : name.toLowerCase()
}
