/** What the judgement has to know of a database's schema; the catalog is one. */
export interface SchemaColumn {
  readonly name: string
  readonly typeOid: number
  readonly dataClass: string | null
  readonly derived: boolean
}

export interface SchemaRelation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  /** By column number, ascending. */
  readonly columns: ReadonlyMap<number, SchemaColumn>
  readonly classified: boolean
  /** Code that writing it may run: triggers (schema.function), rules, expressions. */
  readonly attached?: readonly {
    readonly kind: 'trigger' | 'rule' | 'expression'
    readonly text: string
  }[]
}

export interface SchemaFunction {
  readonly schema: string
  readonly name: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly securityDefiner: boolean
  readonly language: string
  /** The extension that brought it, or null. */
  readonly extension: string | null
  /** Its source, for language sql; null where it isn't known. */
  readonly body: string | null
  /** Its source in another language; null where it isn't known. */
  readonly source: string | null
  /** Expressions of its parameters' defaults; null where there are none. */
  readonly defaults: string | null
  /** Names of its parameters; '' for one without a name. */
  readonly parameters: readonly string[]
  readonly returnsSet: boolean
}

export interface SchemaType {
  readonly oid: number
  readonly name: string
  /** True where a cast to it runs functions of the user's own: a domain with such a check. */
  readonly runsCode: boolean
}

/** One reading of a schema. Immutable; a newer reading has a higher version. */
export interface Schema {
  readonly version: number
  relationsNamed(name: string, schema?: string): readonly SchemaRelation[]
  /** Functions outside pg_catalog and information_schema. */
  functionsNamed(name: string, schema?: string): readonly SchemaFunction[]
  typesNamed(name: string, schema?: string): readonly SchemaType[]
  /** Whether pg_catalog has a function of this name. */
  hasBuiltin(name: string): boolean
  /** Whether one of those makes rows. */
  builtinReturnsSet(name: string): boolean
  hasSchema(name: string): boolean
  /** Functions of the user's own, as schema and name, behind operators of this name. */
  operatorFunctions(name: string): readonly (readonly [schema: string, name: string])[]
  /** The same behind casts from or to a type of this name. */
  castFunctions(type: string): readonly {
    readonly name: readonly [schema: string, name: string]
    /** The type that it casts from. */
    readonly from: number
  }[]
}

export interface SchemaSource {
  readonly current: Schema
  refresh(): Promise<Schema>
}
