/** The rows that an UPDATE or DELETE of one table touches, as parts of a query of them. */
export interface RowsTouched {
  /** The table as it stands in the statement, with its alias. */
  readonly from: string
  /**
   * The condition with its WHERE, of MySQL with ORDER BY and LIMIT behind it; empty where there is
   * none. It may end in a comment.
   */
  readonly where: string
  /** The statement's parameters, from 1, that the condition takes as its own first, second, ... */
  readonly parameters: readonly number[]
}
