import { sameName } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'

/** As long as a sign-in may take. */
const KEPT_MS = 10 * 60 * 1000
const MOST = 1_000

/** What somebody had typed in when they were sent to sign in again. It decides nothing. */
export interface KeptAnswer {
  readonly reason: string
  readonly clears: readonly string[]
  /** Of the incident, where they are about to let it pass alone; else null. */
  readonly ticket: string | null
}

/** Answers on their way through the identity provider; each is shown once, to who typed it. */
export class KeptAnswers {
  readonly #clock: Clock
  readonly #answers = new Map<string, { readonly answer: KeptAnswer; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  keep(person: string, request: string, answer: KeptAnswer): void {
    const key = keyOf(person, request)
    this.#answers.delete(key)
    this.#answers.set(key, { answer, until: this.#clock.monotonic() + KEPT_MS })
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > MOST && oldest !== undefined) this.#answers.delete(oldest)
  }

  take(person: string, request: string): KeptAnswer | null {
    const key = keyOf(person, request)
    const kept = this.#answers.get(key)
    this.#answers.delete(key)
    return kept && this.#clock.monotonic() < kept.until ? kept.answer : null
  }
}

function keyOf(person: string, request: string): string {
  return `${sameName(person)} ${request}`
}
