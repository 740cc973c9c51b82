import type { Analysis } from './analysis.ts'
import { type Body, nodeOf } from './ast.ts'
import { KIND_EFFECTS } from './effects.ts'
import { noteUbiquitousCasts } from './implicit-casts.ts'
import { block, call, copy, lock, READS, select, truncate, writing } from './judge-data.ts'
import {
  closeCursor,
  deallocate,
  declareCursor,
  execute,
  explain,
  fetchCursor,
  prepare,
} from './judge-named.ts'
import { alterTable, createTableAs, drop, functionChange } from './judge-schema.ts'
import { discard, setting, show, transaction } from './judge-session.ts'
import { type Judged, judged, noteTables, type Surroundings, simple } from './judged.ts'
import { sweep } from './sweep.ts'

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
  DoStmt: (analysis, body) => block(analysis, body),
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

/** Kinds with a statement inside, which says for itself where it does what. */
const HOLDERS = new Set(
  'ExplainStmt PrepareStmt ExecuteStmt DeclareCursorStmt FetchStmt CreateTableAsStmt'.split(' '),
)

/** What doesn't stand at a place of its own is done by the statement, where that begins. */
export function placeStatement(analysis: Analysis, statement: unknown, at: number): void {
  const kind = nodeOf(statement)?.kind ?? ''
  if (HOLDERS.has(kind)) return
  const own = QUERIES.has(kind) ? (reason: string) => reason === READS : () => true
  analysis.findings.placeRest(at, own)
}

/** Kinds that run what they hold as a query: only for these must every node be a known one. */
const QUERIES = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

/** Judges one statement; its effects, tables and classes are noted in the analysis. */
export function judge(analysis: Analysis, statement: unknown, around: Surroundings): Judged {
  const node = nodeOf(statement)
  if (!node) return unknownKind(analysis, 'nothing')
  const { kind, body } = node
  sweep(analysis, statement, QUERIES.has(kind))
  noteUbiquitousCasts(analysis)
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
