/** What the judgement has to know of a database's schema; a catalog is one. */
export interface SchemaColumn {
  readonly name: string
  /** Null where nobody has classified it. */
  readonly dataClass: string | null
  /** Its value is computed from classified columns. */
  readonly derived: boolean
  /** As SHOW COLUMNS writes it: varchar(100). */
  readonly type?: string
  /** `*` leaves it out (CREATE TABLE ... INVISIBLE). */
  readonly invisible?: boolean
}

export interface SchemaTable {
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'view'
  readonly columns: readonly SchemaColumn[]
  /** True where any column is classified or derived from one that is. */
  readonly classified: boolean
  /** Code that writing it runs: the bodies of its triggers. */
  readonly triggers: readonly string[]
  /** Tables whose rows go, or lose what they refer to, with its own (foreign keys, ON DELETE). */
  readonly followers?: readonly { readonly schema: string; readonly name: string }[]
  /** For a view: the query that it stands for; its functions run where it is read. */
  readonly definition: string | null
  /** FEDERATED, CONNECT, SPIDER and others that keep rows elsewhere. */
  readonly remote: boolean
  /** What is written to it can be rolled back. */
  readonly transactional?: boolean
}

export interface SchemaRoutine {
  readonly kind: 'function' | 'procedure'
  readonly schema: string
  readonly name: string
  /** Its body in SQL; null where it can't be read or is in another language. */
  readonly body: string | null
}

/** One reading of a schema. Immutable; a newer reading has a higher version. */
export interface MysqlSchema {
  readonly version: number
  /** Names compare as the server does (lower_case_table_names). */
  table(schema: string, name: string): SchemaTable | undefined
  /** Tables of this name in any schema. */
  tablesNamed(name: string): readonly SchemaTable[]
  routine(kind: SchemaRoutine['kind'], schema: string, name: string): SchemaRoutine | undefined
  hasSchema(name: string): boolean
}

export interface MysqlSchemaSource {
  readonly current: MysqlSchema
  refresh(): Promise<MysqlSchema>
}
