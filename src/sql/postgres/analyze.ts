import type { Analysis, Code, CodeResult, CodeSource } from './analysis.ts'
import { nodeOf } from './ast.ts'
import { resultOfCall } from './calls.ts'
import { taintOfValue } from './expressions.ts'
import { Findings } from './findings.ts'
import { addFromItem } from './from.ts'
import { runFunction } from './function-bodies.ts'
import { judgeInCode } from './judge-code.ts'
import { checkPredicate } from './predicates.ts'
import type { Schema, SchemaFunction } from './schema.ts'
import type { Scope } from './scope.ts'
import { selectOutputs } from './select.ts'
import { CLEAN, NO_OUTPUTS, type Outputs, type Taint } from './taint.ts'
import { deleteOutputs, insertOutputs, mergeOutputs, updateOutputs } from './writes.ts'

export interface AnalysisSettings {
  readonly schema: Schema
  readonly trusted: ReadonlySet<string>
  readonly source: CodeSource
}

/** Nodes read and names looked up for one statement: some 300 ms. */
const MAX_STEPS = 2_000_000

/** Functions that are read below one another; what lies deeper is opaque. */
const MAX_DEPTH = 8

/** Begins the analysis of one statement. */
export function newAnalysis(settings: AnalysisSettings): Analysis {
  return new StatementAnalysis(settings, { steps: 0 }, null)
}

/** What was found about code whose parameters are clean: it holds for as long as the schema does. */
interface Kept extends CodeResult {
  /** Levels of functions in it, its own included. */
  readonly height: number
}

function lasts({ parameters, passing }: Code): boolean {
  return parameters.size === 0 && passing === undefined
}

/** By schema, and by what is trusted. */
const kept = new WeakMap<Schema, WeakMap<ReadonlySet<string>, Map<string, Kept>>>()

class StatementAnalysis implements Analysis {
  readonly findings = new Findings()
  readonly #settings: AnalysisSettings
  readonly #work: { steps: number }
  readonly #code: Code | null
  readonly #outer: StatementAnalysis | null
  readonly #depth: number
  base: Scope | null = null
  parameters: Taint
  #made = new WeakMap<object, { readonly scope: Scope | null; readonly value: unknown }>()
  /** Levels of functions below this one. */
  #height = 0
  /** Code above this one that it runs again: what is found here doesn't hold by itself. */
  readonly #circles = new Set<string>()
  #tooDeep = false

  constructor(
    settings: AnalysisSettings,
    work: { steps: number },
    inside: { readonly outer: StatementAnalysis; readonly code: Code } | null,
  ) {
    this.#settings = settings
    this.#work = work
    this.#outer = inside?.outer ?? null
    this.#code = inside?.code ?? null
    this.parameters = inside?.code.parameters ?? CLEAN
    this.#depth = inside ? inside.outer.#depth + inside.code.depth : 0
  }

  get schema(): Schema {
    return this.#settings.schema
  }

  get trusted(): ReadonlySet<string> {
    return this.#settings.trusted
  }

  get source(): CodeSource {
    return this.#settings.source
  }

  spend(steps: number): void {
    this.#work.steps += steps
    if (this.#work.steps > MAX_STEPS) throw new Error('it takes too long to judge')
  }

  once<T>(node: object, scope: Scope | null, make: () => T): T {
    const known = this.#made.get(node)
    if (known && known.scope === scope) return known.value as T
    const value = make()
    this.#made.set(node, { scope, value })
    return value
  }

  forget(): void {
    this.#made = new WeakMap()
  }

  query(value: unknown, scope: Scope | null): Outputs {
    const node = nodeOf(value)
    if (!node) return NO_OUTPUTS
    this.spend(1)
    const level = scope ?? this.base
    return this.once(node.body, level, () => this.#query(node.kind, node.body, level))
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

  statement(node: unknown): Outputs {
    return judgeInCode(this, node)
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

  call(name: readonly string[], taint: Taint, at?: number): Taint {
    return resultOfCall(this, name, taint, at)
  }

  run(fn: SchemaFunction, args: Taint, at?: number): Taint | null {
    return runFunction(this, fn, args, at)
  }

  within(code: Code, use: (inner: Analysis) => Taint | null): CodeResult | 'circle' | 'too deep' {
    if (this.#runs(code.key)) {
      this.#circles.add(code.key)
      return 'circle'
    }
    const known = lasts(code) ? keptOf(this.schema, this.trusted).get(code.key) : undefined
    const height = known?.height ?? code.depth
    if (this.#depth + height > MAX_DEPTH) {
      this.#tooDeep = true
      return 'too deep'
    }
    if (known) {
      this.#height = Math.max(this.#height, height)
      return known
    }
    return this.#read(code, use)
  }

  #read(code: Code, use: (inner: Analysis) => Taint | null): CodeResult {
    const inner = new StatementAnalysis(this.#settings, this.#work, { outer: this, code })
    const taint = use(inner)
    const height = inner.#height + code.depth
    this.#height = Math.max(this.#height, height)
    this.#tooDeep ||= inner.#tooDeep
    inner.#circles.delete(code.key)
    for (const key of inner.#circles) this.#circles.add(key)
    const result: Kept = { findings: inner.findings, taint, height }
    const lasting = lasts(code) && inner.#circles.size === 0 && !inner.#tooDeep
    if (lasting) keptOf(this.schema, this.trusted).set(code.key, result)
    return result
  }

  #runs(key: string): boolean {
    if (this.#code?.key === key || this.#outer === null) return this.#code?.key === key
    return this.#outer.#runs(key)
  }
}

function keptOf(schema: Schema, trusted: ReadonlySet<string>): Map<string, Kept> {
  const ofSchema = kept.get(schema) ?? new WeakMap<ReadonlySet<string>, Map<string, Kept>>()
  kept.set(schema, ofSchema)
  const known = ofSchema.get(trusted) ?? new Map<string, Kept>()
  ofSchema.set(trusted, known)
  return known
}

/** Columns that a query surely gives, from 0, which can't reveal a classified value. */
export function safeOutputsOf(outputs: Outputs): readonly number[] {
  return outputs.columns.flatMap((column, index) =>
    index < outputs.certain && column.taint.size === 0 ? [index] : [],
  )
}
