import type { Analysis } from './analysis.ts'
import {
  type Body,
  bodyOf,
  isObject,
  listOf,
  namesOf,
  nodeOf,
  placeOf,
  stringOf,
  textOf,
} from './ast.ts'
import { calleeOf } from './calls.ts'
import { relationsOf } from './from.ts'
import { type Judged, judged, nameTable, simple } from './judged.ts'
import { runRoutine } from './routine-bodies.ts'
import { takeResult } from './run-code.ts'
import { Scope } from './scope.ts'
import { CLEAN, NO_OUTPUTS } from './taint.ts'
import { notesCopy, noteWrite } from './writes.ts'

export const READS = 'reads data'

export function select(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('read', READS)
  const outputs = analysis.query({ SelectStmt: body }, null)
  const into = intoOf(body)
  if (!into) return judged('SELECT', { outputs })
  const name = textOf(into.relname)
  analysis.findings.effect('ddl', `SELECT INTO creates the table ${name}`)
  const temporary = into.relpersistence === 't'
  if (temporary) analysis.findings.connectionBound = true
  const named = typeof into.schemaname === 'string' ? into.schemaname : null
  notesCopy(analysis, { schema: temporary ? 'pg_temp' : named, name, columns: [] }, outputs)
  return judged('SELECT INTO')
}

/** INTO stands in the first SELECT of a set operation. */
function intoOf(body: Body): Body | null {
  if (isObject(body.intoClause)) return (body.intoClause.rel ?? {}) as Body
  return isObject(body.larg) ? intoOf(body.larg) : null
}

export function writing(analysis: Analysis, verb: string, statement: Body): Judged {
  return judged(verb, { outputs: analysis.query(statement, null) })
}

export function truncate(analysis: Analysis, body: Body): Judged {
  for (const item of listOf(body.relations)) {
    const range = bodyOf(item, 'RangeVar')
    if (!range) continue
    const name = textOf(range.relname)
    const schema = typeof range.schemaname === 'string' ? range.schemaname : null
    const relations = relationsOf(analysis, schema, name, 'write')
    const at = placeOf(range)
    noteWrite(analysis, { schema, name, relations, at }, 'empties', 't')
    analysis.findings.effect('unbounded-write', `TRUNCATE deletes every row of ${name}`, at)
  }
  return judged('TRUNCATE')
}

export function copy(analysis: Analysis, body: Body): Judged {
  const { findings } = analysis
  const verb = body.is_from ? 'COPY FROM' : 'COPY TO'
  if (body.is_program) findings.effect('server', `${verb} runs a program on the server`)
  else if (body.filename !== undefined)
    findings.effect('server', `${verb} uses a file of the server`)
  if (isObject(body.relation)) copyRelation(analysis, body, body.relation)
  if (body.query) {
    const kind = nodeOf(body.query)?.kind
    if (kind === 'SelectStmt') findings.effect('read', READS)
  }
  const outputs = body.query ? analysis.query(body.query, null) : NO_OUTPUTS
  if (!body.is_from) findings.effect('export', 'COPY TO sends whole rows out')
  return judged(verb, { outputs })
}

function copyRelation(analysis: Analysis, body: Body, range: Body): void {
  const schema = typeof range.schemaname === 'string' ? range.schemaname : null
  const name = textOf(range.relname)
  if (body.is_from) {
    const relations = relationsOf(analysis, schema, name, 'write')
    noteWrite(analysis, { schema, name, relations, at: placeOf(range) }, 'copies rows into', 'i')
    return
  }
  const columns = listOf(body.attlist).flatMap((item) => stringOf(item) ?? [])
  const fields =
    columns.length > 0 ? columns.map((sval) => [{ String: { sval } }]) : [[{ A_Star: {} }]]
  const targetList = fields.map((own) => ({ ResTarget: { val: { ColumnRef: { fields: own } } } }))
  analysis.findings.effect('read', READS)
  analysis.query({ SelectStmt: { targetList, fromClause: [{ RangeVar: range }] } }, null)
}

/** ACCESS SHARE (mode 1) stops nobody: it is how a dump begins. */
export function lock(analysis: Analysis, body: Body): Judged {
  for (const item of listOf(body.relations)) {
    const range = bodyOf(item, 'RangeVar')
    if (range) nameTable(analysis, range)
  }
  if (body.mode === 1)
    return simple(analysis, 'LOCK', 'export', 'LOCK TABLE pins tables for a dump')
  return simple(analysis, 'LOCK', 'server', 'LOCK TABLE makes others wait')
}

/** A procedure is judged by its body as a function is; nobody follows what it gives back. */
export function call(analysis: Analysis, body: Body): Judged {
  const { findings } = analysis
  const names = namesOf(bodyOf({ FuncCall: body.funccall }, 'FuncCall')?.funcname)
  findings.effect('read', `runs the procedure ${names.join('.')}`)
  analysis.value({ FuncCall: body.funccall }, new Scope(analysis.base))
  if (calleeOf(analysis.schema, names).own.length === 0) {
    findings.effect('opaque', `the procedure ${names.join('.')} isn't known`)
  }
  findings.classified = true
  return judged('CALL')
}

const TAG = '$code$'

/**
 * DO: what its code does is noted, and it is held all the same. It gives no rows: a block that
 * changes nothing can only be there for what its errors and notices tell.
 */
export function block(analysis: Analysis, body: Body): Judged {
  const { findings } = analysis
  findings.effect('opaque', 'runs a block of code')
  findings.classified = true
  const options = listOf(body.args).map((item) => bodyOf(item, 'DefElem'))
  const code = options.find((option) => option?.defname === 'as')
  const language = options.find((option) => option?.defname === 'language')
  const source = stringOf(code?.arg)
  const readable = source !== null && !source.includes(TAG)
  const isPlpgsql = language === undefined || stringOf(language?.arg)?.toLowerCase() === 'plpgsql'
  const text = readable && isPlpgsql ? `DO ${TAG}${source}${TAG}` : null
  const routine = text === null ? null : analysis.source.parseRoutine(text)
  if (!routine) {
    findings.effect('opaque', "the block's code cannot be read")
    return judged('DO')
  }
  const at = typeof code?.location === 'number' ? code.location : undefined
  const part = { key: `DO ${source}`, parameters: CLEAN, depth: 0, passing: true } as const
  const result = analysis.within(part, (inner) => {
    runRoutine(inner, routine, { parameters: [], rows: [] })
    return null
  })
  takeResult(analysis, result, { code: 'its code', at, keep: () => true })
  return judged('DO')
}
