import type { RowsTouched } from '../rows-touched.ts'
import { bodyOf, isObject, nodeOf } from './ast.ts'
import type { PgQuery, ScanToken } from './pg-query.ts'

/**
 * Reads which rows a statement touches; null where that isn't the rows of one table under one
 * condition. The parts are cut out of the text, so a query that is made of them is read by the
 * grammar again: it must have the very table and the very condition of the statement.
 *
 * @param sql one statement that the grammar has accepted
 */
export function rowsTouched(grammar: PgQuery, sql: string): RowsTouched | null {
  const parts = partsOf(sql, grammar.scan(sql))
  const [whole, ...others] = grammar.parse(sql)
  if (!parts || !whole || others.length > 0) return null
  const node = nodeOf(whole.stmt)
  if (node?.kind !== 'UpdateStmt' && node?.kind !== 'DeleteStmt') return null
  const [query, ...more] = grammar.parse(`SELECT 1 FROM ${parts.from} ${parts.where}`)
  const select = bodyOf(query?.stmt, 'SelectStmt')
  if (!select || more.length > 0) return null
  const { relation, whereClause, withClause } = node.body
  if (withClause !== undefined || node.body.fromClause || node.body.usingClause) return null
  const [table, ...tables] = Array.isArray(select.fromClause) ? select.fromClause : []
  const { fromClause: _from, targetList: _one, limitOption: _all, op: _op, ...rest } = select
  const { whereClause: condition, ...unwanted } = rest
  const alone = tables.length === 0 && Object.keys(unwanted).length === 0
  const same = alone && equal(bodyOf(table, 'RangeVar'), relation) && equal(condition, whereClause)
  return same ? renumbered(grammar, parts) : null
}

/** A parameter that nobody mentions has no type, so those of the condition are counted anew. */
function renumbered(grammar: PgQuery, { from, where }: Parts): RowsTouched {
  const bytes = Buffer.from(`SELECT 1 ${where}`)
  const parameters: number[] = []
  let text = ''
  let at = 'SELECT 1 '.length
  for (const { start, end, tokenName } of grammar.scan(bytes.toString())) {
    if (tokenName !== 'PARAM') continue
    const number = Number(bytes.toString('latin1', start + 1, end))
    if (!parameters.includes(number)) parameters.push(number)
    text += `${bytes.toString('utf8', at, start)}$${parameters.indexOf(number) + 1}`
    at = end
  }
  return { from, where: text + bytes.toString('utf8', at), parameters }
}

interface Parts {
  readonly from: string
  readonly where: string
}

const PLACES = /^(?:location|\w*list_(?:start|end))$/

/** Nodes without where they stand in their text. */
function equal(one: unknown, other: unknown): boolean {
  return JSON.stringify(withoutPlaces(one)) === JSON.stringify(withoutPlaces(other))
}

function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces)
  if (!isObject(value)) return value
  const entries = Object.entries(value).filter(([field]) => !PLACES.test(field))
  return Object.fromEntries(entries.map(([field, inner]) => [field, withoutPlaces(inner)]))
}

const COMMENTS = new Set(['SQL_COMMENT', 'C_COMMENT'])

/** A token with what it says: a keyword in capitals, a quoted name with its quotes. */
interface Word {
  readonly text: string
  readonly start: number
}

function partsOf(sql: string, scanned: readonly ScanToken[]): Parts | null {
  const bytes = Buffer.from(sql)
  const words = scanned
    .filter(({ tokenName }) => !COMMENTS.has(tokenName))
    .map(({ start, end }) => ({ text: bytes.toString('utf8', start, end).toUpperCase(), start }))
  const [verb, next] = words
  const table = verb?.text === 'DELETE' ? words[2] : next
  if (!table || (verb?.text !== 'UPDATE' && next?.text !== 'FROM')) return null
  const top = topLevel(words)
  const find = (text: string) => top.find((word) => word.text === text)
  const returning = top.findLast(({ text }) => text === 'RETURNING')
  const end = returning ?? find(';')
  const stop = end?.start ?? bytes.length
  const where = find('WHERE')
  const behind = verb?.text === 'UPDATE' ? find('SET') : where
  return {
    from: bytes.toString('utf8', table.start, behind?.start ?? stop),
    where: where ? bytes.toString('utf8', where.start, stop) : '',
  }
}

/** Outside parentheses and brackets. */
function topLevel(words: readonly Word[]): readonly Word[] {
  let depth = 0
  return words.filter(({ text }) => {
    if (text === ')' || text === ']') depth--
    const outside = depth === 0
    if (text === '(' || text === '[') depth++
    return outside
  })
}
