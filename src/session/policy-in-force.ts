import { createHash } from 'node:crypto'
import type { Catalog, CatalogSource } from '../catalog/catalog.ts'
import type { Principal } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { copyMasker } from '../mask/copy.ts'
import type { MaskKeys } from '../mask/masker-for.ts'
import type { MaskConfig, MaskPlan, ResultColumn } from '../mask/plan.ts'
import { planFor } from '../mask/plan-for.ts'
import { decide } from '../policy/decide.ts'
import type { Decision } from '../policy/decision.ts'
import type { RuleConfig } from '../policy/rule.ts'
import type { Classification } from '../sql/statement.ts'
import type { CopyMasker, CopyShape } from '../wire/protocol.ts'
import type { Policy } from './services.ts'

export interface PolicyParts {
  readonly rules: readonly RuleConfig[]
  readonly masks: Readonly<Record<string, MaskConfig>>
  readonly shadow: boolean
  readonly keys: MaskKeys
  readonly catalog: CatalogSource
  readonly clock: Clock
  /** Groups of an agent: those that own it, and those of the people who do. */
  groupsOf(principal: Principal): readonly string[]
}

/** Rules and masks of one configuration, for one database. */
export function policyInForce(parts: PolicyParts): Policy {
  return new PolicyInForce(parts)
}

class PolicyInForce implements Policy {
  readonly version: string
  readonly shadow: boolean
  readonly #parts: PolicyParts
  readonly #dependsOnTime: boolean

  constructor(parts: PolicyParts) {
    this.#parts = parts
    this.shadow = parts.shadow
    const text = JSON.stringify([parts.rules, parts.masks, parts.shadow])
    this.version = createHash('sha256').update(text).digest('hex')
    this.#dependsOnTime = parts.rules.some((rule) => rule.when.hours !== undefined)
  }

  cacheKey(inTransaction: boolean): string {
    const where = inTransaction ? 'in' : 'out'
    if (!this.#dependsOnTime) return this.version + where
    return `${this.version}${where}${Math.floor(this.#parts.clock.now() / 60_000)}`
  }

  decide(
    classification: Classification,
    facts: { readonly principal: Principal; readonly inTransaction: boolean },
  ): Decision {
    const { principal, inTransaction } = facts
    const input = {
      classification,
      agent: principal.agent.name,
      groups: this.#parts.groupsOf(principal),
      database: principal.database,
      environment: principal.environment,
      inTransaction,
      now: this.#parts.clock.now(),
    }
    return decide(input, this.#parts.rules)
  }

  bearing(decision: Decision, statements: readonly Classification[]): unknown {
    const named = decision.kind === 'deny' ? [decision.rule] : decision.rules
    return {
      decision,
      rules: this.#parts.rules.filter((rule) => named.includes(rule.name)),
      tables: statements.map((statement) => statement.tables),
      effects: statements.map((statement) => statement.effects),
      outputs: statements.map(({ output, safeOutputs }) => ({ output, safeOutputs })),
      masks: this.#parts.masks,
    }
  }

  plan(
    columns: readonly ResultColumn[],
    classification: Classification,
    options: { readonly unmask: readonly string[]; readonly distrust: boolean },
  ): MaskPlan | null {
    const { masks, keys, catalog } = this.#parts
    const { current } = catalog
    const { unmask, distrust } = options
    const common = { columns, unmask, masks, keys }
    if (!distrust) return planFor({ ...common, classification, catalog: current })
    return planFor({ ...common, classification: UNKNOWN_OUTPUT, catalog: withoutViews(current) })
  }

  copyMasker(
    columns: readonly ResultColumn[],
    classification: Classification,
    shape: CopyShape,
    options: { readonly unmask: readonly string[]; readonly distrust: boolean },
  ): { masker: CopyMasker | null; masked: readonly string[] } {
    if (classification.output === 'clear' && !options.distrust) return { masker: null, masked: [] }
    const { copy } = classification
    if (!copy || columns.length !== shape.columns) {
      throw new Error('the columns of this COPY are not known, so they cannot be masked')
    }
    const format = shape.format === 'binary' ? 1 : 0
    const described = columns.map((column) => ({ ...column, format }))
    const plan = this.plan(described, classification, options)
    if (!plan) return { masker: null, masked: [] }
    return { masker: copyMasker(plan.maskers, copy.options), masked: plan.masked }
  }
}

const UNKNOWN_OUTPUT = { output: 'classified', safeOutputs: [] } as const

/** A catalog that knows tables only: a view may be another one by now. */
function withoutViews(catalog: Catalog): Pick<Catalog, 'relation' | 'type'> {
  return {
    type: (oid) => catalog.type(oid),
    relation: (oid) => {
      const relation = catalog.relation(oid)
      return relation?.kind === 'view' || relation?.kind === 'materialized-view'
        ? undefined
        : relation
    },
  }
}
