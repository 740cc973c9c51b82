import type { EffectReason } from '../sql/statement.ts'
import type { Asked } from './exchange.ts'

/** The effects of all statements; each place counts in the whole text, where it can be told. */
export function shownEffects({ sql, statements }: Asked): EffectReason[] {
  let from = 0
  return statements.flatMap((statement) => {
    const start = sql.indexOf(statement.sql, from)
    if (start >= 0) from = start + statement.sql.length
    return statement.effects.map(({ effect, reason, at }) =>
      at === undefined || start < 0 ? { effect, reason } : { effect, reason, at: start + at },
    )
  })
}
