import { closingsOf } from './cursor.ts'
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

/** A statement of more is not followed. */
export const MAX_COMMON_TABLES = 200

/** Every name that a WITH of the statement makes. */
export function commonTablesOf(tokens: readonly Token[]): readonly CommonTable[] {
  const found: CommonTable[] = []
  if (!tokens.some(({ keyword }) => keyword === 'WITH')) return found
  const closings = closingsOf(tokens)
  const open: number[] = []
  for (let at = 0; at < tokens.length; at++) {
    if (isOp(tokens[at], '(')) open.push(at)
    else if (isOp(tokens[at], ')')) open.pop()
    else if (tokens[at]?.keyword === 'WITH') {
      const start = open.at(-1)
      const scope = start === undefined ? tokens.length : (closings.get(start) as number)
      readList(tokens, closings, at + 1, scope, found)
    }
  }
  return found
}

/** name [(columns)] AS (query), ... */
function readList(
  tokens: readonly Token[],
  closings: ReadonlyMap<number, number>,
  from: number,
  scope: number,
  found: CommonTable[],
): void {
  let at = from
  const recursive = tokens[at]?.keyword === 'RECURSIVE'
  if (recursive) at++
  while (found.length <= MAX_COMMON_TABLES) {
    const name = tokens[at]
    if (!isName(name)) return
    const nameAt = at++
    if (isOp(tokens[at], '(')) at = (closings.get(at) as number) + 1
    if (tokens[at]?.keyword !== 'AS' || !isOp(tokens[at + 1], '(')) return
    const to = closings.get(at + 1) as number
    found.push({ name: nameOf(name), from: at + 2, to, recursive, scope, at: nameAt })
    at = to + 1
    // MariaDB: CYCLE column, ... RESTRICT
    if (tokens[at]?.keyword === 'CYCLE')
      while (at < scope && tokens[at]?.keyword !== 'RESTRICT') at++
    if (tokens[at]?.keyword === 'RESTRICT') at++
    if (!isOp(tokens[at], ',')) return
    at++
  }
}

/**
 * Whether a table of this name, named at `at`, is one that WITH makes. Where the server tells names
 * apart by case, another case is another table; where it doesn't, more is masked than has to be.
 */
export function isCommonTable(tables: readonly CommonTable[], name: string, at: number): boolean {
  return tables.some(
    (table) =>
      table.name === name &&
      at < table.scope &&
      (at > table.to || (table.recursive && at >= table.from)),
  )
}
