import { isAlwaysTrue } from './always-true.ts'
import type { Analysis } from './analysis.ts'
import { checkAssigned } from './assignments.ts'
import { Cursor, type QualifiedName } from './cursor.ts'
import { fromClauses, type TableRef } from './from-clauses.ts'
import { checkQuery } from './query.ts'
import type { StatementText } from './statement-text.ts'
import { writeTable } from './tables.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** Words that may stand between the verb and what it writes to. */
export const INSERT_MODIFIERS = new Set([
  'LOW_PRIORITY',
  'HIGH_PRIORITY',
  'DELAYED',
  'IGNORE',
  'QUICK',
  'CONCURRENT',
  'LOCAL',
])

/** INSERT and REPLACE; `at` is behind the verb. */
export function insert(analysis: Analysis, text: StatementText, verb: string, at: number): void {
  const cursor = new Cursor(text, at)
  cursor.skipAny(INSERT_MODIFIERS)
  cursor.skip('INTO')
  const name = cursor.name()
  if (!name) {
    analysis.findings.opaque(`what ${verb} writes to isn't understood`, text.tokens[at - 1])
    return
  }
  const query = text.tokens.some(({ keyword }) => keyword === 'SELECT' || keyword === 'TABLE')
  writeTable(analysis, text, name, `${verb === 'REPLACE' ? 'replaces' : 'inserts'} rows of`)
  // MySQL: INSERT ... VALUES (...) AS new (a, b) ON DUPLICATE KEY UPDATE
  checkQuery(analysis, text, { notCalls: new Set([name.last, ...aliasesOf(text.tokens)]) })
  if (query) checkCopy(analysis, name, text.tokens[name.last])
  checkUpdating(analysis, text.tokens, name)
  checkReturning(analysis, text)
}

/** ON DUPLICATE KEY UPDATE column = value, ... */
function checkUpdating(analysis: Analysis, tokens: readonly Token[], name: QualifiedName): void {
  const at = topLevel(tokens, 'DUPLICATE', 1)
  if (at < 0) return
  const returning = topLevel(tokens, 'RETURNING', at)
  const values = tokens.slice(at + 3, returning < 0 ? tokens.length : returning)
  const alias = aliasesOf(tokens.slice(0, at)).map((index) => nameOf(tokens[index] as Token))
  checkAssigned(analysis, values, [name], new Set(alias.map((one) => one.toLowerCase())))
}

function aliasesOf(tokens: readonly Token[]): readonly number[] {
  return tokens.flatMap((token, at) =>
    isName(token) && tokens[at - 1]?.keyword === 'AS' ? [at] : [],
  )
}

/** Classified values that are written elsewhere are in clear there. */
export function checkCopy(
  { findings, facts }: Analysis,
  into: Pick<QualifiedName, 'schema' | 'name'>,
  token?: Token,
): void {
  if (!findings.bringsOut) return
  findings.effect('export', `copies classified columns into ${into.name}`, token)
  const schema = into.schema ?? facts.database
  const { classes } = findings
  findings.copies.push({ schema, table: into.name, column: null, classes, plain: false })
}

/** MariaDB: RETURNING sends rows of the table that is written. */
function checkReturning({ findings, dialect }: Analysis, { tokens }: StatementText): void {
  const returning = tokens.find(({ keyword }) => keyword === 'RETURNING')
  if (dialect.flavour !== 'mariadb' || !returning) return
  findings.effect('read', 'returns the rows that it writes', returning)
  if (findings.known.some(({ classified }) => classified) || findings.unknown.size > 0) {
    findings.classified = true
  }
}

/** UPDATE t SET ..., and UPDATE t1 JOIN t2 SET ... */
export function update(analysis: Analysis, text: StatementText, at: number): void {
  const cursor = new Cursor(text, at)
  cursor.skipAny(INSERT_MODIFIERS)
  const set = topLevel(text.tokens, 'SET', cursor.at)
  const heads = fromClauses(text, analysis.dialect, cursor.at)
  const targets = heads.refs.filter((ref) => set >= 0 && ref.at < set)
  if (targets.length === 0) {
    analysis.findings.opaque("what UPDATE changes isn't understood", text.tokens[at - 1])
  }
  // Which of several tables is changed stands in front of each column, where it does.
  for (const target of targets) {
    writeTable(analysis, text, { ...target, last: target.at }, 'updates')
  }
  const only = targets.length === 1 && targets[0] ? new Set([targets[0].at]) : new Set<number>()
  checkQuery(analysis, text, { tablesAt: cursor.at, targets: only })
  const values = set < 0 ? [] : text.tokens.slice(set, whereOf(text.tokens, set))
  checkAssigned(analysis, values, targets)
  checkWhere(analysis, text, 'UPDATE', targets.map(({ name }) => name).join(', '), set)
}

/** DELETE FROM t, DELETE t1, t2 FROM ..., DELETE FROM t1, t2 USING ... */
export function deleteFrom(analysis: Analysis, text: StatementText, at: number): void {
  const { tokens } = text
  const cursor = new Cursor(text, at)
  cursor.skipAny(INSERT_MODIFIERS)
  const from = topLevel(tokens, 'FROM', cursor.at)
  const using = topLevel(tokens, 'USING', cursor.at)
  const where = topLevel(tokens, 'WHERE', cursor.at)
  const listed = from > cursor.at
  const multi =
    listed || (using > 0 && (where < 0 || using < where) && !isOp(tokens[using + 1], '('))
  const refs = fromClauses(text, analysis.dialect, !listed && multi ? using + 1 : -1).refs
  const named = namesFrom(text, listed ? cursor.at : from + 1)
  if (from < 0 || named.length === 0)
    analysis.findings.opaque("what DELETE removes isn't understood", tokens[at - 1])
  for (const { schema, name, last } of named) {
    for (const target of meantBy(refs, { schema, name })) {
      const table = { schema: target.schema, name: target.name, last }
      writeTable(analysis, text, table, 'deletes rows of')
    }
  }
  const targets = multi ? [] : refs.filter((ref) => ref.at >= from).slice(0, 1)
  const heads = listed ? [] : named.map(({ last }) => last)
  checkQuery(analysis, text, {
    tablesAt: !listed && multi ? using + 1 : -1,
    targets: new Set([...targets.map((ref) => ref.at), ...heads]),
  })
  checkReturning(analysis, text)
  checkWhere(analysis, text, 'DELETE', named.map(({ name }) => name).join(', '), at)
}

/** The tables that a name in front of FROM may mean: by an alias, whose case may matter or not. */
function meantBy(
  refs: readonly TableRef[],
  named: { readonly schema: string | null; readonly name: string },
): readonly { readonly schema: string | null; readonly name: string }[] {
  if (named.schema !== null) return [named]
  const exact = refs.filter(({ alias }) => alias === named.name)
  const wanted = named.name.toLowerCase()
  const alike = refs.filter(({ alias }) => alias?.toLowerCase() === wanted)
  return exact.length > 0 && exact.length === alike.length ? exact : [...alike, named]
}

/** name, schema.name, name.* and so on, parted by commas. */
function namesFrom(text: StatementText, at: number) {
  const cursor = new Cursor(text, at)
  const names: { schema: string | null; name: string; last: number }[] = []
  for (;;) {
    const name = cursor.name()
    if (!name) return names
    names.push(name)
    if (cursor.op('.') && isOp(cursor.peek(1), '*')) cursor.at += 2
    if (!cursor.skipOp(',')) return names
  }
}

/** The index of a word outside parentheses; -1 where there is none. */
export function topLevel(tokens: readonly Token[], word: string, from: number): number {
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    if (isOp(tokens[at], '(')) depth++
    else if (isOp(tokens[at], ')')) depth--
    else if (depth === 0 && tokens[at]?.keyword === word) return at
  }
  return -1
}

function whereOf(tokens: readonly Token[], from: number): number {
  const at = topLevel(tokens, 'WHERE', from)
  return at < 0 ? tokens.length : at
}

const ENDS_WHERE = ['ORDER', 'LIMIT', 'RETURNING']

function checkWhere(
  analysis: Analysis,
  text: StatementText,
  verb: string,
  table: string,
  from: number,
): void {
  const { tokens } = text
  const where = topLevel(tokens, 'WHERE', from)
  if (where < 0) {
    analysis.findings.effect(
      'unbounded-write',
      `${verb} of ${table} has no WHERE`,
      tokens[from - 1],
    )
    return
  }
  const ends = ENDS_WHERE.map((word) => topLevel(tokens, word, where)).filter((at) => at > 0)
  if (isAlwaysTrue(tokens.slice(where + 1, Math.min(tokens.length, ...ends)))) {
    const reason = `the WHERE of ${verb} of ${table} is always true`
    analysis.findings.effect('unbounded-write', reason, tokens[where])
  }
}

/** LOAD DATA and LOAD XML read a file of the server, or of the client, into a table. */
export function load(analysis: Analysis, text: StatementText): void {
  const { findings } = analysis
  const { tokens } = text
  const local = tokens.some(({ keyword }) => keyword === 'LOCAL')
  findings.effect(
    'server',
    local ? 'loads a file that the client is asked for' : 'loads a file of the server',
    tokens[0],
  )
  const into = topLevel(tokens, 'INTO', 1)
  const cursor = new Cursor(text, into + 1)
  cursor.skip('TABLE')
  const name = into < 0 ? null : cursor.name()
  if (name) writeTable(analysis, text, name, 'loads rows into')
  else findings.opaque("what LOAD writes to isn't understood", tokens[0])
  checkQuery(analysis, text, name ? { notCalls: new Set([name.last]) } : {})
}
