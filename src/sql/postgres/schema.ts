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
  /** Code that writing it may run; of row security, reading it too. */
  readonly attached?: readonly AttachedCode[]
  /** The query of a view, which reading it runs. */
  readonly definition?: string
}

/** Code that hangs on a relation. */
export interface AttachedCode {
  readonly kind: 'trigger' | 'condition' | 'rule' | 'expression' | 'policy'
  /**
   * schema.function of a trigger, the definition of a trigger with a condition or of a rule, or the
   * expression.
   */
  readonly text: string
  /** Letters of the writes that set it off: i(nsert), u(pdate), d(elete), t(runcate). */
  readonly on: string
}

export interface SchemaFunction {
  readonly oid: number
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
  /** The CREATE FUNCTION of one in PL/pgSQL; null where it can't be read. */
  readonly definition: string | null
  /** Settings that hold while it runs: name=value. */
  readonly config: readonly string[]
  /** Ids of its parameters' types, and of its result's. */
  readonly argumentTypes: readonly number[]
  readonly resultType: number
  /** The functions that an aggregate is made of. */
  readonly support: readonly (readonly [schema: string, name: string])[]
  /** Expressions of its parameters' defaults; null where there are none. */
  readonly defaults: string | null
  /** Names of its parameters; '' for one without a name. */
  readonly parameters: readonly string[]
  readonly returnsSet: boolean
}

export interface SchemaType {
  readonly oid: number
  readonly name: string
  /** The checks of domains in it, which reading a value runs: expressions of VALUE. */
  readonly checks?: readonly string[]
}

/** One reading of a schema. Immutable; a newer reading has a higher version. */
export interface Schema {
  readonly version: number
  relationsNamed(name: string, schema?: string): readonly SchemaRelation[]
  /** Functions that didn't come with the server itself. */
  functionsNamed(name: string, schema?: string): readonly SchemaFunction[]
  typesNamed(name: string, schema?: string): readonly SchemaType[]
  type(oid: number): SchemaType | undefined
  /** Whether the server itself brought a function of this name. */
  hasBuiltin(name: string): boolean
  /** Whether one of those makes rows. */
  builtinReturnsSet(name: string): boolean
  /** Whether one of those is volatile. */
  builtinIsVolatile(name: string): boolean
  hasSchema(name: string): boolean
  /** Functions, as schema and name, behind the user's own operators of this name. */
  operatorFunctions(name: string): readonly (readonly [schema: string, name: string])[]
  /** The same behind casts from or to a type of this name. */
  castFunctions(type: string): readonly {
    readonly name: readonly [schema: string, name: string]
    /** The type that it casts from. */
    readonly from: number
  }[]
  /** The same behind casts that no text asks for. */
  readonly implicitCasts: readonly {
    readonly name: readonly [schema: string, name: string]
    readonly from: number
  }[]
}

export interface SchemaSource {
  readonly current: Schema
  refresh(): Promise<Schema>
}
