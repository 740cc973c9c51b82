/** A column of a relation, with what is known about its content. */
export interface CatalogColumn {
  readonly number: number
  readonly name: string
  readonly typeOid: number
  /** The data class, or null where nobody has classified it. */
  readonly dataClass: string | null
  /** True where the value is computed from classified columns, so only a whole mask is safe. */
  readonly derived: boolean
  /** Its values are computed from other columns of the row; COPY leaves it out. */
  readonly generated?: true
}

export interface CatalogRelation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind:
    | 'table'
    | 'view'
    | 'materialized-view'
    | 'foreign-table'
    | 'partitioned-table'
    | 'other'
  readonly owner: string
  /** By column number (1-based, as in RowDescription). */
  readonly columns: ReadonlyMap<number, CatalogColumn>
  /** True where any column is classified or derived from one that is. */
  readonly classified: boolean
  /** Code that writing it may run; of row security, reading it too. */
  readonly attached?: readonly AttachedCode[]
  /** The query of a view, which reading it runs. */
  readonly definition?: string
}

/** Code that runs without being called by name. */
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

export interface CatalogFunction {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly securityDefiner: boolean
  readonly language: string
  readonly extension: string | null
  /** The source of a function in language sql; null for others. */
  readonly body: string | null
  /** The source in another language than sql, where that can be read. */
  readonly source: string | null
  /** The CREATE FUNCTION of one in PL/pgSQL; null where it can't be read. */
  readonly definition: string | null
  /** Settings that hold while it runs: name=value. */
  readonly config: readonly string[]
  /** Ids of its parameters' types, and of its result's. */
  readonly argumentTypes: readonly number[]
  readonly resultType: number
  /** The functions that an aggregate is made of. */
  readonly support: readonly QualifiedName[]
  /** Expressions of its parameters' defaults; null where there are none. */
  readonly defaults: string | null
  /** Names of its parameters, '' for one without. */
  readonly parameters: readonly string[]
  readonly returnsSet: boolean
}

export interface CatalogType {
  readonly oid: number
  readonly name: string
  /** pg_type.typtype: base, composite, domain, enum, pseudo, range, multirange. */
  readonly kind: 'b' | 'c' | 'd' | 'e' | 'p' | 'r' | 'm'
  readonly baseOid: number
  /** What the elements of an array type are. */
  readonly elementOid?: number
  /** True where reading a value does more than compute: a domain's check, also inside. */
  readonly runsCode: boolean
  /** The checks of domains in it, as expressions of VALUE. */
  readonly checks?: readonly string[]
}

export type QualifiedName = readonly [schema: string, name: string]

export interface CastFunction {
  readonly name: QualifiedName
  /** The type that it casts from. */
  readonly from: number
}

/** One reading of an upstream's schema. Immutable; a newer reading has a higher version. */
export interface Catalog {
  readonly version: number
  relation(oid: number): CatalogRelation | undefined
  /** All relations of this name; of one schema where it is given. */
  relationsNamed(name: string, schema?: string): readonly CatalogRelation[]
  /** All functions of this name outside pg_catalog; of one schema where it is given. */
  functionsNamed(name: string, schema?: string): readonly CatalogFunction[]
  type(oid: number): CatalogType | undefined
  /** All types of this name; of one schema where it is given. */
  typesNamed(name: string, schema?: string): readonly CatalogType[]
  /** Whether pg_catalog has a function of this name. */
  hasBuiltin(name: string): boolean
  /** Whether one of those returns a set of rows. */
  builtinReturnsSet(name: string): boolean
  /** Whether one of those is volatile. */
  builtinIsVolatile(name: string): boolean
  hasSchema(name: string): boolean
  /** Functions, as schema and name, behind the user's own operators of this name. */
  operatorFunctions(name: string): readonly QualifiedName[]
  /** The same behind casts from or to a type of this name. */
  castFunctions(type: string): readonly CastFunction[]
  /** The same behind casts that no text asks for. */
  readonly implicitCasts: readonly CastFunction[]
}

/** Keeps the newest catalog of one database at hand. */
export interface CatalogSource {
  readonly current: Catalog
  /** Reads the schema again; callers that ask while a reading is under way share it. */
  refresh(): Promise<Catalog>
}
