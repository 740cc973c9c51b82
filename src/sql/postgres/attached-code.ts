import type { Effect } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { bodyOf, listOf } from './ast.ts'
import { columnsOf } from './from.ts'
import { builtinUse } from './functions.ts'
import { noteWriteCode } from './relation-code.ts'
import { takeResult, unread } from './run-code.ts'
import type { Schema, SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import { sensitiveRelation } from './system-relations.ts'
import { CLEAN } from './taint.ts'

/**
 * What hangs on a written table runs with the write. Where it may read something classified, so may
 * every message and every computed column of the statement.
 */
export function noteAttachedCode(
  analysis: Analysis,
  relation: SchemaRelation,
  writes: string,
): void {
  const { findings, schema } = analysis
  noteWriteCode(analysis, relation, writes)
  for (const { kind, text, on } of relation.attached ?? []) {
    if (kind === 'policy' || ![...writes].some((letter) => on.includes(letter))) continue
    if (kind === 'trigger') findings.functions.add(text)
    else if (kind === 'rule') noteRule(analysis, text, relation)
    const quiet = kind === 'trigger' ? isQuietFunction(schema, text) : isQuiet(schema, text)
    if (quiet) continue
    findings.classified = true
    // Rows of a rule's SELECT come in the place of the statement's own.
    if (kind === 'rule') findings.ownOutputs = false
  }
}

/** The commands of a rule run as if the statement held them; NEW and OLD are rows of its table. */
function noteRule(analysis: Analysis, definition: string, relation: SchemaRelation): void {
  const code = { key: `rule ${definition}`, parameters: CLEAN, depth: 1 } as const
  const result = analysis.within(code, (inner) => {
    const [statement] = inner.source.parseBody(definition) ?? []
    const rule = bodyOf(statement?.stmt, 'RuleStmt')
    if (!rule) return unread(inner, 'it cannot be read')
    const scope = new Scope(null)
    const columns = columnsOf(relation)
    for (const alias of ['old', 'new']) {
      scope.items.push({ alias, schema: null, columns, rest: null, hidden: true })
    }
    inner.base = scope
    const targetList = [{ ResTarget: { val: rule.whereClause } }]
    if (rule.whereClause) inner.statement({ SelectStmt: { targetList } })
    for (const action of listOf(rule.actions)) inner.statement(action)
    return null
  })
  takeResult(analysis, result, { code: `a rule on ${relation.name}`, keep: outlives })
}

function outlives(effect: Effect): boolean {
  return effect !== 'session'
}

function isQuietFunction(schema: Schema, qualified: string): boolean {
  const dot = qualified.indexOf('.')
  const name = qualified.slice(dot + 1)
  return schema.functionsNamed(name, qualified.slice(0, dot)).every((fn) => {
    if (fn.extension !== null) return true
    const source = fn.body ?? fn.source
    return source !== null && isQuiet(schema, source, new Set([name]))
  })
}

const WORDS = /"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*/gu
/** Text that becomes SQL, rows of a cursor that was opened elsewhere, and names in escapes. */
const LOUD = new Set(['execute', 'fetch', 'u', 'copy'])

/**
 * Whether code can't read anything classified, as far as its words tell: to read it, it has to name
 * the relation, call something that does, or make SQL of text.
 */
export function isQuiet(schema: Schema, text: string, seen: Set<string> = new Set()): boolean {
  for (const [word] of text.matchAll(WORDS)) {
    const name = word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase()
    if (!word.startsWith('"') && LOUD.has(name) && (name !== 'u' || /\bu&/i.test(text)))
      return false
    if (schema.relationsNamed(name).some((relation) => relation.classified)) return false
    if (sensitiveRelation(null, name) !== null) return false
    const use = builtinUse(name)
    if (use?.effects.some((effect) => effect !== 'session' && effect !== 'write')) return false
    if (!callsQuietly(schema, name, seen)) return false
  }
  return true
}

/** A word that is the name of a function of the user's own may be a call of it. */
function callsQuietly(schema: Schema, name: string, seen: Set<string>): boolean {
  if (seen.has(name)) return true
  const own = schema.functionsNamed(name).filter((fn) => fn.extension === null)
  if (own.length === 0) return true
  seen.add(name)
  return own.every((fn) => {
    const source = fn.body ?? fn.source
    return source !== null && isQuiet(schema, `${source} ${fn.defaults ?? ''}`, seen)
  })
}
