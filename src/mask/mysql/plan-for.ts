import type { MysqlSchema } from '../../sql/mysql/schema.ts'
import { type OutputLineage, type Shown, shownBy } from '../../sql/output-lineage.ts'
import type { Classification } from '../../sql/statement.ts'
import { isCleared, maskOfShown } from '../column-mask.ts'
import type { MaskKeys } from '../masker-of.ts'
import type { MaskConfig, Masker, MaskPlan, ResultColumn } from '../plan.ts'
import { mysqlMaskerFor } from './masker-for.ts'

export interface MysqlPlanInput {
  readonly columns: readonly ResultColumn[]
  readonly classification: Pick<Classification, 'output' | 'lineage'>
  readonly schema: Pick<MysqlSchema, 'table'>
  /** Data classes (with wildcards) that leave in clear for this statement. */
  readonly unmask: readonly string[]
  /** Data class -> mask, of the configuration. */
  readonly masks: Readonly<Record<string, MaskConfig>>
  readonly keys: MaskKeys
}

/** What a column shows. */
type Judgement =
  | { readonly kind: 'passes' }
  | { readonly kind: 'shows'; readonly shown: Shown; readonly disagreement: boolean }

const PASSES: Judgement = { kind: 'passes' }

/**
 * The plan for one result; null where every byte may pass as it is. Lineage decides. The server's
 * attribution is by name, and wrong for derived tables: it adds masking and never removes it.
 */
export function mysqlPlanFor(input: MysqlPlanInput): MaskPlan | null {
  const masked: string[] = []
  const classes = new Set<string>()
  const lineage = lineageOf(input)
  let disagreements = input.classification.lineage && !lineage ? 1 : 0
  const maskers = input.columns.map((column, index): Masker | null => {
    const judgement = judge(column, lineage?.[index], input)
    if (judgement.kind === 'passes') return null
    const { shown } = judgement
    if (judgement.disagreement) disagreements++
    else if (isCleared(shown, input.unmask)) return null
    masked.push(column.name)
    for (const dataClass of shown.classes) classes.add(dataClass)
    return mysqlMaskerFor(maskOfShown(shown, input.masks), column, input.keys)
  })
  return masked.length === 0 ? null : { maskers, masked, classes: [...classes], disagreements }
}

/** None where it is of another number of columns: then it is of another result. */
function lineageOf({ columns, classification }: MysqlPlanInput) {
  const { lineage } = classification
  return lineage?.length === columns.length ? lineage : undefined
}

function judge(
  column: ResultColumn,
  line: OutputLineage | undefined,
  input: MysqlPlanInput,
): Judgement {
  const named = namedBy(column, line, input.schema)
  if (input.classification.output === 'clear') {
    const passes = named.kind === 'passes' || isNoTable(column, line)
    return passes ? PASSES : whole(ofServer(named), true)
  }
  const shown = line ? shownBy(line) : null
  const all = [...(shown?.classes ?? []), ...ofServer(named)]
  if (!line) return whole(all, false)
  if (!isNamedAs(column, line)) return whole(all, true)
  // The server's word alone: a table that the query doesn't name.
  if (!shown) return named.kind === 'passes' ? PASSES : whole(all, true)
  if (shown.unknown || named.kind === 'unknown') return whole(all, false)
  if (!agrees(named, shown.classes)) return whole(all, true)
  return { kind: 'shows', shown, disagreement: false }
}

/** It may hold anything that these classes say, or more. */
function whole(classes: readonly string[], disagreement: boolean): Judgement {
  const shown = { classes: [...new Set(classes)], unknown: true, plain: false }
  return { kind: 'shows', shown, disagreement }
}

/** The server takes what WITH makes for a table of that name. */
function isNoTable({ origin }: ResultColumn, line: OutputLineage | undefined): boolean {
  const fit = line !== undefined && shownBy(line) === null
  return fit && (line.notTables ?? []).includes(origin?.table ?? '')
}

/** By the server's own words, which can be wrong. */
type Named =
  | { readonly kind: 'passes' }
  | { readonly kind: 'classified'; readonly dataClass: string }
  | { readonly kind: 'unknown' }

/** What the column is that the server names. */
function namedBy(
  { origin }: ResultColumn,
  line: OutputLineage | undefined,
  schema: MysqlPlanInput['schema'],
): Named {
  if (!origin || origin.schema === '' || origin.table === '') return { kind: 'passes' }
  const table = schema.table(origin.schema, origin.table)
  if (!table) return { kind: 'passes' }
  const name = origin.column.toLowerCase()
  const known = table.columns.find((column) => column.name.toLowerCase() === name)
  // Of a cursor's rows, which it has put aside, it gives the name in the result for the column's.
  if (!known && line?.name.toLowerCase() === name) return { kind: 'passes' }
  if (!known || known.derived) return { kind: 'unknown' }
  return known.dataClass === null
    ? { kind: 'passes' }
    : { kind: 'classified', dataClass: known.dataClass }
}

function ofServer(named: Named): readonly string[] {
  return named.kind === 'classified' ? [named.dataClass] : []
}

function agrees(named: Named, classes: readonly string[]): boolean {
  if (named.kind === 'passes') return true
  return named.kind === 'classified' && classes.includes(named.dataClass)
}

/** `SELECT *` of a table that has changed since it was read can be of other columns. */
function isNamedAs({ name }: ResultColumn, line: OutputLineage): boolean {
  return line.name === '' || line.name.toLowerCase() === name.toLowerCase()
}
