import type { MysqlSchema } from '../../sql/mysql/schema.ts'
import type { Planner } from '../planner.ts'
import { mysqlPlanFor } from './plan-for.ts'

/** Plans by lineage: a MySQL server attributes columns by name only, and wrongly. */
export function mysqlPlanner(catalog: { readonly current: MysqlSchema }): Planner {
  return {
    get schema() {
      return catalog.current
    },
    plan: ({ distrust, ...input }) => {
      const common = { ...input, schema: catalog.current }
      return mysqlPlanFor(distrust ? { ...common, classification: UNKNOWN_OUTPUT } : common)
    },
  }
}

const UNKNOWN_OUTPUT = { output: 'classified' } as const
