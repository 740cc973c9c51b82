import { createHash } from 'node:crypto'
import type { Principal } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { copyMasker } from '../mask/copy.ts'
import { coversClass } from '../mask/data-class.ts'
import type { MaskKeys } from '../mask/masker-for.ts'
import type { MaskConfig, MaskPlan, ResultColumn } from '../mask/plan.ts'
import type { Planner } from '../mask/planner.ts'
import { type ClearingGroups, withClearance } from '../policy/clearance.ts'
import { decide } from '../policy/decide.ts'
import type { Decision } from '../policy/decision.ts'
import type { RuleConfig } from '../policy/rule.ts'
import type { Classification } from '../sql/statement.ts'
import type { CopyMasker, CopyShape } from '../wire/maskers.ts'
import type { Description } from '../wire/replies.ts'
import type { Policy } from './services.ts'

export interface PolicyParts {
  readonly rules: readonly RuleConfig[]
  readonly masks: Readonly<Record<string, MaskConfig>>
  readonly shadow: boolean
  readonly keys: MaskKeys
  readonly planner: Planner
  /** True where secrets are looked for in what nobody has classified. */
  readonly detects?: boolean
  /** The data classes that columns have; more may come as the schema is read again. */
  readonly classes: readonly string[]
  readonly clock: Clock
  /** Who may let which classes leave in clear. */
  readonly clearing: ClearingGroups
  /** Groups of an agent: those that own it, and those of the people who do. */
  groupsOf(principal: Principal): readonly string[]
}

/** Rules and masks of one configuration, for one database. */
export function policyInForce(parts: PolicyParts): Policy {
  return new PolicyInForce(parts)
}

/** What a plan was made from; it holds for as long as all of it is the same. */
interface KnownPlan {
  readonly bytes: Buffer
  readonly schema: object
  readonly unmask: readonly string[]
  readonly distrust: boolean
  readonly plan: MaskPlan | null
}

/** Bytes. Longer descriptions aren't kept. */
const MAX_KEPT_DESCRIPTION = 2048

interface Facts {
  readonly principal: Principal
  readonly inTransaction: boolean
}

/** Decisions of one minute; rules may name hours. */
interface KnownDecisions {
  readonly minute: number
  readonly byKey: Map<string, Decision>
}

interface KnownKeys {
  readonly in: string
  readonly out: string
  readonly asksClear: readonly string[]
}

interface Masking {
  readonly unmask: readonly string[]
  readonly distrust: boolean
}

class PolicyInForce implements Policy {
  readonly version: string
  readonly shadow: boolean
  readonly #allowsAll: boolean
  readonly #parts: PolicyParts
  readonly #dependsOnTime: boolean
  readonly #keys = new WeakMap<Principal, KnownKeys>()
  readonly #decisions = new WeakMap<Classification, KnownDecisions>()
  /** The last plan of each statement: a verdict is one object for as long as it is kept. */
  readonly #plans = new WeakMap<Classification, KnownPlan>()

  constructor(parts: PolicyParts) {
    this.#parts = parts
    this.shadow = parts.shadow
    this.#allowsAll = allowsAll(parts.rules)
    const text = JSON.stringify([parts.rules, parts.masks, parts.shadow, [...parts.clearing]])
    this.version = createHash('sha256').update(text).digest('hex')
    this.#dependsOnTime = parts.rules.some((rule) => rule.when.hours !== undefined)
  }

  get detects(): boolean {
    return this.#parts.detects ?? false
  }

  get guards(): boolean {
    return this.#parts.classes.length > 0
  }

  get transparent(): boolean {
    return this.#allowsAll && !this.guards && !this.detects
  }

  /** Decisions are kept by all that they depend on: verdicts are shared by sessions, too. */
  decide(classification: Classification, facts: Facts): Decision {
    const key = this.#keyOf(facts)
    const minute = this.#dependsOnTime ? Math.floor(this.#parts.clock.now() / 60_000) : 0
    let known = this.#decisions.get(classification)
    if (known?.minute !== minute) {
      known = { minute, byKey: new Map() }
      this.#decisions.set(classification, known)
    }
    let decision = known.byKey.get(key)
    if (decision === undefined) {
      decision = this.#newDecision(classification, facts)
      known.byKey.set(key, decision)
    }
    return decision
  }

  /** A session that began before its agent's owners changed has the owners of then. */
  #keyOf({ principal, inTransaction }: Facts): string {
    let keys = this.#keys.get(principal)
    const { asksClear } = principal
    // It may ask for something else since.
    if (keys?.asksClear !== asksClear) {
      const { agent, database, environment } = principal
      const who = JSON.stringify([agent.name, agent.owners, database, environment, asksClear])
      keys = { in: `in ${who}`, out: `out ${who}`, asksClear }
      this.#keys.set(principal, keys)
    }
    return inTransaction ? keys.in : keys.out
  }

  #newDecision(classification: Classification, { principal, inTransaction }: Facts): Decision {
    const input = {
      classification,
      agent: principal.agent.name,
      groups: this.#parts.groupsOf(principal),
      database: principal.database,
      environment: principal.environment,
      inTransaction,
      now: this.#parts.clock.now(),
    }
    const { rules, clearing } = this.#parts
    const { classes } = classification
    return withClearance(decide(input, rules), principal.asksClear, classes, clearing)
  }

  bearing(decision: Decision, statements: readonly Classification[]): unknown {
    const named = decision.kind === 'deny' ? [decision.rule] : decision.rules
    return {
      decision,
      rules: this.#parts.rules.filter((rule) => named.includes(rule.name)),
      tables: statements.map((statement) => statement.tables),
      effects: statements.map((statement) => statement.effects),
      outputs: statements.map(({ output, safeOutputs, lineage }) => [output, safeOutputs, lineage]),
      masks: this.#parts.masks,
    }
  }

  clearsAll(unmask: readonly string[]): boolean {
    return this.#parts.classes.every((dataClass) =>
      unmask.some((pattern) => coversClass(pattern, dataClass)),
    )
  }

  plan(
    description: Description,
    classification: Classification,
    options: Masking,
  ): MaskPlan | null {
    if (!this.guards && !this.detects) return null
    const { bytes } = description
    const { unmask, distrust } = options
    const { schema } = this.#parts.planner
    const known = this.#plans.get(classification)
    if (
      known?.schema === schema &&
      known.distrust === distrust &&
      known.unmask === unmask &&
      known.bytes.equals(bytes)
    ) {
      return known.plan
    }
    const plan = this.#newPlan(description.columns(), classification, options)
    if (bytes.length <= MAX_KEPT_DESCRIPTION) {
      const kept = { bytes: Buffer.from(bytes), schema, unmask, distrust, plan }
      this.#plans.set(classification, kept)
    }
    return plan
  }

  #newPlan(
    columns: readonly ResultColumn[],
    classification: Classification,
    options: Masking,
  ): MaskPlan | null {
    const { masks, keys, planner } = this.#parts
    const input = { columns, classification, masks, keys, ...options }
    const plan = this.guards ? planner.plan(input) : null
    return this.detects ? planner.looked(plan, input) : plan
  }

  copyMasker(
    columns: readonly ResultColumn[],
    classification: Classification,
    shape: CopyShape,
    options: Masking,
  ): { masker: CopyMasker | null; masked: readonly string[] } {
    const clear = classification.output === 'clear' && !options.distrust
    if (!this.detects && (clear || !this.guards)) return { masker: null, masked: [] }
    const { copy } = classification
    const sent = this.#sentBy(columns, classification, shape.columns)
    if (!copy || !sent) {
      throw new Error('the columns of this COPY are not known, so they cannot be masked')
    }
    const format = shape.format === 'binary' ? 1 : 0
    const described = sent.columns.map((column) => ({ ...column, format }))
    const plan = this.#newPlan(described, sent.classification, options)
    if (!plan) return { masker: null, masked: [] }
    return { masker: copyMasker(plan.maskers, copy.options), masked: plan.masked }
  }

  /** The columns that a COPY sends, of those that a SELECT would; null where they aren't as many. */
  #sentBy(
    columns: readonly ResultColumn[],
    classification: Classification,
    count: number,
  ): { columns: readonly ResultColumn[]; classification: Classification } | null {
    if (columns.length === count) return { columns, classification }
    const generated = this.#parts.planner.generated?.(columns)
    if (generated?.filter((left) => !left).length !== count) return null
    const isSent = (_: unknown, index: number) => generated[index] === false
    const { lineage } = classification
    return {
      columns: columns.filter(isSent),
      classification:
        lineage?.length === columns.length
          ? { ...classification, lineage: lineage.filter(isSent) }
          : classification,
    }
  }
}

/** True where the first rule that decides anything allows every effect of everybody. */
function allowsAll(rules: readonly RuleConfig[]): boolean {
  const first = rules.find(({ then }) => then.kind !== 'unmask')
  if (first?.then.kind !== 'allow' || first.then.maxRows !== null) return false
  return Object.values(first.when).every((it) => it === undefined)
}
