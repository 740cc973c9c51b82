import type { Classification } from '../sql/statement.ts'
import { usingKept } from '../sql/unknown-outputs.ts'

/**
 * The classified values that a session's own state may hold: user variables of MySQL, settings of
 * PostgreSQL. It counts from the judgement on, whether the statement runs or not, so that what comes
 * behind it in a pipeline or in one text is judged by it; and to the end of the session.
 */
export class KeptValues {
  #classes: Set<string> | null = null

  /** The statements of one text, in order, as they are to be judged in this session. */
  judge(statements: readonly Classification[]): readonly Classification[] {
    if (!this.#classes && !statements.some(({ keeps }) => keeps)) return statements
    return statements.map((statement) => {
      const before = this.#classes
      if (statement.keeps) this.#classes = new Set([...(before ?? []), ...statement.keeps])
      return before && statement.usesKept ? usingKept(statement, [...before]) : statement
    })
  }
}
