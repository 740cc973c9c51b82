import { type OutputLineage, shownBy } from '../output-lineage.ts'
import type { Copy } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { Cursor } from './cursor.ts'
import { INSERT_MODIFIERS } from './data-statements.ts'
import { lineageOfStatement } from './lineage/lineage.ts'
import { queryAt, queryPart } from './schema-statements.ts'
import type { StatementText } from './statement-text.ts'
import { isOp } from './token.ts'

/**
 * Where a statement writes classified values: column by column where INSERT, REPLACE or CREATE TABLE
 * takes them from a query that can be followed, else every column of the table.
 */
export function copiesOf(analysis: Analysis, text: StatementText): readonly Copy[] {
  const { copies } = analysis.findings
  const [whole, ...others] = copies.filter(({ column }) => column === null)
  if (!whole || others.length > 0 || analysis.findings.has('opaque')) return copies
  // VALUES() and the alias of new rows have what is inserted, and any column may be set from it.
  if (text.tokens.some(({ keyword }) => keyword === 'DUPLICATE')) return copies
  const filled = filledBy(analysis, text, whole)
  return filled ? [...copies.filter((copy) => copy !== whole), ...filled] : copies
}

function filledBy(analysis: Analysis, text: StatementText, whole: Copy): readonly Copy[] | null {
  const columns = columnsFilled(analysis, text, whole)
  if (columns === 'unknown') return null
  const query = queryAt(text, columns.behind)
  if (query < 0) return null
  const { schema, facts, dialect, trusted } = analysis
  const options = { schema, database: facts.database, dialect, trusted }
  const outputs = lineageOfStatement({ ...text, tokens: queryPart(text, query) }, options)
  return outputs?.flatMap((output, at) => copied(output, columns.names?.[at], whole)) ?? null
}

function copied(output: OutputLineage, into: string | undefined, whole: Copy): readonly Copy[] {
  const shown = shownBy(output)
  if (!shown) return []
  const { classes, unknown, plain } = shown
  const named = into ?? output.name
  const column = named === '' ? null : named
  return [{ ...whole, column, classes, plain: plain && !unknown }]
}

/** The columns that an INSERT fills, in order; null where they are called as those of the query. */
function columnsFilled(
  { schema }: Analysis,
  text: StatementText,
  into: Copy,
): { readonly names: readonly string[] | null; readonly behind: number } | 'unknown' {
  const cursor = new Cursor(text, 1)
  if (makesTable(text)) return { names: null, behind: 2 }
  cursor.skipAny(INSERT_MODIFIERS)
  cursor.skip('INTO')
  const name = cursor.name()
  // A trigger's own copy goes elsewhere.
  if (name?.name !== into.table) return 'unknown'
  const behind = cursor.at
  const listed = cursor.op('(') ? namesIn(cursor) : null
  if (listed) return { names: listed, behind: cursor.at }
  const table = into.schema === null ? undefined : schema.table(into.schema, into.table)
  if (!table) return 'unknown'
  const visible = table.columns.filter(({ invisible }) => !invisible)
  return { names: visible.map((column) => column.name), behind }
}

function makesTable({ tokens }: StatementText): boolean {
  const words = tokens.slice(0, 5).map(({ keyword }) => keyword)
  return words[0] === 'CREATE' && words.includes('TABLE')
}

/** (a, b, c); null where something else stands in parentheses. */
function namesIn(cursor: Cursor): readonly string[] | null {
  const names: string[] = []
  cursor.at++
  for (;;) {
    const name = cursor.name()
    if (!name) return null
    names.push(name.name)
    if (isOp(cursor.peek(), ')')) {
      cursor.at++
      return names
    }
    if (!cursor.skipOp(',')) return null
  }
}
