import type { ResultColumn } from '../../../src/mask/plan.ts'
import { keys } from '../fixtures.ts'

export { keys }

/** A column as a server describes it; a VARCHAR(255) in utf8mb4 where nothing else is said. */
export function columnOf(
  more: Partial<Omit<ResultColumn, 'facts'>> & { facts?: Partial<ResultColumn['facts']> } = {},
): ResultColumn {
  const { facts, ...rest } = more
  return {
    name: 'c',
    tableOid: 0,
    columnNumber: 0,
    typeOid: 0xfd,
    typeModifier: -1,
    format: 0,
    ...rest,
    facts: { charset: 255, flags: 0, decimals: 0, length: 1020, ...facts },
  }
}
