import type { Classification, Effect, SessionName, SessionNames } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import {
  anyNode,
  type Body,
  bodyOf,
  isObject,
  listOf,
  literalOf,
  namesOf,
  nodeOf,
  stringOf,
  textOf,
} from './ast.ts'
import { KIND_EFFECTS, objectWords } from './effects.ts'
import { relationsOf } from './from.ts'
import { Scope } from './scope.ts'
import { setStatement } from './set-effects.ts'
import { isSecretSetting } from './settings.ts'
import { sweep } from './sweep.ts'
import { NO_OUTPUTS, type Outputs } from './taint.ts'
import { notesCopy, noteWrite } from './writes.ts'

/** What a statement is, beside what the analysis has noted about it. */
export interface Judged {
  readonly verb: string
  readonly outputs: Outputs
  readonly names: readonly SessionName[]
  /** Its string constants may hold passwords. */
  readonly secret: boolean
}

/** What judging needs beside the analysis. */
export interface Surroundings {
  readonly names: SessionNames
  /** Judges a statement inside this one, as a statement of its own. */
  inner(node: unknown): { readonly classification: Classification; readonly analysis: Analysis }
}

function judged(verb: string, more: Partial<Judged> = {}): Judged {
  return { verb, outputs: NO_OUTPUTS, names: [], secret: false, ...more }
}

const NOT_RUN: ReadonlySet<Effect> = new Set(['write', 'unbounded-write', 'ddl', 'session'])

type Judge = (analysis: Analysis, body: Body, around: Surroundings) => Judged

/** Kinds of statement whose fields tell what they do. */
const JUDGES: Readonly<Record<string, Judge>> = {
  SelectStmt: (analysis, body) => select(analysis, body),
  InsertStmt: (analysis, body) => writing(analysis, 'INSERT', { InsertStmt: body }),
  UpdateStmt: (analysis, body) => writing(analysis, 'UPDATE', { UpdateStmt: body }),
  DeleteStmt: (analysis, body) => writing(analysis, 'DELETE', { DeleteStmt: body }),
  MergeStmt: (analysis, body) => writing(analysis, 'MERGE', { MergeStmt: body }),
  TruncateStmt: (analysis, body) => truncate(analysis, body),
  CopyStmt: (analysis, body) => copy(analysis, body),
  ExplainStmt: explain,
  PrepareStmt: prepare,
  ExecuteStmt: execute,
  DeallocateStmt: (analysis, body) => deallocate(analysis, body),
  DeclareCursorStmt: declareCursor,
  FetchStmt: fetchCursor,
  ClosePortalStmt: (analysis, body) => closeCursor(analysis, body),
  CreateTableAsStmt: createTableAs,
  TransactionStmt: (analysis, body) => transaction(analysis, body),
  ConstraintsSetStmt: (analysis) =>
    simple(analysis, 'SET CONSTRAINTS', 'transaction', 'sets when constraints are checked'),
  VariableSetStmt: (analysis, body) => setting(analysis, body),
  VariableShowStmt: (analysis, body) => show(analysis, body),
  DiscardStmt: (analysis, body) => discard(analysis, body),
  ListenStmt: (analysis) => simple(analysis, 'LISTEN', 'session', 'listens to notifications'),
  UnlistenStmt: (analysis) => simple(analysis, 'UNLISTEN', 'session', 'stops listening'),
  NotifyStmt: (analysis) => simple(analysis, 'NOTIFY', 'session', 'notifies other sessions'),
  DoStmt: (analysis) => simple(analysis, 'DO', 'opaque', 'runs code that is not analysed'),
  CallStmt: (analysis, body) => call(analysis, body),
  VacuumStmt: (analysis, body) =>
    simple(
      analysis,
      body.is_vacuumcmd ? 'VACUUM' : 'ANALYZE',
      'server',
      'maintains tables of the server',
    ),
  LockStmt: (analysis, body) => lock(analysis, body),
  AlterTableStmt: (analysis, body) => alterTable(analysis, body),
  CreateFunctionStmt: (analysis, body) => functionChange(analysis, body, 'CREATE FUNCTION'),
  AlterFunctionStmt: (analysis, body) => functionChange(analysis, body, 'ALTER FUNCTION'),
  DropStmt: (analysis, body) => drop(analysis, body),
}

/** Kinds that run what they hold as a query: only for these must every node be a known one. */
const QUERIES = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

/** Judges one statement; its effects, tables and classes are noted in the analysis. */
export function judge(analysis: Analysis, statement: unknown, around: Surroundings): Judged {
  const node = nodeOf(statement)
  if (!node) return unknownKind(analysis, 'nothing')
  const { kind, body } = node
  sweep(analysis, statement, QUERIES.has(kind))
  const own = JUDGES[kind]
  if (own) return own(analysis, body, around)
  const known = KIND_EFFECTS[kind]
  if (!known) return unknownKind(analysis, kind)
  for (const effect of known.effects)
    analysis.findings.effect(effect, `${known.verb} ${known.reason}`)
  noteTables(analysis, body)
  return judged(known.verb, { secret: known.secret === true })
}

function unknownKind(analysis: Analysis, kind: string): Judged {
  analysis.findings.effect('opaque', `${kind} is no statement that is known here`)
  analysis.findings.classified = true
  return judged(kind.replace(/Stmt$/, '').toUpperCase())
}

/** The tables that a statement of no query names. */
function noteTables(analysis: Analysis, body: Body): void {
  for (const field of ['relation', 'rel', 'view'] as const) {
    const range = body[field]
    if (isObject(range) && typeof range.relname === 'string') nameTable(analysis, range)
  }
}

function nameTable(analysis: Analysis, range: Body): void {
  const schema = typeof range.schemaname === 'string' ? range.schemaname : undefined
  const found = analysis.schema.relationsNamed(textOf(range.relname), schema)
  for (const relation of found) analysis.findings.table(relation, 'write')
}

function simple(analysis: Analysis, verb: string, effect: Effect, reason: string): Judged {
  analysis.findings.effect(effect, reason)
  if (effect === 'opaque') analysis.findings.classified = true
  return judged(verb)
}

function select(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('read', 'reads')
  const outputs = analysis.query({ SelectStmt: body }, null)
  const into = intoOf(body)
  if (!into) return judged('SELECT', { outputs })
  const name = textOf(into.relname)
  analysis.findings.effect('ddl', `SELECT INTO creates the table ${name}`)
  if (into.relpersistence === 't') analysis.findings.connectionBound = true
  notesCopy(analysis, name, outputs.columns)
  return judged('SELECT INTO')
}

/** INTO stands in the first SELECT of a set operation. */
function intoOf(body: Body): Body | null {
  if (isObject(body.intoClause)) return (body.intoClause.rel ?? {}) as Body
  return isObject(body.larg) ? intoOf(body.larg) : null
}

function writing(analysis: Analysis, verb: string, statement: Body): Judged {
  return judged(verb, { outputs: analysis.query(statement, null) })
}

function truncate(analysis: Analysis, body: Body): Judged {
  for (const item of listOf(body.relations)) {
    const range = bodyOf(item, 'RangeVar')
    if (!range) continue
    const name = textOf(range.relname)
    const schema = typeof range.schemaname === 'string' ? range.schemaname : null
    const relations = relationsOf(analysis, schema, name, 'write')
    noteWrite(analysis, schema, name, relations, 'empties')
    analysis.findings.effect('unbounded-write', `TRUNCATE deletes every row of ${name}`)
  }
  return judged('TRUNCATE')
}

function copy(analysis: Analysis, body: Body): Judged {
  const { findings } = analysis
  const verb = body.is_from ? 'COPY FROM' : 'COPY TO'
  if (body.is_program) findings.effect('server', `${verb} runs a program on the server`)
  else if (body.filename !== undefined)
    findings.effect('server', `${verb} uses a file of the server`)
  if (isObject(body.relation)) copyRelation(analysis, body, body.relation)
  if (body.query) {
    const kind = nodeOf(body.query)?.kind
    if (kind === 'SelectStmt') findings.effect('read', 'reads')
    analysis.query(body.query, null)
  }
  if (!body.is_from) findings.effect('export', 'COPY TO sends whole rows out')
  return judged(verb)
}

function copyRelation(analysis: Analysis, body: Body, range: Body): void {
  const schema = typeof range.schemaname === 'string' ? range.schemaname : null
  const name = textOf(range.relname)
  if (body.is_from) {
    const relations = relationsOf(analysis, schema, name, 'write')
    return noteWrite(analysis, schema, name, relations, 'copies rows into')
  }
  const columns = listOf(body.attlist).flatMap((item) => stringOf(item) ?? [])
  const fields =
    columns.length > 0 ? columns.map((sval) => [{ String: { sval } }]) : [[{ A_Star: {} }]]
  const targetList = fields.map((own) => ({ ResTarget: { val: { ColumnRef: { fields: own } } } }))
  analysis.findings.effect('read', 'reads')
  analysis.query({ SelectStmt: { targetList, fromClause: [{ RangeVar: range }] } }, null)
}

/** EXPLAIN runs its statement with ANALYZE only; the plan still tells what the statement would. */
function explain(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const inner = around.inner(body.query)
  const runs = listOf(body.options).some(isAnalyze)
  analysis.findings.effect('read', runs ? 'runs and explains a statement' : 'explains a statement')
  const keep = (effect: Effect) => runs || !NOT_RUN.has(effect)
  analysis.findings.include(inner.analysis.findings, keep)
  const execute = inner.classification.names.filter((name) => name.kind === 'execute')
  return judged(runs ? 'EXPLAIN ANALYZE' : 'EXPLAIN', { names: execute })
}

/** The spellings of defGetBoolean; what isn't one of them counts as on. */
function isAnalyze(option: unknown): boolean {
  const body = bodyOf(option, 'DefElem')
  if (body?.defname !== 'analyze') return false
  if (body.arg === undefined) return true
  const number = bodyOf(body.arg, 'Integer')
  if (number) return Number(number.ival ?? 0) !== 0
  const flag = bodyOf(body.arg, 'Boolean')
  const word = flag ? String(flag.boolval === true) : (stringOf(body.arg) ?? literalOf(body.arg))
  return !['false', 'off', '0'].includes(String(word).toLowerCase())
}

function prepare(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const { classification, analysis: own } = around.inner(body.query)
  analysis.findings.include(own.findings)
  analysis.findings.effect('session', 'prepares a statement')
  return judged('PREPARE', {
    names: [{ kind: 'prepare', name: textOf(body.name), inner: classification }],
  })
}

function execute(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const name = textOf(body.name)
  analysis.value(body.params, new Scope(null))
  useNamed(analysis, around.names.prepared(name), `the prepared statement ${name}`)
  return judged('EXECUTE', { names: [{ kind: 'execute', name }] })
}

/** A statement that runs what a name stands for has that statement's effects. */
function useNamed(analysis: Analysis, named: Classification | undefined, what: string): void {
  const { findings } = analysis
  findings.connectionBound = true
  if (!named) {
    findings.effect('opaque', `${what} isn't known`)
    findings.classified = true
    return
  }
  for (const { effect, reason } of named.effects) findings.effect(effect, reason)
  findings.adopt(named)
}

function deallocate(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('session', 'forgets prepared statements')
  const name = body.isall ? null : textOf(body.name)
  return judged('DEALLOCATE', { names: [{ kind: 'deallocate', name }] })
}

function declareCursor(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const { classification, analysis: own } = around.inner(body.query)
  analysis.findings.include(own.findings)
  analysis.findings.effect('session', 'opens a cursor')
  return judged('DECLARE CURSOR', {
    names: [{ kind: 'declare', name: textOf(body.portalname), inner: classification }],
  })
}

function fetchCursor(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const name = textOf(body.portalname)
  useNamed(analysis, around.names.cursor(name), `the cursor ${name}`)
  analysis.findings.effect('read', 'reads from a cursor')
  const verb = body.ismove ? 'MOVE' : 'FETCH'
  return judged(verb, { names: [{ kind: 'fetch', name }] })
}

function closeCursor(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('session', 'closes cursors')
  const name = body.portalname === undefined ? null : textOf(body.portalname)
  return judged('CLOSE', { names: [{ kind: 'close', name }] })
}

function createTableAs(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const { findings } = analysis
  const into = (body.into ?? {}) as Body
  const rel = (into.rel ?? {}) as Body
  const name = textOf(rel.relname)
  const verb = `CREATE ${objectWords(body.objtype)} AS`
  findings.effect('ddl', `${verb} creates ${name}`)
  if (rel.relpersistence === 't') findings.connectionBound = true
  const inner = around.inner(body.query)
  findings.include(inner.analysis.findings)
  if (inner.classification.names.length > 0) {
    if (inner.classification.output === 'classified') {
      findings.effect('export', `copies what it reads into ${name}`)
    }
  } else notesCopy(analysis, name, analysis.query(body.query, null).columns)
  return judged(verb, { names: inner.classification.names.filter((n) => n.kind === 'execute') })
}

const TWO_PHASE = new Set([
  'TRANS_STMT_PREPARE',
  'TRANS_STMT_COMMIT_PREPARED',
  'TRANS_STMT_ROLLBACK_PREPARED',
])

function transaction(analysis: Analysis, body: Body): Judged {
  const kind = String(body.kind)
  const verb = kind.replace('TRANS_STMT_', '').replaceAll('_', ' ')
  if (!TWO_PHASE.has(kind))
    return simple(analysis, verb, 'transaction', 'begins or ends a transaction')
  const words = kind === 'TRANS_STMT_PREPARE' ? 'PREPARE TRANSACTION' : verb
  return simple(analysis, words, 'server', 'handles a transaction that outlives its session')
}

function setting(analysis: Analysis, body: Body): Judged {
  const names = setStatement(analysis, body)
  const verb = String(body.kind).startsWith('VAR_RESET') ? 'RESET' : 'SET'
  return judged(verb, { names: names.map((name) => ({ kind: 'set', name })) })
}

function show(analysis: Analysis, body: Body): Judged {
  const name = textOf(body.name)
  analysis.findings.effect('read', 'shows a setting')
  if (isSecretSetting(name)) {
    analysis.findings.effect('export', `reads ${name}, which may hold a secret`)
  }
  return judged('SHOW')
}

function discard(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('session', 'forgets state of the session')
  const what = {
    DISCARD_ALL: 'all',
    DISCARD_PLANS: 'plans',
    DISCARD_TEMP: 'temp',
    DISCARD_SEQUENCES: 'sequences',
  } as const
  const target = what[String(body.target ?? 'DISCARD_ALL') as keyof typeof what] ?? 'all'
  return judged('DISCARD', { names: [{ kind: 'discard', what: target }] })
}

function call(analysis: Analysis, body: Body): Judged {
  const name = namesOf((bodyOf({ FuncCall: body.funccall }, 'FuncCall') ?? {}).funcname).join('.')
  analysis.value({ FuncCall: body.funccall }, new Scope(null))
  return simple(analysis, 'CALL', 'opaque', `runs the procedure ${name}, which is not analysed`)
}

/** ACCESS SHARE (mode 1) stops nobody: it is how a dump begins. */
function lock(analysis: Analysis, body: Body): Judged {
  for (const item of listOf(body.relations)) {
    const range = bodyOf(item, 'RangeVar')
    if (range) nameTable(analysis, range)
  }
  if (body.mode === 1)
    return simple(analysis, 'LOCK', 'export', 'LOCK TABLE pins tables for a dump')
  return simple(analysis, 'LOCK', 'server', 'LOCK TABLE makes others wait')
}

const RIGHTS = /Owner|RowSecurity|AT_ChangeOwner/

function alterTable(analysis: Analysis, body: Body): Judged {
  const verb = `ALTER ${objectWords(body.objtype)}`
  analysis.findings.effect('ddl', `${verb} changes the schema`)
  for (const item of listOf(body.cmds)) {
    const command = String(bodyOf(item, 'AlterTableCmd')?.subtype)
    if (RIGHTS.test(command)) {
      analysis.findings.effect('privilege', `${verb} changes ownership or row security`)
    }
  }
  noteTables(analysis, body)
  return judged(verb)
}

function functionChange(analysis: Analysis, body: Body, verb: string): Judged {
  const words = body.is_procedure ? verb.replace('FUNCTION', 'PROCEDURE') : verb
  analysis.findings.effect('ddl', `${words} changes code in the database`)
  const definer = anyNode(
    [body.options, body.actions],
    ({ kind, body: option }) => kind === 'DefElem' && option.defname === 'security',
  )
  if (definer) analysis.findings.effect('privilege', `${words} says whose rights the code has`)
  return judged(words)
}

const OUTWARD_OBJECTS = /PUBLICATION|SUBSCRIPTION|FOREIGN SERVER|FOREIGN DATA WRAPPER|USER MAPPING/

function drop(analysis: Analysis, body: Body): Judged {
  const words = objectWords(body.removeType)
  const verb = `DROP ${words}`
  analysis.findings.effect('ddl', `${verb} changes the schema`)
  if (words === 'EXTENSION' || words === 'LANGUAGE')
    analysis.findings.effect('server', `${verb} changes the server`)
  if (words === 'POLICY') analysis.findings.effect('privilege', 'DROP POLICY changes row security')
  if (OUTWARD_OBJECTS.test(words))
    analysis.findings.effect('export', `${verb} bears on other databases`)
  for (const item of listOf(body.objects)) {
    const names = namesOf(bodyOf(item, 'List')?.items)
    const found =
      names.length > 0 ? analysis.schema.relationsNamed(names.at(-1) ?? '', names.at(-2)) : []
    if (words === 'TABLE' || words.endsWith('VIEW')) {
      for (const relation of found) analysis.findings.table(relation, 'write')
    }
  }
  return judged(verb)
}
