import type { Effect } from '../statement.ts'
import { type Analysis, MAX_WITHIN } from './analysis.ts'
import type { QualifiedName } from './cursor.ts'
import { Findings } from './findings.ts'
import { fromClauses, type TableRef } from './from-clauses.ts'
import type { SchemaTable } from './schema.ts'
import type { StatementText } from './statement-text.ts'
import { judgeBody } from './stored-code.ts'
import { isSystemSchema, systemUse } from './system-tables.ts'
import { isName, isStar, nameOf, type Token } from './token.ts'

/** Notes a table that the statement reads, and what reading it means. */
export function readTable(
  analysis: Analysis,
  text: StatementText,
  { schema, name, at }: TableRef,
): void {
  const { findings } = analysis
  const token = text.tokens[at]
  const own = schema ?? analysis.facts.database
  if (own !== null && isSystemSchema(own)) {
    const use = systemUse(own, name, namesIn(text), takesEverything(text))
    if (use.kind === 'export') findings.effect('export', use.reason, token)
    if (use.kind !== 'harmless') findings.classified = true
    return
  }
  const table = own === null ? undefined : analysis.schema.table(own, name)
  if (!table) {
    findings.unknownTable(own, name, 'read')
    return
  }
  findings.table(table, 'read')
  if (table.remote) findings.effect('export', `reads ${name}, which lies on another server`, token)
  if (table.definition !== null) viewCode(analysis, table, table.definition, token)
}

/** What a view's query does beside reading runs where the view is read; its columns have classes. */
function viewCode(
  analysis: Analysis,
  { schema, name }: SchemaTable,
  definition: string,
  token: Token | undefined,
): void {
  const inner = new Findings()
  const label = `view ${schema}.${name}`
  const code = {
    schema,
    label,
    body: definition,
    what: `the view ${name}`,
    writtenBy: 'server' as const,
  }
  judgeBody({ ...analysis, findings: inner }, code)
  for (const { effect, reason } of inner.effects) {
    if (effect === 'opaque') analysis.findings.opaque(reason, token)
    else if (!READING.has(effect)) analysis.findings.effect(effect, reason, token)
  }
}

const READING: ReadonlySet<Effect> = new Set(['read', 'probe', 'session', 'transaction'])

/** Notes a table that the statement writes, and the code that runs then. */
export function writeTable(
  analysis: Analysis,
  text: StatementText,
  { schema, name, last }: QualifiedName,
  does: string,
): void {
  const { findings } = analysis
  const token = text.tokens[last]
  const own = schema ?? analysis.facts.database
  findings.effect('write', `${does} ${name}`, token)
  if (own !== null && isSystemSchema(own)) {
    const effect = own.toLowerCase() === 'mysql' ? 'privilege' : 'server'
    findings.effect(effect, `${does} ${own}.${name}, a table of the server's own`, token)
    return
  }
  const table = own === null ? undefined : analysis.schema.table(own, name)
  if (!table) {
    findings.unknownTable(own, name, 'write')
    return
  }
  findings.table(table, 'write')
  if (table.remote)
    findings.effect('export', `${does} ${name}, which lies on another server`, token)
  for (const [index, body] of table.triggers.entries()) {
    const label = `trigger ${index} of ${own}.${name}`
    judgeBody(analysis, { schema: table.schema, label, body, what: `a trigger of ${name}`, token })
  }
  if (table.kind === 'view') writeThrough(analysis, table, does, token)
  if (REMOVES.test(does)) removeFollowers(analysis, table, token)
}

const REMOVES = /^(?:deletes|replaces|loads)/

/** What is written to a view is written to tables of its query, and runs their triggers. */
function writeThrough(
  analysis: Analysis,
  { schema, name, definition }: SchemaTable,
  does: string,
  token: Token | undefined,
): void {
  const { findings, within, judged } = analysis
  const label = `writing ${schema}.${name}`
  if (judged.has(label)) return
  judged.add(label)
  const text =
    definition === null || within.length >= MAX_WITHIN ? null : analysis.read(definition, 'server')
  if (text === null) {
    findings.opaque(`what is written with the view ${name} isn't known`, token)
    return
  }
  const inner = new Findings()
  const facts = { ...analysis.facts, database: schema }
  for (const ref of fromClauses(text, analysis.dialect).refs) {
    const base = { schema: ref.schema, name: ref.name, last: ref.at }
    writeTable(
      { ...analysis, facts, findings: inner, within: [...within, label] },
      text,
      base,
      does,
    )
  }
  for (const { effect, reason } of inner.effects) {
    findings.effect(effect, `the view ${name}: ${reason}`, token)
  }
  inner.drop(new Set(inner.effects.map(({ effect }) => effect)))
  findings.include(inner)
}

/** Foreign keys take rows of other tables along, and those of yet others; triggers don't fire then. */
function removeFollowers(
  { findings, schema }: Analysis,
  table: SchemaTable,
  token: Token | undefined,
): void {
  const seen = new Set([table])
  for (const { followers = [] } of seen) {
    for (const follower of followers) {
      const found = schema.table(follower.schema, follower.name)
      if (!found) findings.unknownTable(follower.schema, follower.name, 'write')
      else if (!seen.has(found)) {
        seen.add(found)
        findings.table(found, 'write')
        const reason = `rows of ${found.name} go, or change, with those of ${table.name}`
        findings.effect('write', reason, token)
      }
    }
  }
}

const names = new WeakMap<StatementText, ReadonlySet<string>>()
const everything = new WeakMap<StatementText, boolean>()

/** Every name in a text, in small letters. */
export function namesIn(text: StatementText): ReadonlySet<string> {
  const known = names.get(text)
  if (known) return known
  const found = new Set(
    text.tokens.flatMap((one) => (isName(one) ? nameOf(one).toLowerCase() : [])),
  )
  names.set(text, found)
  return found
}

/** SELECT *, t.*, TABLE t and NATURAL JOIN use columns that the text doesn't name. */
export function takesEverything(text: StatementText): boolean {
  const known = everything.get(text)
  if (known !== undefined) return known
  const found = starIn(text)
  everything.set(text, found)
  return found
}

function starIn({ tokens }: StatementText): boolean {
  return tokens.some((token, at) => {
    if (token.keyword === 'NATURAL') return true
    if (token.keyword === 'TABLE' && isName(tokens[at + 1])) return true
    return isStar(tokens, at)
  })
}
