import { type Body, childrenOf, isObject, textOf } from './ast.ts'

/**
 * What a function in PL/pgSQL runs, in no order: every statement and expression in it counts, for
 * which of its branches are taken isn't known before.
 */
export interface Routine {
  /** SQL statements as they stand. */
  readonly statements: readonly string[]
  /** Expressions, as PL/pgSQL gives them to the server behind SELECT. */
  readonly expressions: readonly string[]
  /** Expressions whose text is run as SQL. */
  readonly dynamic: readonly string[]
  /** Names of its variables, records' included. */
  readonly variables: readonly string[]
  /** It opens a cursor by a name that may outlive it, or ends a transaction. */
  readonly opensCursor: boolean
  readonly endsTransaction: boolean
}

/** Kinds of statement that libpg_query writes out whole (pl_funcs.c's list, manual chapter 41). */
const KINDS = new Set(
  `block assign if case loop while fori fors forc foreach_a exit return return_next return_query
   raise assert execsql dynexecute dynfors getdiag open fetch close perform call commit rollback`
    .trim()
    .split(/\s+/)
    .map((kind) => `PLpgSQL_stmt_${kind}`),
)

/** Where an expression's value is run as SQL, by its statement's kind and field. */
const DYNAMIC = new Set([
  'PLpgSQL_stmt_dynexecute.query',
  'PLpgSQL_stmt_dynfors.query',
  'PLpgSQL_stmt_open.dynquery',
  'PLpgSQL_stmt_return_query.dynquery',
])

/** RAW_PARSE_DEFAULT and RAW_PARSE_PLPGSQL_EXPR (parser.h); the modes above it are assignments. */
const STATEMENT = 0
const EXPRESSION = 2

interface Parts {
  readonly statements: string[]
  readonly expressions: string[]
  readonly dynamic: string[]
  readonly variables: Set<string>
  opensCursor: boolean
  endsTransaction: boolean
}

/** Reads what the grammar says of one function. Throws where it says something that isn't known. */
export function routineOf(tree: unknown): Routine {
  const functions = isObject(tree) ? tree.plpgsql_funcs : undefined
  if (!Array.isArray(functions) || functions.length !== 1) throw new Error('not one function')
  const parts: Parts = {
    statements: [],
    expressions: [],
    dynamic: [],
    variables: new Set(),
    opensCursor: false,
    endsTransaction: false,
  }
  collect(functions[0], '', '', parts)
  return { ...parts, variables: [...parts.variables] }
}

/** `kind` and `field` say where `value` stands: a statement's, in which of its fields. */
function collect(value: unknown, kind: string, field: string, parts: Parts): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, kind, field, parts)
    return
  }
  if (!isObject(value)) return
  for (const [name, inner] of Object.entries(value)) {
    if (name === 'PLpgSQL_expr') noteExpression(inner as Body, `${kind}.${field}`, parts)
    else if (name.startsWith('PLpgSQL_')) collectNode(name, inner, parts)
    else collect(inner, kind, name, parts)
  }
}

function collectNode(name: string, body: unknown, parts: Parts): void {
  if (name.startsWith('PLpgSQL_stmt_') && !KINDS.has(name)) throw new Error(`${name} isn't known`)
  if (!isObject(body)) return
  if (name === 'PLpgSQL_var' || name === 'PLpgSQL_rec') parts.variables.add(textOf(body.refname))
  // A cursor that was declared with its query holds that; one of another name can be any.
  if (name === 'PLpgSQL_stmt_open' && (body.query || body.dynquery)) parts.opensCursor = true
  if (name === 'PLpgSQL_stmt_commit' || name === 'PLpgSQL_stmt_rollback') {
    parts.endsTransaction = true
  }
  for (const [field, inner] of Object.entries(body)) collect(inner, name, field, parts)
}

function noteExpression(body: Body, place: string, parts: Parts): void {
  const query = textOf(body.query)
  const mode = Number(body.parseMode ?? 0)
  if (childrenOf(body).some(isObject)) throw new Error('an expression holds more than text')
  if (DYNAMIC.has(place)) parts.dynamic.push(query)
  else if (mode === STATEMENT) parts.statements.push(query)
  else if (mode === EXPRESSION) parts.expressions.push(query)
  else parts.expressions.push(...sidesOf(query))
}

/** "target := value": the target may hold subscripts, which are expressions themselves. */
function sidesOf(assignment: string): readonly string[] {
  const at = signOf(assignment)
  if (at === null) throw new Error('an assignment without its sign')
  return [assignment.slice(0, at.from), assignment.slice(at.to)]
}

/** The first ":=" or "=" outside of quotes, brackets and comments. */
function signOf(text: string): { readonly from: number; readonly to: number } | null {
  const parts = /"(?:[^"]|"")*"|'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\/|:=|[=[\]()]/g
  let depth = 0
  for (const { 0: part, index } of text.matchAll(parts)) {
    if (part === '[' || part === '(') depth++
    else if (part === ']' || part === ')') depth--
    else if (depth === 0 && (part === ':=' || part === '=')) {
      return { from: index, to: index + part.length }
    }
  }
  return null
}
