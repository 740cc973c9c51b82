import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { TeamsApp } from './teams-app.ts'
import { MOST_VIEWERS, type Viewers } from './teams-message.ts'

const KEPT_MS = 10 * 60_000
const AGAIN_MS = 60_000

/**
 * By what ids Teams knows people in the conversation. It serves only to show them their buttons
 * without a click; who somebody is when they click is not looked up here.
 */
export class TeamsRoster {
  readonly #app: Pick<TeamsApp, 'members'>
  readonly #clock: Clock
  readonly #log: (text: string) => void
  #members: ReadonlyMap<string, string> | null = null
  #until = Number.NEGATIVE_INFINITY

  constructor(options: {
    readonly app: Pick<TeamsApp, 'members'>
    readonly clock: Clock
    readonly log: (text: string) => void
  }) {
    this.#app = options.app
    this.#clock = options.clock
    this.#log = options.log
  }

  /** `people`: Entra object ids. Never rejects: those who aren't found ask for their buttons. */
  async viewers(people: readonly string[]): Promise<Viewers> {
    if (this.#clock.monotonic() >= this.#until) await this.#read()
    return this.known(people)
  }

  /** The same by what is known by now: whoever has clicked doesn't wait for it. */
  known(people: readonly string[]): Viewers {
    const members = this.#members
    if (members === null) return { ids: [], all: false }
    // Whoever isn't in the conversation doesn't see the card either.
    const ids = people.flatMap((person) => members.get(person) ?? []).sort()
    return { ids: ids.slice(0, MOST_VIEWERS), all: ids.length <= MOST_VIEWERS }
  }

  async #read(): Promise<void> {
    try {
      this.#members = await this.#app.members()
      this.#until = this.#clock.monotonic() + KEPT_MS
    } catch (error) {
      this.#until = this.#clock.monotonic() + AGAIN_MS
      this.#log(`Teams: who is in the conversation is not known: ${messageOf(error)}`)
    }
  }
}
