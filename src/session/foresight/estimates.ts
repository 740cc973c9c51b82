import { LRUCache } from 'lru-cache'
import type { Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import type { Exchange } from '../exchange.ts'

/** A person waits for it less long than a glance takes. */
const PATIENCE_MS = 800
/** How long what was estimated for one statement is taken for others of its shape. */
const KEPT_MS = 600_000
const MOST_SHAPES = 1_000

type Estimate = (exchange: Exchange) => Promise<number | null>

interface Kept {
  readonly rows: number | null
  readonly at: number
}

/** The planner's row estimates of one database. They err low, so they decide nothing. */
export class Estimates {
  readonly #clock: Clock
  readonly #estimate: Estimate
  readonly #shapes = new LRUCache<string, Kept>({ max: MOST_SHAPES })

  constructor(clock: Clock, estimate: Estimate) {
    this.#clock = clock
    this.#estimate = estimate
  }

  /** Of one statement, for the person who signs it; null where it can't be had in time. */
  of(exchange: Exchange): Promise<number | null> {
    const late = deferred<null>()
    const cancel = this.#clock.after(PATIENCE_MS, () => late.resolve(null))
    return Promise.race([this.#estimate(exchange), late.promise]).finally(cancel)
  }

  /**
   * What one of its shape was estimated at within the last minutes, whatever its literals, where
   * `isFine` says that it is nothing to look closer at; otherwise of the statement itself.
   */
  async unless(
    isFine: (rows: number | null) => boolean,
    exchange: Exchange,
  ): Promise<number | null> {
    const shape = exchange.statements.map(({ fingerprint }) => fingerprint).join(';')
    const known = this.#shapes.get(shape)
    const now = this.#clock.monotonic()
    if (known && now - known.at < KEPT_MS && isFine(known.rows)) return known.rows
    const rows = await this.of(exchange)
    this.#shapes.set(shape, { rows, at: now })
    return rows
  }
}
