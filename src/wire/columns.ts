/** One value as it travels: null is SQL NULL. */
export type Cell = Buffer | null

/** One output column as the server describes it. */
export interface ResultColumn {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly typeOid: number
  readonly typeModifier: number
  /** 0 text, 1 binary. */
  readonly format: number
  /** By name, where the server doesn't use ids (MySQL). It may add masking and never removes it. */
  readonly origin?: ColumnOrigin
  /** What else a MySQL server says of the column. */
  readonly facts?: {
    /** The id of its collation; 63 is binary. */
    readonly charset: number
    /** NOT_NULL_FLAG and the rest (manual, "Column Definition Flags"). */
    readonly flags: number
    readonly decimals: number
    /** The most bytes that a value takes as text. */
    readonly length: number
  }
}

/** Where a column comes from, as the server says; parts are empty where it is computed. */
export interface ColumnOrigin {
  readonly schema: string
  /** The table's name in the statement. */
  readonly tableAlias: string
  readonly table: string
  readonly column: string
}
