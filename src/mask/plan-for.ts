import type { Catalog } from '../catalog/catalog.ts'
import { type OutputLineage, type Shown, shownBy } from '../sql/output-lineage.ts'
import type { Classification } from '../sql/statement.ts'
import { isCleared, maskOfShown, together } from './column-mask.ts'
import { type MaskKeys, maskerFor } from './masker-for.ts'
import type { MaskConfig, Masker, MaskPlan, ResultColumn } from './plan.ts'
import { shapeOf } from './types.ts'

/** Relations below this oid are the server's own (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

export interface PlanInput {
  readonly columns: readonly ResultColumn[]
  readonly classification: Pick<Classification, 'output' | 'safeOutputs' | 'lineage'>
  readonly catalog: Pick<Catalog, 'relation' | 'type'>
  /** Data classes (with wildcards) that leave in clear for this statement. */
  readonly unmask: readonly string[]
  /** Data class -> mask, of the configuration. */
  readonly masks: Readonly<Record<string, MaskConfig>>
  readonly keys: MaskKeys
}

/** What one column shows, as far as its attribution and its lineage tell. */
type Judgement =
  | Attributed
  /** Attribution and lineage can't both be right: masked whole, whatever is cleared. */
  | { readonly kind: 'disagreement'; readonly shown: Shown }

type Attributed = { readonly kind: 'passes' } | { readonly kind: 'shows'; readonly shown: Shown }

const PASSES: Attributed = { kind: 'passes' }
const ANYTHING: Shown = { classes: [], unknown: true, plain: false }

/**
 * The plan for one result as the server describes it; null where every byte may pass as it is. The
 * server says which columns are a table's as they stand, lineage what the others are computed from.
 * A column passes where neither has anything against it.
 */
export function planFor(input: PlanInput): MaskPlan | null {
  const masked: string[] = []
  const classes = new Set<string>()
  const { lineage, misfits } = fittingLineage(input)
  let disagreements = misfits
  const maskers = input.columns.map((column, index): Masker | null => {
    const judgement = judge(column, index, lineage, input)
    if (judgement.kind === 'passes') return null
    const { shown } = judgement
    if (judgement.kind === 'disagreement') disagreements++
    else if (isCleared(shown, input.unmask)) return null
    masked.push(column.name)
    for (const dataClass of shown.classes) classes.add(dataClass)
    return maskerFor(maskOfShown(shown, input.masks), shapeOf(column, input.catalog), input.keys)
  })
  return masked.length === 0 ? null : { maskers, masked, classes: [...classes], disagreements }
}

/**
 * The lineage, if it is of this result: as many columns, by the same names, and where the server
 * calls one a table's column it is one that the lineage has there. A table that has changed since
 * the schema was read makes `SELECT *` another result.
 */
function fittingLineage({ columns, classification, catalog }: PlanInput): {
  readonly lineage: readonly OutputLineage[] | undefined
  readonly misfits: number
} {
  const { lineage } = classification
  if (!lineage) return { lineage, misfits: 0 }
  const counted = lineage.length === columns.length
  const misfits = counted ? columns.filter((column, i) => !fits(column, lineage[i], catalog)) : []
  const fitting = counted && misfits.length === 0
  return { lineage: fitting ? lineage : undefined, misfits: fitting ? 0 : misfits.length || 1 }
}

function fits(
  column: ResultColumn,
  line: OutputLineage | undefined,
  catalog: PlanInput['catalog'],
): boolean {
  if (!line || (line.name !== '' && line.name !== column.name)) return false
  if (column.tableOid === 0 || column.columnNumber <= 0) return true
  // The server's own catalogs needn't be known.
  if (column.tableOid < FIRST_NORMAL_OID && !catalog.relation(column.tableOid)) return true
  return line.columns ? isAmong(column, line) : true
}

function isAmong({ tableOid, columnNumber }: ResultColumn, { columns = [] }: OutputLineage) {
  return columns.some(({ relation, column }) => relation === tableOid && column === columnNumber)
}

function judge(
  column: ResultColumn,
  index: number,
  lineage: readonly OutputLineage[] | undefined,
  input: PlanInput,
): Judgement {
  const { classification, catalog } = input
  const line = lineage?.[index]
  const known = classification.output === 'clear' || line !== undefined
  const shown = line ? shownBy(line) : null
  if (column.tableOid === 0) {
    if (line) return shown ? { kind: 'shows', shown } : PASSES
    const safe = classification.lineage === undefined && classification.safeOutputs.includes(index)
    return known || safe ? PASSES : { kind: 'shows', shown: ANYTHING }
  }
  // A whole row is column 0 of its table.
  if (column.columnNumber === 0 && shown)
    return { kind: 'shows', shown: { ...shown, plain: false } }
  const attributed = attributedTo(column, classification, catalog)
  if (!shown || (line && isAmong(column, line))) return attributed
  if (attributed.kind === 'passes')
    return { kind: 'disagreement', shown: { ...shown, plain: false } }
  const both = together(attributed.shown, { ...shown, plain: false })
  return { kind: 'disagreement', shown: both }
}

/** What the column shows by the server's word. */
function attributedTo(
  column: ResultColumn,
  classification: PlanInput['classification'],
  catalog: PlanInput['catalog'],
): Attributed {
  const relation = catalog.relation(column.tableOid)
  if (!relation) {
    // The system's catalogs needn't be known, unless they are read beside something classified.
    const own = column.tableOid < FIRST_NORMAL_OID && classification.output === 'clear'
    return own ? PASSES : { kind: 'shows', shown: ANYTHING }
  }
  // System columns: ctid, xmin and the like.
  if (column.columnNumber < 0) return PASSES
  if (column.columnNumber === 0 && !relation.classified) return PASSES
  const known = relation.columns.get(column.columnNumber)
  if (!known || (known.derived && known.dataClass === null))
    return { kind: 'shows', shown: ANYTHING }
  if (known.dataClass === null) return PASSES
  const { dataClass, derived } = known
  return { kind: 'shows', shown: { classes: [dataClass], unknown: false, plain: !derived } }
}
