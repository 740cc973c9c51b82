/** A column of a relation, with what is known about its content. */
export interface CatalogColumn {
  readonly number: number
  readonly name: string
  readonly typeOid: number
  /** The data class, or null where nobody has classified it. */
  readonly dataClass: string | null
  /** True where the value is computed from classified columns, so only a whole mask is safe. */
  readonly derived: boolean
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
  /** True for a domain whose check calls functions of the user's own: a cast runs them. */
  readonly runsCode: boolean
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
  hasSchema(name: string): boolean
}

/** Keeps the newest catalog of one database at hand. */
export interface CatalogSource {
  readonly current: Catalog
  /** Reads the schema again; callers that ask while a reading is under way share it. */
  refresh(): Promise<Catalog>
}
