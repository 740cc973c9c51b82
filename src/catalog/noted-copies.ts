import type { Copy } from '../sql/statement.ts'
import { ANY, type CopyInto } from './column-ledger.ts'

/** The class of what is computed from classified values, or copied from something unknown. */
const DERIVED = 'derived'

/** A copy as the ledger takes it. */
export function copyInto(copy: Copy): CopyInto {
  const { schema, table, column, classes, plain } = copy
  const name = [schema ?? ANY, table, column ?? ANY] as const
  // Two classes are masked whole: no mask of a class fits what is computed from it.
  return { name, classes: plain && classes.length > 0 ? classes : [...classes, DERIVED] }
}
