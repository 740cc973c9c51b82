import type { CopyOut } from '../statement.ts'
import { type Body, bodyOf, isObject, listOf, stringOf, textOf } from './ast.ts'
import type { ScanToken } from './pg-query.ts'

const OPEN = 0x28 // '('
const CLOSE = 0x29 // ')'

/**
 * How a COPY ... TO STDOUT is laid out, and a SELECT with the same columns. Undefined for any other
 * statement, and where an option isn't known: then its data can't be masked.
 *
 * @param tokens of the statement, comments left out
 */
export function copyOutOf(
  node: Body,
  tokens: readonly ScanToken[],
  bytes: Buffer,
): CopyOut | undefined {
  const body = bodyOf(node, 'CopyStmt')
  if (!body || body.is_from || body.filename !== undefined) return undefined
  const options = optionsOf(listOf(body.options))
  const describedBy = isObject(body.relation)
    ? selectOf(body.relation, listOf(body.attlist))
    : queryText(tokens, bytes)
  return options && describedBy ? { describedBy, options } : undefined
}

/** Generated columns aren't copied unless they are named: a count that differs is found later. */
function selectOf(range: Body, columns: readonly unknown[]): string {
  const names = columns.flatMap((item) => stringOf(item) ?? []).map(quoted)
  const schema = typeof range.schemaname === 'string' ? `${quoted(range.schemaname)}.` : ''
  return `SELECT ${names.join(', ') || '*'} FROM ${schema}${quoted(textOf(range.relname))}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** COPY (query) TO: what stands between the first parenthesis and its partner. */
function queryText(tokens: readonly ScanToken[], bytes: Buffer): string | null {
  let depth = 0
  let from = -1
  for (const { start, end } of tokens) {
    const sign = end - start === 1 ? bytes[start] : undefined
    if (sign === OPEN && depth++ === 0) from = end
    if (sign === CLOSE && --depth === 0) return bytes.toString('utf8', from, start)
  }
  return null
}

function optionsOf(elements: readonly unknown[]): CopyOut['options'] | null {
  const given = new Map<string, string>()
  for (const element of elements) {
    const option = bodyOf(element, 'DefElem')
    const name = textOf(option?.defname)
    const value = argumentText(option?.arg)
    if (name === 'force_quote' || name === 'encoding') {
      // FORCE_QUOTE changes the quotes of a value, which are read anyway.
      if (name === 'encoding' && !/^utf-?8$/i.test(value ?? '')) return null
    } else if (KNOWN.has(name)) given.set(name, value ?? 'true')
    else return null
  }
  return withDefaults(given)
}

const KNOWN = new Set(['format', 'delimiter', 'null', 'quote', 'escape', 'header'])

function argumentText(arg: unknown): string | null {
  return stringOf(arg) ?? wordOf(arg)
}

/** Options are given as strings, words, numbers or booleans. */
function wordOf(arg: unknown): string | null {
  const boolean = bodyOf(arg, 'Boolean')
  if (boolean) return String(boolean.boolval ?? false)
  const integer = bodyOf(arg, 'Integer')
  return integer ? String(integer.ival ?? 0) : null
}

function withDefaults(given: ReadonlyMap<string, string>): CopyOut['options'] | null {
  const format = (given.get('format') ?? 'text').toLowerCase()
  if (format !== 'text' && format !== 'csv' && format !== 'binary') return null
  const quote = given.get('quote') ?? '"'
  return {
    format,
    delimiter: given.get('delimiter') ?? (format === 'csv' ? ',' : '\t'),
    null: given.get('null') ?? (format === 'csv' ? '' : '\\N'),
    quote,
    escape: given.get('escape') ?? quote,
    header: /^(true|on|1|match)$/i.test(given.get('header') ?? 'false'),
  }
}
