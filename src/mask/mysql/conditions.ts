/** An error of the server's own: its number, the SQLSTATE that goes with it, and words of ours. */
type Condition = readonly [number: number, sqlState: string, text: string]

const DUPLICATE = 'a duplicate value violates a unique key'
const REFERENCE = 'a row violates a foreign key constraint'
const DENIED = 'access denied'
const NOT_VALID = 'a value is not valid for its type'
const JSON_TEXT = 'JSON text is not valid'
const CHECK = 'a row violates a check constraint'
const TIME_LIMIT = 'the statement took too long'

/** MySQL's manual, "Server Error Message Reference"; MariaDB's, "MariaDB Error Code Reference". */
const CONDITIONS: readonly Condition[] = [
  [1022, '23000', DUPLICATE],
  [1044, '42000', DENIED],
  [1046, '3D000', 'no database is selected'],
  [1048, '23000', 'a null value violates a not-null constraint'],
  [1049, '42000', 'the database does not exist'],
  [1050, '42S01', 'the table exists already'],
  [1051, '42S02', 'the table does not exist'],
  [1052, '23000', 'a column name is ambiguous'],
  [1053, '08S01', 'the server is shutting down'],
  [1054, '42S22', 'a column does not exist'],
  [1055, '42000', 'a column must be grouped or used in an aggregate'],
  [1062, '23000', DUPLICATE],
  [1064, '42000', 'syntax error'],
  [1105, 'HY000', 'an error of the server'],
  [1114, 'HY000', 'the table is full'],
  [1136, '21S01', 'the number of values is not that of the columns'],
  [1140, '42000', 'a column must be grouped or used in an aggregate'],
  [1142, '42000', DENIED],
  [1143, '42000', DENIED],
  [1146, '42S02', 'a table does not exist'],
  [1153, '08S01', 'a packet is larger than max_allowed_packet'],
  [1172, '42000', 'a query returned more than one row'],
  [1205, 'HY000', 'a lock was not available in time; try the transaction again'],
  [1206, 'HY000', 'there are too many locks'],
  [1210, 'HY000', 'an argument is not valid'],
  [1213, '40001', 'a deadlock was found; try the transaction again'],
  [1216, '23000', REFERENCE],
  [1217, '23000', REFERENCE],
  [1222, '21000', 'the queries of a UNION have different numbers of columns'],
  [1235, '42000', 'the server does not support this'],
  [1241, '21000', 'an operand has the wrong number of columns'],
  [1242, '21000', 'a subquery returned more than one row'],
  [1243, 'HY000', 'the prepared statement does not exist'],
  [1264, '22003', 'a number is out of range'],
  [1265, '01000', 'a value does not fit its column'],
  [1267, 'HY000', 'collations do not match'],
  [1290, 'HY000', 'an option of the server forbids this'],
  [1292, '22007', NOT_VALID],
  [1295, 'HY000', 'this can not be prepared'],
  [1300, 'HY000', 'a character is not in the character set'],
  [1305, '42000', 'a function or procedure does not exist'],
  [1317, '70100', 'the statement was cancelled'],
  [1318, '42000', 'a routine has another number of arguments'],
  [1329, '02000', 'there is no row'],
  [1364, 'HY000', 'a column has no default value'],
  [1365, '22012', 'division by zero'],
  [1366, 'HY000', NOT_VALID],
  [1366, '22007', NOT_VALID], // MariaDB
  [1370, '42000', DENIED],
  [1406, '22001', 'a value is too long for its column'],
  [1411, 'HY000', NOT_VALID],
  [1416, '22003', 'a geometry is not valid'],
  [1441, '22008', 'a date or time is out of range'],
  [1442, 'HY000', 'a trigger or function can not change a table that its statement uses'],
  [1451, '23000', REFERENCE],
  [1452, '23000', REFERENCE],
  [1525, 'HY000', NOT_VALID],
  [1582, '42000', 'a function has another number of arguments'],
  [1586, '23000', DUPLICATE],
  [1615, 'HY000', 'the statement has to be prepared again'],
  [1644, '45000', 'an error was raised'],
  [1690, '22003', 'a number is out of range'],
  [1792, '25006', 'the transaction is read-only'],
  [1927, '70100', 'the connection was killed'], // MariaDB
  [1969, '70100', TIME_LIMIT], // MariaDB
  [3024, 'HY000', TIME_LIMIT],
  [3037, '22023', 'a geometry is not valid'],
  [3140, '22032', JSON_TEXT],
  [3141, '22032', JSON_TEXT],
  [3143, '42000', 'a JSON path is not valid'],
  [3146, '22032', JSON_TEXT],
  [3572, 'HY000', 'a lock is not available'],
  [3636, 'HY000', 'a recursive query went too deep'],
  [3819, 'HY000', CHECK],
  [4025, '23000', CHECK], // MariaDB
]

const TEXTS: ReadonlyMap<string, string> = new Map(
  CONDITIONS.map(([number, sqlState, text]) => [`${number} ${sqlState}`, text]),
)

/** So many different errors can be told apart. */
export const CONDITION_COUNT = TEXTS.size

/** The fixed text of an error; null where the pair isn't one of a server's usual ones. */
export function mysqlConditionText(number: string, sqlState: string): string | null {
  return TEXTS.get(`${number} ${sqlState}`) ?? null
}
