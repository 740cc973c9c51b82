import type { Analysis } from './analysis.ts'
import type { StatementText } from './statement-text.ts'
import { judgeBody } from './stored-code.ts'
import { exportOf, isSystemSchema } from './system-tables.ts'
import { isName, isOp, nameOf } from './token.ts'

/** Notes a table that the statement reads, and what reading it means. */
export function readTable(
  analysis: Analysis,
  text: StatementText,
  schema: string | null,
  name: string,
): void {
  const { findings } = analysis
  const own = schema ?? analysis.facts.database
  if (own !== null && isSystemSchema(own)) {
    const reason = exportOf(own, name, (column) => says(text, column))
    if (reason !== null) {
      findings.effect('export', reason)
      findings.classified = true
    }
    return
  }
  const table = own === null ? undefined : analysis.schema.table(own, name)
  if (!table) {
    findings.unknownTable(own, name, 'read')
    return
  }
  findings.table(table, 'read')
  if (table.remote) findings.effect('export', `reads ${name}, which lies on another server`)
  if (table.definition !== null) viewCode(analysis, table.schema, name, table.definition)
}

/** Functions of a view run where it is read. */
function viewCode(analysis: Analysis, schema: string, name: string, definition: string): void {
  judgeBody(analysis, `view ${schema}.${name}`, definition, `the view ${name}`)
}

/** Notes a table that the statement writes, and the code that runs then. */
export function writeTable(
  analysis: Analysis,
  schema: string | null,
  name: string,
  does: string,
): void {
  const { findings } = analysis
  const own = schema ?? analysis.facts.database
  findings.effect('write', `${does} ${name}`)
  if (own !== null && isSystemSchema(own)) {
    const effect = own.toLowerCase() === 'mysql' ? 'privilege' : 'server'
    findings.effect(effect, `${does} ${own}.${name}, a table of the server's own`)
    return
  }
  const table = own === null ? undefined : analysis.schema.table(own, name)
  if (!table) {
    findings.unknownTable(own, name, 'write')
    return
  }
  findings.table(table, 'write')
  if (table.remote) findings.effect('export', `${does} ${name}, which lies on another server`)
  for (const [index, body] of table.triggers.entries()) {
    judgeBody(analysis, `trigger ${index} of ${own}.${name}`, body, `a trigger of ${name}`)
  }
}

/** Whether a statement says this name, or takes columns without naming them. */
export function says(text: StatementText, column: string): boolean {
  const wanted = column.toLowerCase()
  return (
    takesEverything(text) ||
    text.tokens.some((token) => isName(token) && nameOf(token).toLowerCase() === wanted)
  )
}

/** SELECT *, t.*, TABLE t and NATURAL JOIN use columns that the text doesn't name. */
export function takesEverything({ tokens }: StatementText): boolean {
  return tokens.some((token, at) => {
    if (token.keyword === 'NATURAL') return true
    if (token.keyword === 'TABLE' && isName(tokens[at + 1])) return true
    if (!isOp(token, '*')) return false
    const before = tokens[at - 1]
    if (isOp(before, '.') || isOp(before, ',')) return true
    return before !== undefined && BEFORE_STAR.has(before.keyword)
  })
}

const BEFORE_STAR = new Set(
  `SELECT ALL DISTINCT DISTINCTROW HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BIG_RESULT
   SQL_BUFFER_RESULT SQL_CACHE SQL_NO_CACHE SQL_CALC_FOUND_ROWS RETURNING`
    .trim()
    .split(/\s+/),
)
