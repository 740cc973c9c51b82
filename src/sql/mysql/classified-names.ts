import type { Analysis } from './analysis.ts'
import type { StatementText } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** Words with which another part of a query begins. */
export const OTHER_PARTS = new Set([
  'SELECT',
  'FROM',
  'JOIN',
  'UNION',
  'SET',
  'VALUES',
  'INTO',
  'RETURNING',
])

/** Rounds over the statement: an alias of an alias of an alias is followed this far. */
const MAX_ROUNDS = 6

/**
 * Names under which a classified value may stand: the columns' own, and every name that the
 * statement gives to what is computed from one.
 */
export function classifiedNames(
  analysis: Analysis,
  { tokens }: StatementText,
): ReadonlySet<string> {
  const names = new Set<string>()
  for (const table of analysis.findings.known) {
    for (const column of table.columns) {
      if (column.dataClass !== null || column.derived) names.add(column.name.toLowerCase())
    }
  }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = names.size
    addAliases(tokens, names)
    if (names.size === before) break
  }
  return names
}

/** Adds the alias of each item that holds one of the names, and lists of columns behind a table's. */
function addAliases(tokens: readonly Token[], names: Set<string>): void {
  const lists: List[] = [newList(0)]
  const say = () => {
    const list = lists.at(-1)
    if (list) list.item = list.any = true
  }
  for (const [at, token] of tokens.entries()) {
    const list = lists.at(-1) as List
    if (isOp(token, '(')) lists.push(newList(at))
    else if (isOp(token, ')')) {
      if (lists.length === 1) continue
      lists.pop()
      if (!list.any) continue
      if (list.combined) addItems(tokens, list.from, at, names)
      say()
      addColumnList(tokens, at + 1, names)
    } else if (isOp(token, ',') || OTHER_PARTS.has(token.keyword)) {
      list.item = false
      list.combined ||= token.keyword === 'UNION'
    } else if (COMBINING.has(token.keyword)) list.combined = true
    else if (isName(token)) {
      const name = nameOf(token).toLowerCase()
      if (names.has(name)) say()
      else if (list.item && givesName(tokens, at)) names.add(name)
    }
  }
  const [top] = lists
  if (top?.any && top.combined) addItems(tokens, 0, tokens.length, names)
  addCommonColumns(tokens, names)
}

const NO_NAME = new Set(['END', 'NULL', 'ASC', 'DESC', 'TRUE', 'FALSE', 'UNKNOWN'])

/** What is known of the text between two parentheses. */
interface List {
  readonly from: number
  /** The item at hand holds one of the names. */
  item: boolean
  /** One of its items does. */
  any: boolean
  /** Rows of several queries stand in it, each column under the name that the first query gives. */
  combined: boolean
}

function newList(from: number): List {
  return { from, item: false, any: false, combined: false }
}

const COMBINING = new Set(['EXCEPT', 'INTERSECT'])

/** Every name that an item of a list of columns ends with. */
function addItems(tokens: readonly Token[], from: number, to: number, names: Set<string>): void {
  for (let at = from; at < to; at++) {
    const token = tokens[at]
    if (!isName(token) || NO_NAME.has(token.keyword) || OTHER_PARTS.has(token.keyword)) continue
    const next = tokens[at + 1]
    const ends = isOp(next, ',') || isOp(next, ')') || next?.keyword === 'FROM'
    if (ends || next?.keyword === 'UNION' || COMBINING.has(next?.keyword ?? '')) {
      names.add(nameOf(token).toLowerCase())
    }
  }
}

/** x AS name, or x name in front of a comma, FROM or the end. */
function givesName(tokens: readonly Token[], at: number): boolean {
  if (isOp(tokens[at - 1], '.') || isOp(tokens[at + 1], '.') || isOp(tokens[at + 1], '('))
    return false
  if (tokens[at - 1]?.keyword === 'AS') return true
  const next = tokens[at + 1]
  if (NO_NAME.has(tokens[at]?.keyword ?? '')) return false
  const ends = next === undefined || isOp(next, ',') || isOp(next, ')') || next.keyword === 'FROM'
  const before = tokens[at - 1]
  const value = isName(before) || isOp(before, ')') || before?.kind === 'string'
  return ends && value
}

/** (SELECT email ...) AS x (a, b): any of the columns may hold it. */
function addColumnList(tokens: readonly Token[], from: number, names: Set<string>): void {
  let at = from
  if (tokens[at]?.keyword === 'AS') at++
  if (!isName(tokens[at]) || !isOp(tokens[at + 1], '(')) return
  for (at += 2; isName(tokens[at]); at += 2) names.add(nameOf(tokens[at] as Token).toLowerCase())
}

/** WITH x (a, b) AS (SELECT email ...): alike. */
function addCommonColumns(tokens: readonly Token[], names: Set<string>): void {
  for (const [at, token] of tokens.entries()) {
    const opens = isOp(token, '(') && isName(tokens[at - 1])
    if (!opens) continue
    let end = at + 1
    while (isName(tokens[end]) && isOp(tokens[end + 1], ',')) end += 2
    if (!isName(tokens[end]) || !isOp(tokens[end + 1], ')')) continue
    if (tokens[end + 2]?.keyword !== 'AS' || !isOp(tokens[end + 3], '(')) continue
    for (let column = at + 1; column <= end; column += 2) {
      names.add(nameOf(tokens[column] as Token).toLowerCase())
    }
  }
}
