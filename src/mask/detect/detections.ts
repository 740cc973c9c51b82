import { Detector } from './detector.ts'
import type { Detection } from './kinds.ts'

/** So many columns are named; a column's name is the agent's where it is computed. */
const MOST_COLUMNS = 10_000

/** Counts what the detectors of all databases find, and names each column once. */
export class Detections {
  readonly #onColumn: (database: string, column: string, kind: Detection) => void
  readonly #counts = new Map<Detection, number>()
  readonly #named = new Set<string>()
  #cutShort = 0

  /** `onColumn` is told of each column and kind once: it had better be classified. */
  constructor(onColumn: (database: string, column: string, kind: Detection) => void) {
    this.#onColumn = onColumn
  }

  /** Null where nothing is looked for. */
  detectorFor(database: string, kinds: readonly Detection[]): Detector | null {
    if (kinds.length === 0) return null
    return new Detector(kinds, {
      found: (column, kind) => this.#found(database, column, kind),
      cutShort: () => {
        this.#cutShort++
      },
    })
  }

  #found(database: string, column: string, kind: Detection): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1)
    const key = JSON.stringify([database, column, kind])
    if (this.#named.has(key) || this.#named.size >= MOST_COLUMNS) return
    this.#named.add(key)
    this.#onColumn(database, column, kind)
  }

  /** For /metrics: name -> value. */
  get counters(): Readonly<Record<string, number>> {
    const found = [...this.#counts].map(([kind, n]) => [`detected_total{kind="${kind}"}`, n])
    return { ...Object.fromEntries(found), detect_cut_short_total: this.#cutShort }
  }
}
