import type { Classification, Effect } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { checkCalls } from './calls.ts'
import { commonTablesOf } from './common-tables.ts'
import { Cursor } from './cursor.ts'
import { deleteFrom, insert, load, update } from './data-statements.ts'
import { Findings } from './findings.ts'
import { kindOf } from './kinds.ts'
import { deallocate, execute, prepare } from './named.ts'
import { checkQuery } from './query.ts'
import { createOrAlter, noteObjects, noteTables } from './schema-statements.ts'
import { setForStatement, setStatement } from './set-statement.ts'
import { explained, show } from './show.ts'
import type { StatementText } from './statement-text.ts'
import { judgeBody } from './stored-code.ts'
import { writeTable } from './tables.ts'
import { isName, isOp, nameOf } from './token.ts'

/**
 * Notes what a statement does, and returns the command as a person names it.
 *
 * @param text the statement's code, without comments and hints
 */
export function judge(analysis: Analysis, text: StatementText): string {
  const { findings } = analysis
  const first = text.tokens[0]
  if (isOp(first, '(')) return query(analysis, text)
  const word = first?.keyword ?? ''
  const verb = judgeVerb(analysis, text, word)
  if (verb !== null) return verb
  const kind = judgeKind(analysis, text)
  if (kind !== null) return kind
  findings.anyResults = true
  findings.opaque(
    word === '' ? 'it begins with no word' : `${word} is no statement that is known`,
    first,
  )
  checkQuery(analysis, text)
  return word === '' ? 'UNKNOWN' : word
}

function judgeVerb(analysis: Analysis, text: StatementText, word: string): string | null {
  switch (word) {
    case 'SELECT':
    case 'VALUES':
    case 'TABLE':
      return query(analysis, text)
    case 'WITH':
      return withStatement(analysis, text)
    case 'INSERT':
    case 'REPLACE':
      insert(analysis, text, word, 1)
      return word
    case 'UPDATE':
      update(analysis, text, 1)
      return word
    case 'DELETE':
      deleteFrom(analysis, text, 1)
      return word
    case 'SET':
      return set(analysis, text)
    case 'SHOW':
      return show(analysis, text)
    case 'EXPLAIN':
    case 'DESCRIBE':
    case 'DESC':
      return explain(analysis, text, word)
    case 'ANALYZE':
      return analyze(analysis, text)
    case 'PREPARE':
      prepare(analysis, text)
      return word
    case 'EXECUTE':
      return execute(analysis, text)
    case 'CALL':
      return call(analysis, text)
    case 'DO':
      analysis.findings.effect('read', 'computes expressions', text.tokens[0])
      checkQuery(analysis, text)
      return word
    case 'HANDLER':
      return handler(analysis, text)
    case 'TRUNCATE':
      return truncate(analysis, text)
    case 'LOCK':
      return lock(analysis, text)
    case 'LOAD':
      if (text.tokens[1]?.keyword === 'INDEX') return null
      load(analysis, text)
      return `LOAD ${text.tokens[1]?.keyword ?? ''}`
    case 'CREATE':
    case 'ALTER':
      return createOrAlter(analysis, text, word)
    case 'BEGIN':
      return text.tokens.length > 2 ? block(analysis, text) : null
    case 'IF':
    case 'CASE':
    case 'LOOP':
    case 'WHILE':
    case 'REPEAT':
    case 'FOR':
    case 'DECLARE':
      return block(analysis, text)
    default:
      return isOp(text.tokens[1], ':') ? block(analysis, text) : null
  }
}

function query(analysis: Analysis, text: StatementText): string {
  analysis.findings.effect('read', 'reads rows', text.tokens[0])
  checkQuery(analysis, text)
  return 'SELECT'
}

/** WITH belongs to the statement behind its queries. */
function withStatement(analysis: Analysis, text: StatementText): string {
  const last = commonTablesOf(text.tokens)
    .filter(({ scope }) => scope === text.tokens.length)
    .at(-1)
  let at = last ? last.to + 1 : text.tokens.length
  if (text.tokens[at]?.keyword === 'CYCLE')
    while (at < text.tokens.length && text.tokens[at - 1]?.keyword !== 'RESTRICT') at++
  const main = text.tokens[at]
  if (main?.keyword === 'UPDATE') {
    update(analysis, text, at + 1)
    return 'UPDATE'
  }
  if (main?.keyword === 'DELETE') {
    deleteFrom(analysis, text, at + 1)
    return 'DELETE'
  }
  if (main?.keyword === 'INSERT' || main?.keyword === 'REPLACE') {
    insert(analysis, text, main.keyword, at + 1)
    return main.keyword
  }
  const reads = isOp(main, '(') || ['SELECT', 'VALUES', 'TABLE'].includes(main?.keyword ?? '')
  if (!reads) analysis.findings.opaque('what WITH belongs to is not understood', main)
  return query(analysis, text)
}

function set(analysis: Analysis, text: StatementText): string {
  if (text.tokens[1]?.keyword !== 'STATEMENT') {
    setStatement(analysis, text)
    return 'SET'
  }
  const at = setForStatement(analysis, text)
  const inner = { ...text, tokens: text.tokens.slice(at) }
  if (at < 0 || inner.tokens.some((token) => isOp(token, ';'))) {
    analysis.findings.anyResults = true
    analysis.findings.opaque('what SET STATEMENT is for is not understood', text.tokens[0])
  }
  analysis.findings.effect('session', 'sets variables for one statement', text.tokens[0])
  return at < 0 ? 'SET STATEMENT' : judge(analysis, inner)
}

/** What a plan that isn't run doesn't do. */
const NOT_RUN: ReadonlySet<Effect> = new Set(['write', 'unbounded-write'])

function explain(analysis: Analysis, text: StatementText, verb: string): string {
  const { findings } = analysis
  const what = explained(text)
  if (what.kind === 'connection') {
    findings.effect('export', "shows the plan of somebody else's statement", text.tokens[0])
    findings.classified = true
    return verb
  }
  if (what.kind === 'unknown') {
    findings.opaque(`what ${verb} is for is not understood`, text.tokens[0])
    checkQuery(analysis, text)
    return verb
  }
  findings.effect(
    'read',
    what.kind === 'table' ? 'shows the columns of a table' : 'explains a statement',
    text.tokens[0],
  )
  if (what.kind !== 'statement') return verb
  if (text.tokens.some(({ kind }) => kind === 'variable')) findings.connectionBound = true
  return plan(analysis, { ...text, tokens: text.tokens.slice(what.at) }, what.analyze, verb)
}

/** MySQL's EXPLAIN ANALYZE and MariaDB's ANALYZE run what they are for. */
function plan(analysis: Analysis, inner: StatementText, runs: boolean, verb: string): string {
  const { findings } = analysis
  const own = new Findings()
  const explained = judge({ ...analysis, findings: own }, inner)
  if (!runs && own.functions.size === 0) own.drop(NOT_RUN)
  findings.include(own)
  if (own.known.some(({ classified }) => classified) || own.unknown.size > 0) {
    // Rows that are found by a key are read for the plan and written into it.
    findings.effect('export', 'a plan can show values of the rows that it is for', inner.tokens[0])
    findings.classified = true
  }
  return `${verb}${runs && verb !== 'ANALYZE' ? ' ANALYZE' : ''} ${explained}`
}

function analyze(analysis: Analysis, text: StatementText): string | null {
  const what = explained(text)
  if (what.kind !== 'statement' || text.tokens[what.at]?.keyword === 'TABLE') return null
  analysis.findings.effect('read', 'runs and explains a statement', text.tokens[0])
  return plan(analysis, { ...text, tokens: text.tokens.slice(what.at) }, true, 'ANALYZE')
}

function call(analysis: Analysis, text: StatementText): string {
  const { findings, facts, schema } = analysis
  const cursor = new Cursor(text, 1)
  const name = cursor.name()
  const own = name?.schema ?? facts.database
  const token = name ? text.tokens[name.last] : text.tokens[0]
  findings.effect('read', 'calls a procedure', text.tokens[0])
  findings.anyResults = true
  findings.connectionBound ||= text.tokens.some(({ kind }) => kind === 'variable')
  checkQuery(analysis, text, name ? { notCalls: new Set([name.last]) } : {})
  const routine = name && own !== null ? schema.routine('procedure', own, name.name) : undefined
  const label = `${own ?? ''}.${name?.name ?? ''}`
  findings.functions.add(label)
  if (analysis.trusted.has(label)) findings.names.push({ kind: 'deallocate', name: null })
  else if (routine) {
    const { schema: lies, body } = routine
    judgeBody(analysis, { schema: lies, label, body, what: `the procedure ${label}`, token })
  } else {
    findings.unknown.add(`${label}()`)
    findings.names.push({ kind: 'deallocate', name: null })
    findings.opaque(`what the procedure ${label} does isn't known`, token)
  }
  const keeps = text.tokens.some(({ kind }) => kind === 'variable')
  if (keeps && findings.known.some(({ classified }) => classified)) {
    const reason = 'a procedure may keep classified values in a user variable'
    findings.effect('probe', reason, token)
    findings.keeps = true
  }
  return 'CALL'
}

/** HANDLER reads rows by an alias that lives in the session. */
function handler(analysis: Analysis, text: StatementText): string {
  const { findings } = analysis
  const cursor = new Cursor(text, 1)
  const name = cursor.name()
  findings.connectionBound = true
  if (cursor.sees('CLOSE')) {
    findings.effect('session', 'closes a table', text.tokens[0])
    return 'HANDLER CLOSE'
  }
  const reason = `HANDLER ${name?.name ?? ''} reads rows past what a statement's text tells`
  findings.opaque(reason, text.tokens[0])
  checkQuery(analysis, text)
  return `HANDLER ${cursor.word()}`
}

function truncate(analysis: Analysis, text: StatementText): string {
  const cursor = new Cursor(text, 1)
  cursor.skip('TABLE')
  const name = cursor.name()
  analysis.findings.effect(
    'unbounded-write',
    `TRUNCATE removes every row of ${name?.name ?? 'a table'}`,
    text.tokens[0],
  )
  if (name) writeTable(analysis, text, name, 'empties')
  return 'TRUNCATE'
}

function lock(analysis: Analysis, text: StatementText): string | null {
  const word = text.tokens[1]?.keyword
  if (word !== 'TABLES' && word !== 'TABLE') return null
  const writes = text.tokens.some(({ keyword }) => keyword === 'WRITE')
  const { findings } = analysis
  findings.effect('export', 'LOCK TABLES pins tables for a dump', text.tokens[0])
  if (writes) findings.effect('server', 'others wait for the tables that it locks', text.tokens[0])
  noteTables(analysis, text, 2)
  return 'LOCK TABLES'
}

/** MariaDB runs blocks of statements outside stored programs. */
function block(analysis: Analysis, text: StatementText): string {
  analysis.findings.opaque('a block of statements runs as one', text.tokens[0])
  analysis.findings.anyResults = true
  analysis.findings.names.push({ kind: 'deallocate', name: null })
  analysis.program(analysis, text)
  return 'BLOCK'
}

/** Statements of which the leading words tell what they do. */
function judgeKind(analysis: Analysis, text: StatementText): string | null {
  const { findings } = analysis
  const words = text.tokens.slice(0, 7).map(({ keyword }) => keyword)
  if (words[0] === 'CREATE' && words[1] === 'OR') words.splice(1, 2)
  const kind = kindOf(words)
  if (!kind) return null
  for (const effect of kind.effects)
    findings.effect(effect, `${kind.words.join(' ')} ${kind.reason}`, text.tokens[0])
  if (kind.effects.includes('opaque')) findings.classified = true
  findings.secret ||= kind.secret
  const [first = '', second = ''] = kind.words
  noteObjects(analysis, text, kind.words)
  if (first === 'DEALLOCATE' || second === 'PREPARE') deallocate(analysis, text)
  if (first === 'USE') use(analysis, text)
  if (first === 'KILL') findings.kill = killOf(text)
  if (first === 'FLUSH') checkFlush(analysis, text)
  if (first === 'SIGNAL' || first === 'RESIGNAL' || first === 'GET') raise(analysis, text)
  else checkCalls(analysis, { ...text, tokens: NO_EXPRESSIONS.has(first) ? [] : text.tokens })
  return kind.words.join(' ')
}

function use({ findings }: Analysis, { tokens }: StatementText): void {
  findings.names.push({ kind: 'set', name: 'database' })
  const [, name, ...others] = tokens
  if (isName(name) && others.length === 0) findings.uses = nameOf(name)
  else findings.opaque('which schema USE is for is not understood', name)
}

/** KILL [HARD | SOFT] [CONNECTION | QUERY] number; null for its other forms. */
function killOf(text: StatementText): Classification['kill'] | null {
  const cursor = new Cursor(text, 1)
  if (!cursor.skip('HARD')) cursor.skip('SOFT')
  const onlyQuery = cursor.skip('QUERY')
  if (!onlyQuery) cursor.skip('CONNECTION')
  const token = cursor.peek()
  const alone = cursor.at === cursor.tokens.length - 1
  if (!alone || token?.kind !== 'number' || !/^\d{1,15}$/.test(token.text)) return null
  return { connectionId: Number(token.text), onlyQuery }
}

/** Statements in which a parenthesis behind a name isn't a call. */
const NO_EXPRESSIONS = new Set(
  'GRANT REVOKE CREATE ALTER CHANGE ANALYZE CACHE LOAD DROP RENAME START CLONE HELP OPTIMIZE REPAIR CHECK XA USE'.split(
    ' ',
  ),
)

function checkFlush({ findings }: Analysis, { tokens }: StatementText): void {
  const said = (word: string) => tokens.find(({ keyword }) => keyword === word)
  const files = said('EXPORT')
  const rights = said('PRIVILEGES')
  if (files) findings.effect('export', 'prepares the files of tables to be copied', files)
  if (rights) findings.effect('privilege', 'puts changed rights into force', rights)
}

function raise(analysis: Analysis, text: StatementText): void {
  analysis.findings.connectionBound = true
  analysis.findings.classified = true
  checkQuery(analysis, text)
}
