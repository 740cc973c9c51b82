import type { Catalog } from '../catalog/catalog.ts'
import type { Classification } from '../sql/statement.ts'
import { coversClass, maskOfClass } from './data-class.ts'
import { type MaskKeys, maskerFor } from './masker-for.ts'
import type { MaskConfig, Masker, MaskPlan, ResultColumn } from './plan.ts'
import { shapeOf } from './types.ts'

/** Relations below this oid are the server's own (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

export interface PlanInput {
  readonly columns: readonly ResultColumn[]
  readonly classification: Pick<Classification, 'output' | 'safeOutputs'>
  readonly catalog: Pick<Catalog, 'relation' | 'type'>
  /** Data classes (with wildcards) that leave in clear for this statement. */
  readonly unmask: readonly string[]
  /** Data class -> mask, of the configuration. */
  readonly masks: Readonly<Record<string, MaskConfig>>
  readonly keys: MaskKeys
}

/** What one column holds, as far as its attribution tells. */
type Judgement =
  | { readonly kind: 'passes' }
  | { readonly kind: 'classified'; readonly dataClass: string }
  /** It may hold anything: masked whole. */
  | { readonly kind: 'unknown' }

const PASSES: Judgement = { kind: 'passes' }
const UNKNOWN: Judgement = { kind: 'unknown' }
const WHOLE: MaskConfig = { mask: 'redact', keepLast: null }

/** The plan for one result as the server describes it; null where every byte may pass as it is. */
export function planFor(input: PlanInput): MaskPlan | null {
  const masked: string[] = []
  const classes = new Set<string>()
  const maskers = input.columns.map((column, index): Masker | null => {
    const judgement = judge(column, index, input)
    if (judgement.kind === 'passes' || isCleared(judgement, input.unmask)) return null
    masked.push(column.name)
    const shape = shapeOf(column, input.catalog)
    if (judgement.kind === 'unknown') return maskerFor(WHOLE, shape, input.keys)
    classes.add(judgement.dataClass)
    return maskerFor(maskOfClass(judgement.dataClass, input.masks), shape, input.keys)
  })
  return masked.length === 0 ? null : { maskers, masked, classes: [...classes] }
}

function isCleared(judgement: Judgement, unmask: readonly string[]): boolean {
  if (judgement.kind !== 'classified') return false
  return unmask.some((pattern) => coversClass(pattern, judgement.dataClass))
}

function judge(column: ResultColumn, index: number, input: PlanInput): Judgement {
  const { classification, catalog } = input
  if (column.tableOid === 0) {
    const safe = classification.output === 'clear' || classification.safeOutputs.includes(index)
    return safe ? PASSES : UNKNOWN
  }
  const relation = catalog.relation(column.tableOid)
  if (!relation) {
    // The system's catalogs needn't be known, unless they are read beside something classified.
    const own = column.tableOid < FIRST_NORMAL_OID && classification.output === 'clear'
    return own ? PASSES : UNKNOWN
  }
  // System columns: ctid, xmin and the like.
  if (column.columnNumber < 0) return PASSES
  const known = relation.columns.get(column.columnNumber)
  if (!known || known.derived) return UNKNOWN
  return known.dataClass === null ? PASSES : { kind: 'classified', dataClass: known.dataClass }
}
