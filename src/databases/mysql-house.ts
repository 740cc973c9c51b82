import { openMysqlCatalog } from '../catalog/mysql-catalog.ts'
import { mysqlContextQuery } from '../catalog/mysql-context.ts'
import { inspectMysqlRole } from '../catalog/mysql-role-facts.ts'
import { connectMysqlClient } from '../config/mysql-upstream-client.ts'
import { classesOnServer, schemasOnServer } from '../config/neighbours.ts'
import { mysqlLook } from '../mask/detect/mysql-columns.ts'
import { mysqlPlanner } from '../mask/mysql/planner.ts'
import { RESOLVING_ERRORS, scrubMysqlFields } from '../mask/mysql/scrub.ts'
import { connectUpstream, type UpstreamTarget } from '../net/upstream-target.ts'
import { Estimates } from '../session/foresight/estimates.ts'
import { Impacts } from '../session/foresight/impact.ts'
import { estimateMysqlRows } from '../session/foresight/mysql-estimate.ts'
import { countInMysql } from '../session/foresight/mysql-impact.ts'
import { mysqlValues } from '../session/mysql-values.ts'
import { schemaAccess } from '../session/schema-access.ts'
import { waitTimeoutMs } from '../session/wait-timeout.ts'
import { createMysqlClassifier } from '../sql/mysql/classify.ts'
import { lineageOfQuery } from '../sql/mysql/lineage/lineage.ts'
import { sessionFactsOf } from '../sql/mysql/session-facts.ts'
import type { Hello, ServerGreeting } from '../wire/handshake.ts'
import { mysqlProtocol } from '../wire/mysql/mysql-protocol.ts'
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

/** Reaches a MySQL or MariaDB database and reads its schemas. Rejects with UPSTREAM_UNAVAILABLE. */
export async function openMysqlHouse(options: HouseOptions): Promise<House> {
  const { config, all, transparent, memory, onUnjudged, detector } = options
  const { name, trustedFunctions, strict } = config
  const { upstream, target } = upstreamOf(config)
  const connect = () => connectMysqlClient(upstream, 'countersign')
  const classified = classesOnServer(config, upstream, all())
  const trusted = new Set(trustedFunctions)
  const served = schemasOnServer(upstream)
  const trouble = schemaTrouble(name)
  const greeting = await greetingOf(target).catch((error: unknown) => {
    throw unreachable(config, error)
  })
  const catalog = await openMysqlCatalog({
    connect,
    classified,
    clock: options.clock,
    lineage: (definition, schema, snapshot) =>
      lineageOfQuery(definition, schema, snapshot, snapshot.dialect, trusted),
    trustedFunctions,
    strict,
    memory,
    onUnjudged,
    onTrouble: trouble.onTrouble,
    onRecovery: trouble.onRecovery,
  }).catch((error: unknown) => {
    throw unreachable(config, error)
  })
  const classifier = createMysqlClassifier({
    catalog: lazily(catalog, transparent),
    // The server can be another version when it comes back.
    get dialect() {
      return catalog.current.dialect
    },
    trustedFunctions,
  })
  const services: SystemServices = {
    openClassifier: (settings) => classifier.forSession(() => sessionFactsOf(settings())),
    schema: catalog,
    values: mysqlValues,
    schemas: schemaAccess(
      () => served(all()),
      (one, other) => sameName(one, other, catalog.current.lowerCaseTableNames),
    ),
    scrub: scrubMysqlFields,
    resolvingErrors: RESOLVING_ERRORS,
    contextQuery: (classification) => mysqlContextQuery(classification, catalog.current),
    bearsMs: waitTimeoutMs,
    estimates: new Estimates(options.clock, (exchange) => estimateMysqlRows(exchange, connect)),
    impacts: new Impacts(
      options.clock,
      countInMysql({
        connect,
        schema: () => catalog.current,
        dialect: () => catalog.current.dialect,
        mayShow: detector === null,
      }),
    ),
    rollsBack: ({ schema, name }) =>
      schema !== null && catalog.current.table(schema, name)?.transactional === true,
  }
  return houseOf(config, {
    target,
    services,
    classified,
    catalog,
    classifier,
    trouble,
    greeting,
    planner: mysqlPlanner(catalog, detector && mysqlLook(detector)),
    roleFacts: () => withClient(connect, (client) => inspectMysqlRole(client, catalog.current)),
  })
}

/** lower_case_table_names: 0 compares by case, 1 and 2 don't. */
function sameName(one: string, other: string, lowerCaseTableNames: number): boolean {
  return lowerCaseTableNames === 0 ? one === other : one.toLowerCase() === other.toLowerCase()
}

const NOBODY: Hello = { user: '', database: '', settings: new Map(), own: new Map() }

/** Learns from a login of the proxy's own what the server says of itself. */
async function greetingOf(target: UpstreamTarget): Promise<Omit<ServerGreeting, 'connectionId'>> {
  const upstream = connectUpstream(target)
  try {
    const { mysql } = await mysqlProtocol.login(upstream, target.login, NOBODY)
    if (!mysql) throw new Error('it does not greet as a MySQL server')
    const { serverVersion, collation, status } = mysql
    return { serverVersion, collation, status }
  } finally {
    upstream.connection.end(mysqlProtocol.goodbye)
  }
}
