import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, isObject, listOf, namesOf, textOf } from './ast.ts'
import { type Cte, Scope } from './scope.ts'
import { CLEAN, type Column, derivedColumn, NO_OUTPUTS, type Outputs, union } from './taint.ts'

/** Rounds after which a recursive query's columns are taken to be computed from all of it. */
const MAX_ROUNDS = 8

/**
 * Brings the queries of a WITH clause into scope and reads each of them, also those that nothing
 * refers to: a writing one runs all the same.
 */
export function addWith(analysis: Analysis, withClause: unknown, scope: Scope): void {
  const clause = (withClause ?? {}) as Body
  const ctes = listOf(clause.ctes).flatMap((item) => {
    const body = bodyOf(item, 'CommonTableExpr')
    return body ? [body] : []
  })
  // Without RECURSIVE a query sees only those before it, and outer names beside them.
  let level = scope
  const made: Cte[] = []
  for (const body of ctes) {
    if (!clause.recursive) {
      const before = new Scope(scope.parent)
      for (const [name, cte] of scope.ctes) before.ctes.set(name, cte)
      level = before
    }
    const cte = new WithQuery(analysis, body, level)
    scope.ctes.set(textOf(body.ctename), cte)
    made.push(cte)
  }
  for (const cte of made) cte.outputs()
}

/** One query of a WITH clause, read when it is first needed. */
class WithQuery implements Cte {
  readonly #analysis: Analysis
  readonly #body: Body
  readonly #scope: Scope
  #known: Outputs = NO_OUTPUTS
  #state: 'unread' | 'reading' | 'read' = 'unread'
  #recursive = false

  constructor(analysis: Analysis, body: Body, scope: Scope) {
    this.#analysis = analysis
    this.#body = body
    this.#scope = scope
  }

  outputs(): Outputs {
    if (this.#state === 'reading') this.#recursive = true
    if (this.#state === 'unread') this.#read()
    return this.#known
  }

  #read(): void {
    this.#state = 'reading'
    this.#known = this.#firstTerm() ?? NO_OUTPUTS
    for (let round = 0; ; round++) {
      // A fresh level each round: what was read with less known must be read again.
      const outputs = this.#named(this.#analysis.query(this.#body.ctequery, new Scope(this.#scope)))
      const settled = !this.#recursive || sameTaints(outputs, this.#known)
      this.#known = round < MAX_ROUNDS ? outputs : smeared(outputs)
      if (settled || round >= MAX_ROUNDS) break
    }
    this.#state = 'read'
  }

  /** The term of a recursive query that doesn't refer to it. */
  #firstTerm(): Outputs | null {
    const body = bodyOf(this.#body.ctequery, 'SelectStmt')
    if (!body || !isObject(body.larg)) return null
    const scope = new Scope(this.#scope)
    if (body.withClause) return null
    return this.#named(this.#analysis.query({ SelectStmt: body.larg }, scope))
  }

  /** With the names of its column list, and the columns that SEARCH and CYCLE add. */
  #named(outputs: Outputs): Outputs {
    const names = namesOf(this.#body.aliascolnames)
    const columns: Column[] = outputs.columns.map((column, index) => ({
      ...column,
      name: names[index] ?? column.name,
    }))
    const all = union(columns.map((column) => column.taint))
    for (const name of addedColumns(this.#body)) columns.push(derivedColumn(name, all))
    const exact = outputs.certain >= outputs.columns.length
    const { conditions } = outputs
    const more = conditions ? { conditions } : {}
    if (exact) return { columns, certain: columns.length, complete: true, ...more }
    if (names.length === 0) return { columns, certain: 0, complete: outputs.complete, ...more }
    const named = [...columns, ...names.map((name) => derivedColumn(name, all))]
    return { columns: named, certain: 0, complete: false, ...more }
  }
}

function addedColumns(body: Body): readonly string[] {
  const search = isObject(body.search_clause) ? [textOf(body.search_clause.search_seq_column)] : []
  const cycle = isObject(body.cycle_clause)
    ? [textOf(body.cycle_clause.cycle_mark_column), textOf(body.cycle_clause.cycle_path_column)]
    : []
  return [...search, ...cycle]
}

function sameTaints(one: Outputs, other: Outputs): boolean {
  return (
    one.columns.length === other.columns.length &&
    one.columns.every((column, index) => {
      const known = other.columns[index]?.taint ?? CLEAN
      return [...column.taint.keys()].every((label) => known.has(label))
    })
  )
}

function smeared(outputs: Outputs): Outputs {
  const all = union(outputs.columns.map((column) => column.taint))
  return {
    columns: outputs.columns.map((column) => derivedColumn(column.name, all)),
    certain: outputs.certain,
    complete: outputs.complete,
  }
}
