import type { Classification } from '../sql/statement.ts'

/**
 * True where a server may run code as early as it prepares a statement: MariaDB calls stored
 * functions of constant arguments then, in ROUND(1.5, f()) for one. What can't be read could call
 * any.
 */
export function runsWhenPrepared({ verb, functions }: Classification): boolean {
  return functions.length > 0 || verb === 'UNREADABLE'
}
