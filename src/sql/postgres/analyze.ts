import type { Analysis } from './analysis.ts'
import { bodyOf, listOf, nodeOf } from './ast.ts'
import { resultOfCall } from './calls.ts'
import { taintOfValue } from './expressions.ts'
import { Findings } from './findings.ts'
import { addFromItem, columnsOf } from './from.ts'
import type { RawStatement } from './pg-query.ts'
import { checkPredicate } from './predicates.ts'
import type { Schema, SchemaRelation } from './schema.ts'
import { Scope } from './scope.ts'
import { selectOutputs } from './select.ts'
import { sweep } from './sweep.ts'
import { CLEAN, derivedColumn, NO_OUTPUTS, type Outputs, type Taint, union } from './taint.ts'
import { deleteOutputs, insertOutputs, mergeOutputs, updateOutputs } from './writes.ts'

export interface AnalysisSettings {
  readonly schema: Schema
  readonly trusted: ReadonlySet<string>
  /** Reads the body of an SQL function; null where it can't be read at once. */
  readonly parseBody: (sql: string) => readonly RawStatement[] | null
}

/** Nodes read and names looked up for one statement: some 300 ms. */
const MAX_STEPS = 2_000_000

/** Functions whose bodies are read below one another. */
const MAX_BODIES = 4

/** Begins the analysis of one statement. */
export function newAnalysis(
  settings: AnalysisSettings,
  bodies: ReadonlySet<string> = new Set(),
): Analysis {
  return new StatementAnalysis(settings, bodies)
}

class StatementAnalysis implements Analysis {
  readonly findings = new Findings()
  readonly bodies: ReadonlySet<string>
  readonly #settings: AnalysisSettings
  #steps = 0
  readonly #made = new WeakMap<object, { readonly scope: Scope | null; readonly value: unknown }>()

  constructor(settings: AnalysisSettings, bodies: ReadonlySet<string>) {
    this.#settings = settings
    this.bodies = bodies
  }

  get schema(): Schema {
    return this.#settings.schema
  }

  get trusted(): ReadonlySet<string> {
    return this.#settings.trusted
  }

  spend(steps: number): void {
    this.#steps += steps
    if (this.#steps > MAX_STEPS) throw new Error('it takes too long to judge')
  }

  once<T>(node: object, scope: Scope | null, make: () => T): T {
    const known = this.#made.get(node)
    if (known && known.scope === scope) return known.value as T
    const value = make()
    this.#made.set(node, { scope, value })
    return value
  }

  query(value: unknown, scope: Scope | null): Outputs {
    const node = nodeOf(value)
    if (!node) return NO_OUTPUTS
    this.spend(1)
    return this.once(node.body, scope, () => this.#query(node.kind, node.body, scope))
  }

  #query(kind: string, body: Parameters<typeof selectOutputs>[1], scope: Scope | null): Outputs {
    switch (kind) {
      case 'SelectStmt':
        return selectOutputs(this, body, scope)
      case 'InsertStmt':
        return insertOutputs(this, body, scope)
      case 'UpdateStmt':
        return updateOutputs(this, body, scope)
      case 'DeleteStmt':
        return deleteOutputs(this, body, scope)
      case 'MergeStmt':
        return mergeOutputs(this, body, scope)
      default:
        this.findings.effect('opaque', `${kind} stands where a query was expected`)
        this.findings.classified = true
        return NO_OUTPUTS
    }
  }

  value(node: unknown, scope: Scope): Taint {
    return taintOfValue(this, node, scope)
  }

  predicate(node: unknown, scope: Scope, where: string): void {
    checkPredicate(this, node, scope, where)
  }

  from(node: unknown, scope: Scope): void {
    addFromItem(this, node, scope)
  }

  call(name: readonly string[], taint: Taint): Taint {
    return resultOfCall(this, name, taint)
  }

  /**
   * Reads a function's body as the query that it is. Its effects count as the statement's own;
   * what it returns is computed from the columns of its last statement.
   */
  body(sql: string, parameters: readonly string[], key: string): Taint | null {
    if (this.bodies.size >= MAX_BODIES) return null
    const statements = this.#settings.parseBody(sql)
    const last = statements?.at(-1)
    if (!statements || !last || nodeOf(last.stmt)?.kind !== 'SelectStmt') return null
    const inner = new StatementAnalysis(this.#settings, new Set([...this.bodies, key]))
    const scope = new Scope(null)
    const columns = parameters.map((name) => derivedColumn(name, CLEAN))
    scope.items.push({ alias: key, schema: null, columns, rest: null, hidden: false })
    const taints = statements.map(({ stmt }) => {
      sweep(inner, stmt, true)
      return union(inner.query(stmt, scope).columns.map((column) => column.taint))
    })
    this.findings.include(inner.findings, (effect) => effect !== 'session')
    return taints.at(-1) ?? null
  }

  /** The commands of a rule run as if the statement held them; NEW and OLD are rows of its table. */
  rule(definition: string, relation: SchemaRelation): void {
    const key = `rule ${definition}`
    if (this.bodies.has(key)) return
    const [statement] = this.#settings.parseBody(definition) ?? []
    const rule = bodyOf(statement?.stmt, 'RuleStmt')
    if (!rule || this.bodies.size >= MAX_BODIES) {
      this.findings.effect('opaque', `a rule on ${relation.name} can't be read`)
      return
    }
    const inner = new StatementAnalysis(this.#settings, new Set([...this.bodies, key]))
    const scope = new Scope(null)
    for (const alias of ['old', 'new']) {
      const columns = columnsOf(relation)
      scope.items.push({ alias, schema: null, columns, rest: null, hidden: true })
    }
    for (const action of listOf(rule.actions)) {
      sweep(inner, action, true)
      inner.query(action, scope)
    }
    this.findings.include(inner.findings)
  }
}

/** Columns that a query surely gives, from 0, which can't reveal a classified value. */
export function safeOutputsOf(outputs: Outputs): readonly number[] {
  return outputs.columns.flatMap((column, index) =>
    index < outputs.certain && column.taint.size === 0 ? [index] : [],
  )
}
