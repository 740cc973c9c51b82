import type { Analysis } from './analysis.ts'
import { classifiedNames, OTHER_PARTS } from './classified-names.ts'
import { isCarrier } from './functions.ts'
import type { StatementText } from './statement-text.ts'
import { takesEverything } from './tables.ts'
import { isName, isOp, type NameToken, nameOf, type Token } from './token.ts'

/** Clauses that sort, choose or join rows. */
const CHOOSING = new Set([
  'WHERE',
  'ON',
  'USING',
  'HAVING',
  'GROUP',
  'ORDER',
  'PARTITION',
  'WINDOW',
  'LIMIT',
])

/**
 * Notes where the value of a classified column could be guessed: in a condition other than IS NULL
 * or equality with constants, in an order, a group or a join, in what waits, and in a variable.
 */
export function checkProbes(analysis: Analysis, text: StatementText): void {
  const { findings } = analysis
  if (!findings.known.some(({ classified }) => classified)) return
  const columns = classifiedNames(analysis, text)
  const { tokens } = text
  const named = takesEverything(text) || tokens.some((token) => isColumn(token, columns))
  const clauses: (string | null)[] = [null]
  for (const [at, token] of tokens.entries()) {
    const clause = clauses.at(-1) ?? null
    if (isOp(token, '(')) clauses.push(carries(tokens[at - 1]) ?? clause)
    else if (isOp(token, ')')) {
      if (clauses.length > 1) clauses.pop()
    } else if (CHOOSING.has(token.keyword)) clauses[clauses.length - 1] = token.keyword
    else if (OTHER_PARTS.has(token.keyword)) clauses[clauses.length - 1] = null
    else if (token.keyword === 'NATURAL') {
      findings.effect('probe', 'joins tables with classified columns by what they have in common')
    } else if (clause !== null) {
      if (isColumn(token, columns)) {
        if (!isSafe(tokens, at, clause)) note(analysis, nameOf(token), clause)
      } else if (named && isOrdinal(tokens, at, clause)) {
        findings.effect('probe', `${clause} BY a column of a classified table by its number`)
      }
    }
  }
  if (named) checkKept(analysis, tokens)
  const carrier = tokens.find((token, at) => isOp(tokens[at + 1], '(') && carries(token) !== null)
  if (named && carrier)
    note(analysis, 'a classified column', `a statement with ${carries(carrier)}`)
}

function note({ findings }: Analysis, name: string, clause: string): void {
  const where =
    clause === 'ORDER' || clause === 'GROUP' || clause === 'PARTITION' ? `${clause} BY` : clause
  findings.effect('probe', `${name} is used in ${where}, which can be used to guess its values`)
}

function isColumn(token: Token | undefined, columns: ReadonlySet<string>): token is NameToken {
  return isName(token) && columns.has(nameOf(token).toLowerCase())
}

/** The arguments of what waits, locks or keeps them count as a condition. */
function carries(before: Token | undefined): string | null {
  return isName(before) && isCarrier(nameOf(before)) ? `${nameOf(before).toUpperCase()}()` : null
}

/** ORDER BY 2 */
function isOrdinal(tokens: readonly Token[], at: number, clause: string): boolean {
  if (clause !== 'ORDER' && clause !== 'GROUP') return false
  if (tokens[at]?.kind !== 'number') return false
  return tokens[at - 1]?.keyword === 'BY' || isOp(tokens[at - 1], ',')
}

/** A classified value in a variable can be looked at from any later statement. */
function checkKept({ findings }: Analysis, tokens: readonly Token[]): void {
  let into = false
  const kept = tokens.some((token, at) => {
    if (token.kind === 'variable' && (into || isOp(tokens[at + 1], ':='))) return true
    into = token.keyword === 'INTO' || (into && isOp(token, ','))
    return false
  })
  if (kept) findings.effect('probe', 'keeps a classified value in a user variable')
}

const BEFORE_EQUALITY = new Set(['WHERE', 'ON', 'AND', 'OR', 'NOT', 'HAVING', 'XOR'])
const CONSTANT = new Set(['string', 'number', 'param', 'bytes'])
const BEHIND_EQUALITY = new Set(
  'AND OR XOR GROUP ORDER LIMIT HAVING UNION FOR LOCK INTO JOIN LEFT RIGHT INNER CROSS WHERE WINDOW'.split(
    ' ',
  ),
)

/** column = constant, column IN (constants), column IS [NOT] NULL: what a person would ask. */
function isSafe(tokens: readonly Token[], at: number, clause: string): boolean {
  if (!BEFORE_EQUALITY.has(clause)) return false
  let start = at
  while (isOp(tokens[start - 1], '.') && isName(tokens[start - 2])) start -= 2
  const before = tokens[start - 1]
  if (!isOp(before, '(') && !BEFORE_EQUALITY.has(before?.keyword ?? '')) return false
  if (isOp(before, '(') && isName(tokens[start - 2])) {
    // A function's arguments are no condition.
    if (!BEFORE_EQUALITY.has(tokens[start - 2]?.keyword ?? '')) return false
  }
  const end = endOfTest(tokens, at + 1)
  if (end < 0) return false
  const next = tokens[end]
  return next === undefined || isOp(next, ')') || BEHIND_EQUALITY.has(next.keyword)
}

/** The index behind "= constant", "IN (constants)" or "IS NULL"; -1 where none of them stands. */
function endOfTest(tokens: readonly Token[], at: number): number {
  const kind = tokens[at + 1]?.kind ?? ''
  if (isOp(tokens[at], '=')) return CONSTANT.has(kind) ? at + 2 : -1
  if (tokens[at]?.keyword === 'IS') {
    const negated = tokens[at + 1]?.keyword === 'NOT' ? 1 : 0
    return tokens[at + 1 + negated]?.keyword === 'NULL' ? at + 2 + negated : -1
  }
  if (tokens[at]?.keyword !== 'IN' || !isOp(tokens[at + 1], '(')) return -1
  for (let inner = at + 2; ; inner += 2) {
    if (!CONSTANT.has(tokens[inner]?.kind ?? '')) return -1
    if (isOp(tokens[inner + 1], ')')) return inner + 2
    if (!isOp(tokens[inner + 1], ',')) return -1
  }
}
