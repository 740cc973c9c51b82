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

  /** It ran to its end. */
  completed(exchange: Exchange): void {
    const usesTable = exchange.statements.every(({ tables }) => tables.length > 0)
    if (!exchange.guarded && usesTable) this.#guarded = false
  }
}

/** It looks at what was reported, and reports nothing by itself. */
export function showsThem({ statements }: Pick<Exchange, 'statements'>): boolean {
  return statements.length === 1 && statements[0]?.diagnostics === true
}
