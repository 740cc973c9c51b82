import type { Classification, Effect } from '../sql/statement.ts'

/** What a query does by its own words; anything else comes from code that it calls, or its views do. */
const OF_QUERIES: ReadonlySet<Effect> = new Set(['read', 'probe', 'export'])
const QUERIES = new Set(['SELECT', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE'])

/**
 * True where a server may run code as early as it prepares a statement: MariaDB calls stored
 * functions of constant arguments then, in ROUND(1.5, f()) for one. What can't be read could call
 * any.
 */
export function runsWhenPrepared(statement: Classification): boolean {
  const { verb, functions } = statement
  // A procedure itself runs when it is called; functions of its arguments could sooner.
  const called = verb === 'CALL' ? functions.slice(1) : functions
  if (called.length > 0 || verb === 'UNREADABLE') return true
  return QUERIES.has(verb) && hasCode(statement)
}

function hasCode({ verb, effects }: Classification): boolean {
  return effects.some(({ effect }) => {
    if (effect === 'opaque') return true
    return verb === 'SELECT' && !OF_QUERIES.has(effect)
  })
}
