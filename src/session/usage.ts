import type { Clock } from '../lib/clock.ts'
import type { LimitConfig } from '../policy/limit.ts'

const MINUTE = 60_000
const MINUTES = 60

/** What an agent has been sent under one limit, over the last 60 minutes. */
export class Hour {
  readonly #clock: Clock
  readonly #rows = new Float64Array(MINUTES)
  readonly #bytes = new Float64Array(MINUTES)
  #minute: number
  rows = 0
  bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#minute = this.#now()
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / MINUTE)
  }

  /** Forgets what is an hour old. To be called when a result begins, and now and then within it. */
  pass(): void {
    const now = this.#now()
    for (let passed = 0; this.#minute < now && passed < MINUTES; passed++) {
      this.#minute++
      const slot = this.#minute % MINUTES
      this.rows -= this.#rows[slot] as number
      this.bytes -= this.#bytes[slot] as number
      this.#rows[slot] = 0
      this.#bytes[slot] = 0
    }
    this.#minute = now
  }

  add(bytes: number): void {
    const slot = this.#minute % MINUTES
    this.#rows[slot] = (this.#rows[slot] as number) + 1
    this.#bytes[slot] = (this.#bytes[slot] as number) + bytes
    this.rows++
    this.bytes += bytes
  }
}

/** The counts of all agents and limits. They outlive sessions and reloads, not the process. */
export class Usage {
  readonly #clock: Clock
  readonly #hours = new Map<string, Hour>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The same for equal limits, whatever file they were read from. */
  hour(agent: string, limit: LimitConfig): Hour {
    const key = JSON.stringify([agent, limit.agent, limit.classes])
    let hour = this.#hours.get(key)
    if (hour === undefined) {
      hour = new Hour(this.#clock)
      this.#hours.set(key, hour)
    }
    return hour
  }
}
