/** What one output column of a query is computed from. */
export interface OutputLineage {
  /** Empty where the server's name for it isn't certain. */
  readonly name: string
  /** Data classes of the classified columns behind it. */
  readonly classes: readonly string[]
  /** It is a base column's value, unchanged. */
  readonly plain: boolean
  /** Something behind it isn't known, or has no class. */
  readonly unknown: boolean
  /**
   * Names that WITH makes in a statement that reads nothing classified: the server says of their
   * columns that they are of the tables so called.
   */
  readonly notTables?: readonly string[]
  /** What it is computed from, as far as that is classified or unknown. Empty: fit to see. */
  readonly sources: readonly string[]
}
