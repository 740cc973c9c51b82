import type { MysqlSchema } from '../../sql/mysql/schema.ts'
import type { OutputLineage } from '../../sql/output-lineage.ts'
import type { Classification } from '../../sql/statement.ts'
import { coversClass, maskOfClass } from '../data-class.ts'
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
  /** The values of one classified column as they stand. */
  | { readonly kind: 'classified'; readonly dataClass: string }
  /** It may hold anything that these classes say, or more: masked whole. */
  | { readonly kind: 'unknown'; readonly classes: readonly string[] }

const PASSES: Judgement = { kind: 'passes' }
const WHOLE: MaskConfig = { mask: 'redact', keepLast: null }

/**
 * The plan for one result; null where every byte may pass as it is. Lineage decides. The server's
 * attribution is by name, and wrong for derived tables: it adds masking and never removes it.
 */
export function mysqlPlanFor(input: MysqlPlanInput): MaskPlan | null {
  const masked: string[] = []
  const classes = new Set<string>()
  const lineage = lineageOf(input)
  const maskers = input.columns.map((column, index): Masker | null => {
    const judgement = judge(column, lineage?.[index], input)
    if (judgement.kind === 'passes') return null
    masked.push(column.name)
    if (judgement.kind === 'unknown') {
      for (const dataClass of judgement.classes) classes.add(dataClass)
      return mysqlMaskerFor(WHOLE, column, input.keys)
    }
    classes.add(judgement.dataClass)
    return mysqlMaskerFor(maskOfClass(judgement.dataClass, input.masks), column, input.keys)
  })
  return masked.length === 0 ? null : { maskers, masked, classes: [...classes] }
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
  const named = namedBy(column, input.schema)
  const ofServer = named.kind === 'classified' ? [named.dataClass] : []
  if (input.classification.output === 'clear') {
    const passes = named.kind === 'passes' || isNoTable(column, line)
    return passes ? PASSES : { kind: 'unknown', classes: ofServer }
  }
  const whole: Judgement = {
    kind: 'unknown',
    classes: [...new Set([...(line?.classes ?? []), ...ofServer])],
  }
  if (!line || !isNamedAs(column, line)) return whole
  const { sources, classes, plain, unknown } = line
  if (unknown) return whole
  if (sources.length === 0 && classes.length === 0) return named.kind === 'passes' ? PASSES : whole
  const [first] = classes
  if (first === undefined || !agrees(named, classes)) return whole
  if (classes.every((dataClass) => isCleared(dataClass, input.unmask))) return PASSES
  return plain && classes.length === 1 ? { kind: 'classified', dataClass: first } : whole
}

/** The server takes what WITH makes for a table of that name. */
function isNoTable({ origin }: ResultColumn, line: OutputLineage | undefined): boolean {
  const fit = line !== undefined && line.sources.length === 0 && !line.unknown
  return fit && (line.notTables ?? []).includes(origin?.table ?? '')
}

/** What the column is that the server names: its own words, which can be wrong. */
function namedBy({ origin }: ResultColumn, schema: MysqlPlanInput['schema']): Judgement {
  if (!origin || origin.schema === '' || origin.table === '') return PASSES
  const table = schema.table(origin.schema, origin.table)
  if (!table) return PASSES
  const name = origin.column.toLowerCase()
  const known = table.columns.find((column) => column.name.toLowerCase() === name)
  if (!known || known.derived) return { kind: 'unknown', classes: [] }
  return known.dataClass === null ? PASSES : { kind: 'classified', dataClass: known.dataClass }
}

function agrees(named: Judgement, classes: readonly string[]): boolean {
  if (named.kind === 'passes') return true
  return named.kind === 'classified' && classes.includes(named.dataClass)
}

/** `SELECT *` of a table that has changed since it was read can be of other columns. */
function isNamedAs({ name }: ResultColumn, line: OutputLineage): boolean {
  return line.name === '' || line.name.toLowerCase() === name.toLowerCase()
}

function isCleared(dataClass: string, unmask: readonly string[]): boolean {
  return unmask.some((pattern) => coversClass(pattern, dataClass))
}
