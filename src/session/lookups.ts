import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import { type LimitConfig, limitsOn } from '../policy/limit.ts'
import type { Classification, EffectReason, Lookup } from '../sql/statement.ts'
import type { Parameter } from '../wire/requests.ts'

const HOUR = 3_600_000
/** Different values of one class that an agent may look for within an hour, where no limit says. */
export const LOOKUPS_PER_HOUR = 20

/** What one agent looks for, of one data class. */
type Sought = Map<string, number>

/**
 * Counts the values for which agents look: one is a question about somebody, many are a way to try
 * out which there are. Values are kept as digests that nobody can make again.
 */
export class Lookups {
  readonly #clock: Clock
  readonly #salt = randomBytes(32)
  readonly #sought = new Map<string, Sought>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes what a statement looks for; why that makes it a probe, or null where it doesn't. */
  note(
    agent: string,
    { lookups = [] }: Classification,
    parameters: readonly Parameter[],
    limits: readonly LimitConfig[],
  ): EffectReason | null {
    for (const dataClass of new Set(lookups.map((lookup) => lookup.dataClass))) {
      const own = lookups.filter((lookup) => lookup.dataClass === dataClass)
      const most = mostOf(limits, agent, dataClass)
      const values = this.#valuesOf(own, parameters, most)
      if (values === 'too many' || !this.#take(this.#of(agent, dataClass), values, most)) {
        const reason = `looks for more than ${most} different values of ${dataClass} within an hour, which can be used to guess them`
        return { effect: 'probe', reason }
      }
    }
    return null
  }

  /** Digests of the different values; a list of a million isn't worked through. */
  #valuesOf(
    lookups: readonly Lookup[],
    parameters: readonly Parameter[],
    most: number,
  ): readonly string[] | 'too many' {
    const different = new Map<string, string | Buffer>()
    for (const { values } of lookups) {
      for (const each of values) {
        const value = soughtValue(each, parameters)
        if (value === null) continue
        different.set(bytesOf(value).toString('latin1'), value)
        if (different.size > most) return 'too many'
      }
    }
    return [...different.values()].map((value) => this.#digest(value))
  }

  /** Takes all of them or, where they would be too many, none. */
  #take(sought: Sought, values: readonly string[], most: number): boolean {
    const now = this.#clock.monotonic()
    for (const [value, at] of sought) if (now - at >= HOUR) sought.delete(value)
    const added = new Set(values.filter((value) => !sought.has(value)))
    if (added.size > 0 && sought.size + added.size > most) return false
    for (const value of values) sought.set(value, now)
    return true
  }

  #of(agent: string, dataClass: string): Sought {
    const key = JSON.stringify([agent, dataClass])
    const sought = this.#sought.get(key) ?? new Map()
    this.#sought.set(key, sought)
    return sought
  }

  #digest(value: string | Buffer): string {
    return createHash('sha256').update(this.#salt).update(value).digest('base64')
  }
}

function bytesOf(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value
}

/** Null where nobody knows it yet: a statement that is prepared looks for nothing. */
function soughtValue(
  value: string | { readonly parameter: number },
  parameters: readonly Parameter[],
): string | Buffer | null {
  return typeof value === 'string' ? value : (parameters[value.parameter - 1]?.value ?? null)
}

function mostOf(limits: readonly LimitConfig[], agent: string, dataClass: string): number {
  const given = limitsOn(limits, agent, [dataClass]).flatMap(
    ({ lookupsPerHour }) => lookupsPerHour ?? [],
  )
  return given.length > 0 ? Math.min(...given) : LOOKUPS_PER_HOUR
}
