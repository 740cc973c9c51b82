import type { Classification } from '../sql/statement.ts'
import type { Exchange } from './exchange.ts'

/**
 * Whether what a session's last statement reported could quote a classified value: that is what
 * SHOW WARNINGS shows. A server forgets it when a later statement uses a table.
 */
export class Diagnostics {
  #guarded = false

  get guarded(): boolean {
    return this.#guarded
  }

  /** It is sent: whatever becomes of it, it may have reported something. */
  sent(exchange: Exchange): void {
    if (exchange.guarded && !showsThem(exchange)) this.#guarded = true
  }

  /** It ran to its end, with so many warnings of its own. */
  completed(exchange: Exchange, warnings: number): void {
    const usesTable = exchange.statements.every(({ tables }) => tables.length > 0)
    if (exchange.guarded || !usesTable) return
    // A query that MariaDB's cache answers uses no table, and has no warnings.
    if (warnings > 0 || exchange.statements.every(writes)) this.#guarded = false
  }
}

function writes({ effects }: Classification): boolean {
  return effects.some(({ effect }) => effect === 'write')
}

/** It looks at what was reported, and reports nothing by itself. */
export function showsThem({ statements }: Pick<Exchange, 'statements'>): boolean {
  return statements.length === 1 && statements[0]?.diagnostics === true
}
