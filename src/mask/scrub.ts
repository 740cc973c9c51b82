import { conditionText } from './conditions.ts'
import { withheld } from './withheld.ts'

/*
 * Error and notice fields (manual, 55.8) of statements that touch classified data. Messages,
 * details, hints and contexts quote values. So does whatever a function says with RAISE, which may
 * also set the SQLSTATE and the names of schema, table, column, type and constraint.
 */

/** Severity, position in the client's own text, and the place in the server's source. */
const ALWAYS_KEPT = ['S', 'V', 'P', 'F', 'L', 'R']

/** Schema, table, column, data type, constraint. */
const NAMES = ['s', 't', 'c', 'd', 'n']

/** Functions of the server that report constraints, with names that nobody can choose (field R). */
const REPORTERS = new Set([
  '_bt_check_unique',
  'ri_ReportViolation',
  'ExecConstraints',
  'ReportNotNullViolationError',
  'check_exclusion_or_unique_constraint',
  'ExecPartitionCheckEmitError',
  'ExecWithCheckOptions',
  'domain_check_input',
  'ExecEvalConstraintNotNull',
  'ExecEvalConstraintCheck',
])

/** raise_exception: what stands for a code that may have been chosen to say something. */
const RAISED = 'P0001'

/**
 * Class 42, "syntax error or access rule violation", with a position in the client's own text: the
 * server couldn't make sense of that text and has read no row. Code that runs inside a statement
 * has a context (W), and its text is the internal query (q) with a position of its own (p).
 */
function speaksOfOwnText(fields: ReadonlyMap<string, string>): boolean {
  const inside = fields.has('W') || fields.has('q') || fields.has('p')
  return (fields.get('C') ?? '').startsWith('42') && fields.has('P') && !inside
}

/**
 * The fields of an ErrorResponse or NoticeResponse, without what can hold a value. The message
 * becomes the fixed text of its SQLSTATE.
 */
export function scrubFields(fields: ReadonlyMap<string, string>): Map<string, string> {
  if (speaksOfOwnText(fields)) return new Map(fields)
  const scrubbed = new Map<string, string>()
  for (const field of ALWAYS_KEPT) copyField(fields, scrubbed, field)
  const routine = fields.get('R') ?? ''
  if (REPORTERS.has(routine)) for (const field of NAMES) copyField(fields, scrubbed, field)
  const code = fields.get('C') ?? ''
  const known = routine === 'exec_stmt_raise' ? null : conditionText(code)
  scrubbed.set('C', known === null ? codeOf(code) : code)
  scrubbed.set('M', withheld(`${known ?? conditionText(codeOf(code))}`))
  return scrubbed
}

/** Successful completion stays what it is: the code of every plain notice. */
function codeOf(code: string): string {
  return code === '00000' ? code : RAISED
}

function copyField(
  from: ReadonlyMap<string, string>,
  to: Map<string, string>,
  field: string,
): void {
  const value = from.get(field)
  if (value !== undefined) to.set(field, value)
}
