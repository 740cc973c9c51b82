import { withheld } from '../withheld.ts'
import { mysqlConditionText } from './conditions.ts'

/*
 * Errors of statements that touch classified data. Every message can quote a value: of a row
 * (duplicate key, data too long, XPATH errors) or, from SQL that was put together in a routine, in
 * the name of a table or in a syntax error. And SIGNAL sets message, number and SQLSTATE alike, and
 * the packet doesn't tell that it was SIGNAL.
 *
 * So the text is always replaced, and number and SQLSTATE stay only where the server itself has
 * them together. Of those pairs SIGNAL can choose one: an error tells no more than that choice,
 * which is below 7 bits (log2 of CONDITION_COUNT). A program that raises errors by itself is held
 * as opaque or judged by its body, so each of them costs a statement that was allowed.
 */

/** ER_SIGNAL_EXCEPTION and "unhandled user-defined exception": for what may have been chosen. */
const RAISED = { number: '1644', sqlState: '45000' } as const

/**
 * ER_NON_UNIQ_ERROR, ER_BAD_FIELD_ERROR, ER_WRONG_FIELD_WITH_GROUP, ER_PARSE_ERROR,
 * ER_NONUNIQ_TABLE, ER_UNKNOWN_TABLE, ER_MIX_OF_GROUP_FUNC_AND_FIELDS, ER_NO_SUCH_TABLE,
 * ER_ILLEGAL_REFERENCE, ER_SP_DOES_NOT_EXIST, ER_WRONG_PARAMCOUNT_TO_NATIVE_FCT: a text that is read
 * and doesn't fit the schema. In a statement that runs nobody's code they say names of that text.
 */
export const RESOLVING_ERRORS: ReadonlySet<number> = new Set([
  1052, 1054, 1055, 1064, 1066, 1109, 1140, 1146, 1247, 1305, 1582,
])

/**
 * The fields of an ERR packet without what can hold a value: `C` (SQLSTATE), `errno` and `M`, which
 * becomes the fixed text of the two.
 */
export function scrubMysqlFields(fields: ReadonlyMap<string, string>): Map<string, string> {
  const number = fields.get('errno') ?? ''
  const sqlState = fields.get('C') ?? ''
  const known = mysqlConditionText(number, sqlState)
  const text = known ?? mysqlConditionText(RAISED.number, RAISED.sqlState)
  return new Map([
    ['S', 'ERROR'],
    ['C', known === null ? RAISED.sqlState : sqlState],
    ['errno', known === null ? RAISED.number : number],
    ['M', withheld(`${text}`)],
  ])
}
