import type { Effect } from '../../sql/statement.ts'
import type { Exchange } from '../exchange.ts'

/** Planning may run functions: it is asked for only where nothing can be called but built-ins. */
const PLANNABLE: ReadonlySet<Effect> = new Set(['read', 'write', 'unbounded-write', 'probe'])

/** What an estimate is made from. */
export type Planned = Pick<Exchange, 'statements' | 'parameters'>

/** True where a statement can be planned on another connection without running anybody's code. */
export function canBePlanned(exchange: Planned, verbs: ReadonlySet<string>): boolean {
  return exchange.parameters.length === 0 && runsNoCode(exchange, verbs)
}

/** True where all of it means the same on another connection, but for parameters, and calls nobody's code. */
export function runsNoCode({ statements }: Planned, verbs: ReadonlySet<string>): boolean {
  const [statement, ...more] = statements
  if (!statement || more.length > 0) return false
  if (!verbs.has(statement.verb) || statement.functions.length > 0) return false
  if (statement.connectionBound) return false
  return statement.effects.every(({ effect }) => PLANNABLE.has(effect))
}
