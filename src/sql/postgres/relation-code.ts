import type { Effect } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { bodyOf } from './ast.ts'
import { runRoutine } from './routine-bodies.ts'
import { expressionTaint, unread } from './run-code.ts'
import type { AttachedCode, SchemaFunction, SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import { CLEAN, type Column, derivedColumn, type RangeItem } from './taint.ts'
import { noteTypeCode } from './type-code.ts'

/*
 * What hangs on a relation and runs with a statement that names it. It was put there by whoever made
 * the relation: its own looks at classified values are no probes of the agent's, and copies that it
 * makes no exports. What it does to the rest of the database is what the statement does.
 */
const NOT_THE_AGENTS: ReadonlySet<Effect> = new Set(['read', 'session', 'probe'])

/** `writes`: letters of how it is written: i(nsert), u(pdate), d(elete), t(runcate). */
export function noteWriteCode(analysis: Analysis, relation: SchemaRelation, writes: string): void {
  for (const code of relation.attached ?? []) {
    if (code.kind === 'rule' || code.kind === 'policy') continue
    if (![...writes].some((letter) => code.on.includes(letter))) continue
    const parts = { key: `${relation.oid} ${code.kind} ${code.text}`, parameters: CLEAN } as const
    const result = analysis.within({ ...parts, depth: 1 }, (inner) =>
      runAttached(inner, code, relation),
    )
    const name = code.kind === 'trigger' ? `the trigger function ${code.text}()` : `a ${code.kind}`
    takeEffects(analysis, result, `${name} on ${relation.name}`)
  }
  if (!/[iu]/.test(writes)) return
  for (const { typeOid } of relation.columns.values()) noteTypeCode(analysis, typeOid)
}

/** Row security runs with every statement on its table. */
export function notePolicies(analysis: Analysis, relation: SchemaRelation): void {
  for (const code of relation.attached ?? []) {
    if (code.kind !== 'policy') continue
    const key = `${relation.oid} policy ${code.text}`
    const result = analysis.within({ key, parameters: CLEAN, depth: 0 }, (inner) => {
      return runExpression(inner, code.text, relation)
    })
    takeEffects(analysis, result, `row security of ${relation.name}`)
    noteMessages(analysis, result)
  }
}

/** Reading a view runs its query, with its owner's rights. */
export function noteView(analysis: Analysis, relation: SchemaRelation, at?: number): void {
  const { definition } = relation
  if (definition === undefined) return
  const key = `view ${relation.oid}`
  const result = analysis.within({ key, parameters: CLEAN, depth: 0 }, (inner) => {
    const statements = inner.source.parseBody(definition)
    if (!statements) return unread(inner, 'its query cannot be read')
    for (const { stmt } of statements) inner.statement(stmt)
    return null
  })
  takeEffects(analysis, result, `the view ${relation.name}`, at)
  noteMessages(analysis, result)
}

/**
 * Its columns are masked by what they are computed from, and whether its messages may tell something
 * is judged by its words: here only what it does counts.
 */
function takeEffects(analysis: Analysis, result: Within, code: string, at?: number): void {
  const { findings } = analysis
  if (result === 'circle') return
  if (result === 'too deep') {
    findings.effect('opaque', `${code} lies deeper than is read`, at)
    return
  }
  for (const { effect, reason } of result.findings.effects) {
    if (!NOT_THE_AGENTS.has(effect)) findings.effect(effect, `${code}: ${reason}`, at)
  }
  for (const name of result.findings.functions) findings.functions.add(name)
}

/** A function that it calls can put what it reads into a notice or an error. */
function noteMessages({ findings }: Analysis, result: Within): void {
  if (typeof result === 'object' && result.findings.functions.size > 0) {
    findings.classified ||= result.findings.classified
  }
}

type Within = ReturnType<Analysis['within']>

function runAttached(inner: Analysis, code: AttachedCode, relation: SchemaRelation): null {
  if (code.kind === 'trigger') return runTrigger(inner, code.text, relation)
  if (code.kind === 'condition') return runCondition(inner, code.text, relation)
  return runExpression(inner, code.text, relation)
}

function runExpression(inner: Analysis, text: string, relation: SchemaRelation): null {
  inner.base = new Scope(null)
  inner.base.items.push(rowOf(relation, relation.name, false))
  expressionTaint(inner, text)
  return null
}

/** WHEN (...) of a trigger. */
function runCondition(inner: Analysis, definition: string, relation: SchemaRelation): null {
  const [statement] = inner.source.parseBody(definition) ?? []
  const trigger = bodyOf(statement?.stmt, 'CreateTrigStmt')
  if (!trigger) return unread(inner, 'its condition cannot be read')
  const scope = new Scope(null)
  scope.items.push(rowOf(relation, 'old', true), rowOf(relation, 'new', true))
  inner.base = scope
  const targetList = [{ ResTarget: { val: trigger.whenClause } }]
  inner.statement({ SelectStmt: { targetList } })
  return null
}

/** The values that a statement writes are its own: here they are no more than values. */
function rowOf(relation: SchemaRelation, alias: string, hidden: boolean): RangeItem {
  const columns: Column[] = [...relation.columns.values()].map(({ name }) =>
    derivedColumn(name, CLEAN),
  )
  return { alias, schema: null, columns, rest: null, hidden }
}

function runTrigger(inner: Analysis, name: string, relation: SchemaRelation): null {
  const dot = name.indexOf('.')
  const functions = inner.schema.functionsNamed(name.slice(dot + 1), name.slice(0, dot))
  const own = functions.filter((fn) => fn.extension === null && !inner.trusted.has(name))
  for (const fn of own) runTriggerFunction(inner, fn, relation)
  // An extension's trigger was put there with the extension.
  for (const fn of functions) if (fn.extension !== null) inner.call([fn.schema, fn.name], CLEAN)
  if (functions.length === 0) unread(inner, 'its function cannot be read')
  return null
}

function runTriggerFunction(inner: Analysis, fn: SchemaFunction, relation: SchemaRelation): void {
  const routine = fn.definition === null ? null : inner.source.parseRoutine(fn.definition)
  if (!routine) {
    unread(inner, `it is in ${fn.language}`)
    return
  }
  runRoutine(inner, routine, { parameters: [], rows: [rowOf(relation, relation.name, true)] })
}
