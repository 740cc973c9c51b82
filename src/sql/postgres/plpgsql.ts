import { type Body, childrenOf, isObject, textOf } from './ast.ts'

/** A piece of SQL in a function, and the variables that take what it gives. */
export interface RoutinePart {
  /**
   * statement: SQL as it stands. expression: as PL/pgSQL gives it to the server behind SELECT.
   * dynamic: an expression whose text is run as SQL.
   */
  readonly kind: 'statement' | 'expression' | 'dynamic'
  readonly sql: string
  readonly fills: readonly string[]
}

/**
 * What a function in PL/pgSQL runs, in no order: every statement and expression in it counts, for
 * which of its branches are taken isn't known before.
 */
export interface Routine {
  readonly parts: readonly RoutinePart[]
  /** Names of its variables, records' included. */
  readonly variables: readonly string[]
  /** What is handed on without SQL: a cursor's rows into variables. */
  readonly flows: readonly { readonly from: string; readonly to: readonly string[] }[]
  /** Variables that can hold whatever the function has met: an error's text. */
  readonly anything: readonly string[]
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

/** Fields that say by its number which variable is filled; a number of zero is left out. */
const NUMBERS: Readonly<Record<string, string>> = {
  PLpgSQL_stmt_assign: 'varno',
  PLpgSQL_stmt_foreach_a: 'varno',
  PLpgSQL_stmt_open: 'curvar',
  PLpgSQL_stmt_case: 't_varno',
}

/** Variables that hold texts of errors. */
const ERRORS = ['sqlerrm', 'sqlstate']

/** RAW_PARSE_DEFAULT and RAW_PARSE_PLPGSQL_EXPR (parser.h); the modes above it are assignments. */
const STATEMENT = 0
const EXPRESSION = 2

/** Reads what the grammar says of one function. Throws where it says something that isn't known. */
export function routineOf(tree: unknown): Routine {
  const functions = isObject(tree) ? tree.plpgsql_funcs : undefined
  if (!Array.isArray(functions) || functions.length !== 1) throw new Error('not one function')
  return new RoutineReader(functions[0]).read()
}

/** Where a value stands: the node that holds it, in which of its fields, and what takes it. */
interface Place {
  readonly kind: string
  readonly field: string
  readonly fills: readonly string[]
}

class RoutineReader {
  readonly #function: unknown
  readonly #datums: readonly unknown[]
  readonly #parts: RoutinePart[] = []
  readonly #flows: { from: string; to: readonly string[] }[] = []
  readonly #variables = new Set<string>()
  readonly #anything = new Set<string>(ERRORS)
  #opensCursor = false
  #endsTransaction = false

  constructor(fn: unknown) {
    const body = isObject(fn) ? (fn.PLpgSQL_function as Body | undefined) : undefined
    if (!body || !Array.isArray(body.datums)) throw new Error('a function without its variables')
    this.#function = fn
    this.#datums = body.datums
  }

  read(): Routine {
    this.#collect(this.#function, { kind: '', field: '', fills: [] })
    return {
      parts: this.#parts,
      variables: [...this.#variables],
      flows: this.#flows,
      anything: [...this.#anything],
      opensCursor: this.#opensCursor,
      endsTransaction: this.#endsTransaction,
    }
  }

  #collect(value: unknown, place: Place): void {
    if (Array.isArray(value)) {
      for (const item of value) this.#collect(item, place)
      return
    }
    if (!isObject(value)) return
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'PLpgSQL_expr') this.#noteExpression(inner as Body, place)
      else if (name.startsWith('PLpgSQL_')) this.#collectNode(name, inner, place)
      else this.#collect(inner, { ...place, field: name })
    }
  }

  #collectNode(kind: string, body: unknown, place: Place): void {
    const isStatement = kind.startsWith('PLpgSQL_stmt_')
    if (isStatement && !KINDS.has(kind)) throw new Error(`${kind} isn't known`)
    if (!isObject(body)) return
    let fills = isStatement ? this.#filledBy(kind, body) : place.fills
    if (kind === 'PLpgSQL_var' || kind === 'PLpgSQL_rec') {
      fills = [textOf(body.refname)]
      this.#variables.add(textOf(body.refname))
    }
    this.#noteStatement(kind, body, fills)
    for (const [field, inner] of Object.entries(body)) this.#collect(inner, { kind, field, fills })
  }

  #noteStatement(kind: string, body: Body, fills: readonly string[]): void {
    // A cursor that was declared with its query holds that; one of another name can be any.
    if (kind === 'PLpgSQL_stmt_open' && (body.query || body.dynquery)) this.#opensCursor = true
    if (kind === 'PLpgSQL_stmt_commit' || kind === 'PLpgSQL_stmt_rollback') {
      this.#endsTransaction = true
    }
    if (kind === 'PLpgSQL_stmt_fetch' || kind === 'PLpgSQL_stmt_forc') {
      for (const from of this.#namesAt(body.curvar ?? 0)) this.#flows.push({ from, to: fills })
    }
    if (kind === 'PLpgSQL_diag_item') {
      for (const name of this.#namesAt(body.target ?? 0)) this.#anything.add(name)
    }
  }

  /** The variables that a statement puts something into. */
  #filledBy(kind: string, body: Body): readonly string[] {
    // INOUT parameters of a procedure are its arguments.
    if (kind === 'PLpgSQL_stmt_call') return this.#datums.flatMap((datum) => this.#namesOf(datum))
    const field = NUMBERS[kind]
    const numbers = field === undefined ? [] : [body[field] ?? 0]
    const named = [body.target, body.var].flatMap((target) => this.#namesOf(target))
    return [...numbers.flatMap((number) => this.#namesAt(number)), ...named]
  }

  #namesAt(number: unknown): readonly string[] {
    return this.#namesOf(this.#datums[Number(number)])
  }

  #namesOf(datum: unknown): readonly string[] {
    if (!isObject(datum)) return []
    const {
      PLpgSQL_var: plain,
      PLpgSQL_rec: record,
      PLpgSQL_row: row,
      PLpgSQL_recfield: field,
    } = datum as Record<string, Body | undefined>
    if (plain) return [textOf(plain.refname)]
    if (record) return [textOf(record.refname)]
    if (field) return this.#namesAt(field.recparentno ?? 0)
    const fields = Array.isArray(row?.fields) ? row.fields : []
    return fields.flatMap((one) => (isObject(one) ? this.#namesAt(one.varno ?? 0) : []))
  }

  #noteExpression(body: Body, { kind, field, fills }: Place): void {
    const sql = textOf(body.query)
    const mode = Number(body.parseMode ?? 0)
    if (childrenOf(body).some(isObject)) throw new Error('an expression holds more than text')
    if (DYNAMIC.has(`${kind}.${field}`)) this.#parts.push({ kind: 'dynamic', sql, fills })
    else if (mode === STATEMENT) this.#parts.push({ kind: 'statement', sql, fills })
    else if (mode === EXPRESSION) this.#parts.push({ kind: 'expression', sql, fills })
    else {
      for (const side of sidesOf(sql)) this.#parts.push({ kind: 'expression', sql: side, fills })
    }
  }
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
