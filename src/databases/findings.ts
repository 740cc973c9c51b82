import type { Ground } from '../ground.ts'
import type { Detection } from '../mask/detect/kinds.ts'

/** Columns that a warning or a record names. */
const SHOWN_COLUMNS = 100

/** Tells people what was found in a database that they had better look at. */
export class Findings {
  readonly #ground: Pick<Ground, 'log' | 'trail'>

  constructor(ground: Pick<Ground, 'log' | 'trail'>) {
    this.#ground = ground
  }

  /** New columns beside classified ones. Somebody has to know: an agent sees only that they are masked. */
  unjudged(database: string, columns: readonly string[]): void {
    const count = columns.length
    const shown = columns.slice(0, SHOWN_COLUMNS)
    const more = count > shown.length ? ` and ${count - shown.length} more` : ''
    this.#ground.log(
      `warning: ${database}: masked until databases.${database}.classified judges them: ${shown.join(', ')}${more}`,
    )
    this.#record({ type: 'columns.unjudged', database, columns: shown, count })
  }

  /** Proposes to classify a column: its name, and never what was found in it. */
  detected(database: string, column: string, kind: Detection): void {
    this.#ground.log(`${database}: ${column} holds what looks like a ${kind}: classify it`)
    this.#record({ type: 'column.detected', database, column, kind })
  }

  #record(event: Parameters<Ground['trail']['append']>[0]): void {
    try {
      this.#ground.trail.append(event)
    } catch {
      // The trail's own trouble is reported where statements are refused.
    }
  }
}
