/** What is wrong with a file, and what had better be otherwise. */
export interface Findings {
  readonly problems: string[]
  readonly warnings: string[]
}
