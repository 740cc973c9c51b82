import { openPostgresCatalog } from '../catalog/postgres-catalog.ts'
import { contextQuery } from '../catalog/postgres-context.ts'
import { inspectRole } from '../catalog/role-facts.ts'
import { connectUpstreamClient } from '../config/upstream-client.ts'
import { postgresLook } from '../mask/detect/postgres-columns.ts'
import { postgresPlanner } from '../mask/planner.ts'
import { scrubFields } from '../mask/scrub.ts'
import { estimateRows } from '../session/foresight/estimate.ts'
import { Estimates } from '../session/foresight/estimates.ts'
import { Impacts } from '../session/foresight/impact.ts'
import { countInPostgres } from '../session/foresight/postgres-impact.ts'
import { postgresValues } from '../session/postgres-values.ts'
import { createPostgresClassifier } from '../sql/postgres/classify.ts'
import type { Schema } from '../sql/postgres/schema.ts'
import type { TableUse } from '../sql/statement.ts'
import {
  type House,
  type HouseOptions,
  houseOf,
  lazily,
  type SystemServices,
  schemaTrouble,
  unreachable,
  upstreamOf,
  withClient,
} from './house.ts'

/** Reaches a PostgreSQL database and reads its schema. Rejects with UPSTREAM_UNAVAILABLE. */
export async function openPostgresHouse(options: HouseOptions): Promise<House> {
  const { config, clock, transparent, memory, onUnjudged, detector } = options
  const { name, classified, trustedFunctions, strict } = config
  const { upstream, target } = upstreamOf(config)
  const connect = () => connectUpstreamClient(upstream, 'countersign')
  const trouble = schemaTrouble(name)
  const catalog = await openPostgresCatalog({
    connect,
    classified,
    trustedFunctions,
    strict,
    memory,
    onUnjudged,
    clock,
    onTrouble: trouble.onTrouble,
    onRecovery: trouble.onRecovery,
  }).catch((error: unknown) => {
    throw unreachable(config, error)
  })
  const source = lazily(catalog, transparent)
  const classifier = await createPostgresClassifier({ catalog: source, trustedFunctions, clock })
  const values = postgresValues(() => catalog)
  const services: SystemServices = {
    openClassifier: () => classifier,
    schema: catalog,
    values,
    schemas: null,
    scrub: scrubFields,
    resolvingErrors: null,
    contextQuery,
    bearsMs: () => Number.POSITIVE_INFINITY,
    estimates: new Estimates(clock, (exchange) => estimateRows(exchange, connect)),
    impacts: new Impacts(
      clock,
      countInPostgres({
        connect,
        schema: () => catalog.current,
        values,
        mayShow: detector === null,
      }),
    ),
    rollsBack: (table) => rollsBackInPostgres(table, catalog.current),
  }
  return houseOf(config, {
    target,
    services,
    classified,
    catalog,
    classifier,
    trouble,
    greeting: null,
    planner: postgresPlanner(catalog, detector && postgresLook(detector, classified)),
    roleFacts: () => withClient(connect, (client) => inspectRole(client, catalog.current)),
  })
}

const KEEPS_ROWS = new Set(['table', 'partitioned-table'])

/** Rules put other statements in the place of one, and foreign tables keep their rows elsewhere. */
function rollsBackInPostgres({ schema, name }: TableUse, catalog: Schema): boolean {
  if (schema === null) return false
  const [relation] = catalog.relationsNamed(name, schema)
  if (!relation || !KEEPS_ROWS.has(relation.kind)) return false
  return !relation.attached?.some(({ kind }) => kind === 'rule')
}
