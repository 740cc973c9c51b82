import type { Catalog, CatalogSource } from '../catalog/catalog.ts'
import type { Classification } from '../sql/statement.ts'
import { overPlan } from './detect/over-plan.ts'
import type { PostgresLook } from './detect/postgres-columns.ts'
import type { MaskKeys } from './masker-for.ts'
import type { MaskConfig, MaskPlan, ResultColumn } from './plan.ts'
import { planFor } from './plan-for.ts'

export interface PlannerInput {
  readonly columns: readonly ResultColumn[]
  readonly classification: Classification
  /** Data classes (with wildcards) that leave in clear for this statement. */
  readonly unmask: readonly string[]
  /** True where the schema may have changed: nothing that is known of views counts. */
  readonly distrust: boolean
  readonly masks: Readonly<Record<string, MaskConfig>>
  readonly keys: MaskKeys
}

/** Makes mask plans by the newest reading of one database's schema. */
export interface Planner {
  /** That reading: plans that were made by it hold for as long as it is the same. */
  readonly schema: object
  plan(input: PlannerInput): MaskPlan | null
  /**
   * Which columns of `SELECT *` a COPY of the table leaves out: the generated ones. Null where a column
   * isn't known. A column that is there can't become generated, so as many as these are these.
   */
  generated?(columns: readonly ResultColumn[]): readonly boolean[] | null
  /** The plan with a look at what passes by it, where secrets are looked for. */
  looked(plan: MaskPlan | null, input: PlannerInput): MaskPlan | null
}

/**
 * Plans by the table and column ids that PostgreSQL gives with a result. `look` is for what looks
 * like a secret in columns that pass; null where nobody looks.
 */
export function postgresPlanner(catalog: CatalogSource, look: PostgresLook | null = null): Planner {
  return {
    get schema() {
      return catalog.current
    },
    plan: ({ distrust, ...input }) => {
      const { current } = catalog
      if (!distrust) return planFor({ ...input, catalog: current })
      return planFor({ ...input, classification: UNKNOWN_OUTPUT, catalog: withoutViews(current) })
    },
    generated: (columns) => {
      const known = columns.map(({ tableOid, columnNumber }) =>
        catalog.current.relation(tableOid)?.columns.get(columnNumber),
      )
      return known.includes(undefined) ? null : known.map((column) => column?.generated === true)
    },
    looked: (plan, input) => {
      if (!look) return plan
      const lineage = input.distrust ? undefined : input.classification.lineage
      return overPlan(plan, input.columns, (column, index) =>
        look(column, lineage?.[index], catalog.current),
      )
    },
  }
}

const UNKNOWN_OUTPUT = { output: 'classified', safeOutputs: [] } as const

/** A catalog that knows tables only: a view may be another one by now. */
function withoutViews(catalog: Catalog): Pick<Catalog, 'relation' | 'type'> {
  return {
    type: (oid) => catalog.type(oid),
    relation: (oid) => {
      const relation = catalog.relation(oid)
      return relation?.kind === 'view' || relation?.kind === 'materialized-view'
        ? undefined
        : relation
    },
  }
}
