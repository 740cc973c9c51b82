import type { Analysis } from './analysis.ts'
import { Cursor, type QualifiedName } from './cursor.ts'
import { checkCopy } from './data-statements.ts'
import { checkQuery } from './query.ts'
import { rawOf, type StatementText } from './statement-text.ts'
import { isName, isOp } from './token.ts'

/** What stands between CREATE or ALTER and the kind of object. */
const BEFORE_KIND = new Set(
  `OR REPLACE TEMPORARY AGGREGATE UNIQUE FULLTEXT SPATIAL VECTOR ONLINE OFFLINE IGNORE MATERIALIZED EXTERNAL
   JSON RELATIONAL DUALITY`
    .trim()
    .split(/\s+/),
)
const STORED_CODE = new Set(['PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT', 'PACKAGE', 'LIBRARY'])
const OBJECTS = new Set([...STORED_CODE, 'TABLE', 'VIEW', 'INDEX', 'SEQUENCE'])

/**
 * CREATE and ALTER of tables, views, indexes, sequences and stored code. Returns the verb; null where
 * the object is none of these.
 */
export function createOrAlter(
  analysis: Analysis,
  text: StatementText,
  verb: string,
): string | null {
  const cursor = new Cursor(text, 1)
  const definer = skipDecoration(cursor)
  const object = cursor.word()
  if (!OBJECTS.has(object)) return null
  const { findings } = analysis
  findings.effect('ddl', `${verb} ${object} changes the schema`, text.tokens[0])
  if (definer) {
    findings.effect('privilege', 'says with whose rights the code runs', text.tokens[definer])
  }
  if (object === 'TABLE') tableDefinition(analysis, text, cursor, verb)
  else if (STORED_CODE.has(object)) storedCode(analysis, text)
  else if (object === 'VIEW') viewDefinition(analysis, text)
  noteNamed(analysis, text, cursor, object)
  if (ROUTINES.has(object)) noteRoutine(analysis, text, cursor.at + 1)
  return `${verb} ${object}`
}

/** OR REPLACE, DEFINER = user, ALGORITHM = x, SQL SECURITY x; where it says whose rights hold, or 0. */
function skipDecoration(cursor: Cursor): number {
  let definer = 0
  for (;;) {
    if (BEFORE_KIND.has(cursor.word())) cursor.at++
    else if (cursor.sees('SQL', 'SECURITY')) {
      if (cursor.word(2) === 'DEFINER') definer ||= cursor.at
      cursor.at += 3
    } else if ((cursor.sees('ALGORITHM') || cursor.sees('DEFINER')) && cursor.op('=', 1)) {
      if (cursor.word() === 'DEFINER') definer ||= cursor.at
      cursor.at += 3
      if (cursor.op('(')) cursor.skipParens()
      while (cursor.peek()?.kind === 'variable' || isOp(cursor.peek(), '@')) cursor.at++
    } else return definer
  }
}

/** The table that stands behind the object's kind, or behind ON. */
function noteNamed(analysis: Analysis, text: StatementText, start: Cursor, object: string): void {
  const cursor = new Cursor(text, start.at + 1)
  cursor.skip('IF', 'NOT', 'EXISTS')
  cursor.skip('IF', 'EXISTS')
  if (object === 'INDEX' || object === 'TRIGGER') {
    while (!cursor.done && !cursor.sees('ON')) cursor.at++
    cursor.at++
  } else if (object !== 'TABLE' && object !== 'VIEW') return
  noteTable(analysis, cursor.name())
}

function noteTable(analysis: Analysis, name: QualifiedName | null): void {
  if (!name) return
  const schema = name.schema ?? analysis.facts.database
  const table = schema === null ? undefined : analysis.schema.table(schema, name.name)
  if (!table) analysis.findings.unknownTable(schema, name.name, 'write')
  else {
    analysis.findings.table(table, 'write')
    // A new index, type or constraint is checked on every row, and its error quotes one.
    if (table.classified) analysis.findings.classified = true
  }
}

const REMOTE = new Set([
  'FEDERATED',
  'FEDERATEDX',
  'CONNECT',
  'SPIDER',
  'S3',
  'OQGRAPH',
  'SPHINX',
  'NDB',
  'NDBCLUSTER',
])

function tableDefinition(
  analysis: Analysis,
  text: StatementText,
  start: Cursor,
  verb: string,
): void {
  const { findings } = analysis
  const { tokens } = text
  for (const [at, token] of tokens.entries()) {
    const { keyword } = token
    const next = tokens[at + 1]?.keyword ?? ''
    if (keyword === 'ENGINE' || keyword === 'TYPE') {
      const engine = tokens[isOp(tokens[at + 1], '=') ? at + 2 : at + 1]
      const name = engine ? rawOf(text, engine).replace(/["'`]/g, '').toUpperCase() : ''
      if (REMOTE.has(name)) {
        findings.effect('export', `keeps rows outside this server (${name})`, token)
      }
    }
    if (keyword === 'CONNECTION' || keyword === 'SECONDARY_ENGINE') {
      findings.effect('export', 'connects the table to another server', token)
      findings.secret = true
    }
    if ((keyword === 'DATA' || keyword === 'INDEX') && next === 'DIRECTORY') {
      findings.effect('server', 'chooses files of the server', token)
    }
    if (
      (keyword === 'DISCARD' || keyword === 'IMPORT') &&
      ['TABLESPACE', 'PARTITION'].includes(next)
    ) {
      findings.effect('server', 'takes files of the server in or out', token)
    }
    if (
      (keyword === 'TRUNCATE' || keyword === 'DROP') &&
      next === 'PARTITION' &&
      verb === 'ALTER'
    ) {
      findings.effect('unbounded-write', `${keyword} PARTITION removes all of its rows`, token)
    }
  }
  const name = new Cursor(text, start.at + 1)
  name.skip('IF', 'NOT', 'EXISTS')
  name.skip('IF', 'EXISTS')
  const named = name.name()
  if (named) checkHiding(analysis, text, named)
  if (verb === 'CREATE') filling(analysis, text, named)
}

/** A temporary table takes the place of the one that has its name. */
function checkHiding(analysis: Analysis, { tokens }: StatementText, named: QualifiedName): void {
  const { schema, facts, findings } = analysis
  const own = named.schema ?? facts.database
  const temporary = tokens.slice(0, 5).some(({ keyword }) => keyword === 'TEMPORARY')
  if (temporary && own !== null && schema.table(own, named.name)) {
    const reason = `a temporary table hides ${named.name} from this session's later statements`
    findings.opaque(reason, tokens[named.last])
  }
}

/** CREATE TABLE ... SELECT, TABLE or VALUES fills the new table. */
function filling(analysis: Analysis, text: StatementText, named: QualifiedName | null): void {
  const query = named ? queryAt(text, named.last + 1) : -1
  if (!named || query < 0) return
  checkQuery(analysis, { ...text, tokens: queryPart(text, query) })
  checkCopy(analysis, named, text.tokens[named.last])
}

/** The index of a query behind `from`; -1 where there is none. */
export function queryAt({ tokens }: StatementText, from: number): number {
  return tokens.findIndex(({ keyword }, at) => {
    if (at < from) return false
    if (keyword === 'TABLE') return isName(tokens[at + 1])
    // PARTITION ... VALUES IN is none.
    return keyword === 'SELECT' || (keyword === 'VALUES' && tokens[at + 1]?.keyword === 'ROW')
  })
}

/** From the query on, with what WITH makes before it. */
export function queryPart({ tokens }: StatementText, query: number) {
  const start = tokens.findIndex(({ keyword }, at) => keyword === 'WITH' && isName(tokens[at + 1]))
  return tokens.slice(start > 0 && start < query ? start : query)
}

function storedCode({ findings }: Analysis, { tokens }: StatementText): void {
  const native = tokens.find(({ keyword }) => keyword === 'SONAME')
  if (native) findings.effect('server', 'brings native code into the server', native)
  const several = tokens.find((token) => isOp(token, ';'))
  if (several) {
    findings.anyResults = true
    const reason = 'code of several statements runs later, or follows the definition'
    findings.effect('opaque', reason, several)
  }
}

/** A view's query is read when the view is; that it is made with what it names matters now. */
function viewDefinition(analysis: Analysis, text: StatementText): void {
  const query = queryAt(text, 2)
  if (query > 0) checkQuery(analysis, { ...text, tokens: queryPart(text, query) })
}

const TABLES = new Set(['TABLE', 'TABLES', 'VIEW', 'SEQUENCE'])
const ROUTINES = new Set(['PROCEDURE', 'FUNCTION', 'PACKAGE'])

/** What a statement names that begins with these words, the last of them the kind of object. */
export function noteObjects(
  analysis: Analysis,
  text: StatementText,
  words: readonly string[],
): void {
  const object = words.at(-1) ?? ''
  if (TABLES.has(object)) noteTables(analysis, text, words.length)
  else if (words[0] !== 'DROP') return
  else if (ROUTINES.has(object)) noteRoutine(analysis, text, words.length)
  else if (object === 'INDEX') noteNamed(analysis, text, new Cursor(text, 1), object)
}

/** Stored code that is made, changed or dropped: what a signature is for depends on what it is now. */
function noteRoutine({ facts, findings }: Analysis, text: StatementText, from: number): void {
  const cursor = new Cursor(text, from)
  cursor.skip('IF', 'NOT', 'EXISTS')
  cursor.skip('IF', 'EXISTS')
  const name = cursor.name()
  if (name) findings.functions.add(`${name.schema ?? facts.database ?? ''}.${name.name}`)
}

/** Tables that DROP, RENAME, TRUNCATE, LOCK and the like name, each noted as one that is changed. */
export function noteTables(analysis: Analysis, text: StatementText, from: number): void {
  const cursor = new Cursor(text, from)
  cursor.skip('IF', 'EXISTS')
  for (;;) {
    const name = cursor.name()
    if (!name) return
    noteTable(analysis, name)
    while (!cursor.done && !cursor.op(',') && !cursor.sees('TO')) cursor.at++
    if (!cursor.skip('TO') && !cursor.skipOp(',')) return
  }
}
