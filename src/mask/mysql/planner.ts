import type { MysqlSchema } from '../../sql/mysql/schema.ts'
import type { MysqlLook } from '../detect/mysql-columns.ts'
import { overPlan } from '../detect/over-plan.ts'
import type { Planner } from '../planner.ts'
import { mysqlPlanFor } from './plan-for.ts'

/**
 * Plans by lineage: a MySQL server attributes columns by name only, and wrongly. `look` is for what
 * looks like a secret in columns that pass; null where nobody looks.
 */
export function mysqlPlanner(
  catalog: { readonly current: MysqlSchema },
  look: MysqlLook | null = null,
): Planner {
  return {
    get schema() {
      return catalog.current
    },
    plan: ({ distrust, ...input }) => {
      const common = { ...input, schema: catalog.current }
      return mysqlPlanFor(distrust ? { ...common, classification: UNKNOWN_OUTPUT } : common)
    },
    looked: (plan, input) => {
      if (!look) return plan
      const lineage = input.distrust ? undefined : input.classification.lineage
      return overPlan(plan, input.columns, (column, index) => look(column, lineage?.[index]))
    },
  }
}

const UNKNOWN_OUTPUT = { output: 'classified' } as const
