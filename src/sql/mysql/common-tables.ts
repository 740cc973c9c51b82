import { closingOf } from './cursor.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** A name that WITH gives to a query. */
export interface CommonTable {
  readonly name: string
  /** Indexes of the tokens of its own query. */
  readonly from: number
  readonly to: number
  /** It may name itself. */
  readonly recursive: boolean
  /** The index behind the last token that may use it. */
  readonly scope: number
  /** The index of the name. */
  readonly at: number
}

/** Every name that a WITH of the statement makes. */
export function commonTablesOf(tokens: readonly Token[]): readonly CommonTable[] {
  const found: CommonTable[] = []
  const open: number[] = []
  for (let at = 0; at < tokens.length; at++) {
    if (isOp(tokens[at], '(')) open.push(at)
    else if (isOp(tokens[at], ')')) open.pop()
    else if (tokens[at]?.keyword === 'WITH') {
      const start = open.at(-1)
      const scope = start === undefined ? tokens.length : closingOf(tokens, start)
      readList(tokens, at + 1, scope, found)
    }
  }
  return found
}

/** name [(columns)] AS (query), ... */
function readList(
  tokens: readonly Token[],
  from: number,
  scope: number,
  found: CommonTable[],
): void {
  let at = from
  const recursive = tokens[at]?.keyword === 'RECURSIVE'
  if (recursive) at++
  for (;;) {
    const name = tokens[at]
    if (!isName(name)) return
    const nameAt = at++
    if (isOp(tokens[at], '(')) at = closingOf(tokens, at) + 1
    if (tokens[at]?.keyword !== 'AS' || !isOp(tokens[at + 1], '(')) return
    const to = closingOf(tokens, at + 1)
    found.push({ name: nameOf(name).toLowerCase(), from: at + 2, to, recursive, scope, at: nameAt })
    at = to + 1
    // MariaDB: CYCLE column, ... RESTRICT
    if (tokens[at]?.keyword === 'CYCLE')
      while (at < scope && tokens[at]?.keyword !== 'RESTRICT') at++
    if (tokens[at]?.keyword === 'RESTRICT') at++
    if (!isOp(tokens[at], ',')) return
    at++
  }
}

/** Whether a table of this name, named at `at`, is one that WITH makes. */
export function isCommonTable(tables: readonly CommonTable[], name: string, at: number): boolean {
  const wanted = name.toLowerCase()
  return tables.some(
    (table) =>
      table.name === wanted &&
      at < table.scope &&
      (at > table.to || (table.recursive && at >= table.from)),
  )
}
