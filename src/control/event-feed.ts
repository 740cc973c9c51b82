import type { DeskEvent } from '../approval/desk-events.ts'

export interface FeedEvent {
  /** `<epoch>-<number>`: the epoch differs after each start of the control process. */
  readonly id: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

const KEEP = 1_000

/** The last events in order, for those who listen and those who come back. */
export class EventFeed {
  readonly #epoch: string
  readonly #events: FeedEvent[] = []
  readonly #listeners = new Set<(event: FeedEvent) => void>()
  #next = 1

  constructor(epoch: string) {
    this.#epoch = epoch
  }

  add(event: DeskEvent): void {
    const { id, state, agent, database, verb, updatedAt } = event.request
    const data = { id, state, agent, database, verb, at: updatedAt }
    const entry = { id: `${this.#epoch}-${this.#next++}`, type: event.type, data }
    this.#events.push(entry)
    if (this.#events.length > KEEP) this.#events.shift()
    for (const listener of this.#listeners) listener(entry)
  }

  /** What came after the event of this id; null where that isn't known any more. */
  since(id: string): readonly FeedEvent[] | null {
    if (id === `${this.#epoch}-${this.#next - 1}`) return []
    const at = this.#events.findIndex((event) => event.id === id)
    return at < 0 ? null : this.#events.slice(at + 1)
  }

  subscribe(listener: (event: FeedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
