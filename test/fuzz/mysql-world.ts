import { mysqlContextQuery } from '../../src/catalog/mysql-context.ts'
import { mysqlPlanner } from '../../src/mask/mysql/planner.ts'
import { RESOLVING_ERRORS, scrubMysqlFields } from '../../src/mask/mysql/scrub.ts'
import { mysqlValues } from '../../src/session/mysql-values.ts'
import { schemaAccess } from '../../src/session/schema-access.ts'
import { waitTimeoutMs } from '../../src/session/wait-timeout.ts'
import { createMysqlClassifier } from '../../src/sql/mysql/classify.ts'
import { sessionFactsOf } from '../../src/sql/mysql/session-facts.ts'
import { mysqlProtocol } from '../../src/wire/mysql/mysql-protocol.ts'
import { memorySchema } from '../sql/mysql/memory-schema.ts'
import { MARIADB_11 } from '../sql/mysql/shop.ts'
import { quietServices } from '../support/quiet-services.ts'
import { FUZZ_LIMITS, type FuzzWorld, fuzzPolicy } from './fuzz-world.ts'
import { mysqlCase } from './mysql-case.ts'

const PLAIN = { columns: { n: null, secret: null } }

/** Rules and a classifier as a real proxy has them for MySQL; shared by all cases. */
export function openMysqlFuzzWorld(): FuzzWorld {
  const catalog = memorySchema({
    schema: 'shop',
    tables: {
      open_t: PLAIN,
      held_t: PLAIN,
      denied_t: PLAIN,
      people_t: { columns: { n: null, secret: 'pii.secret' } },
    },
  })
  const dialect = MARIADB_11
  const classifier = createMysqlClassifier({ catalog, dialect })
  const policy = fuzzPolicy(mysqlPlanner(catalog))
  const services: FuzzWorld['services'] = (parts) =>
    quietServices({
      ...parts,
      protocol: mysqlProtocol,
      openClassifier: (settings) => classifier.forSession(() => sessionFactsOf(settings())),
      schema: {
        current: { ...catalog.current, namesColumn: () => false },
        refresh: catalog.refresh,
        copied: catalog.refresh,
      },
      values: mysqlValues,
      schemas: schemaAccess(
        () => [{ alias: 'shop', schema: 'shop', environment: null }],
        (one, other) => one === other,
      ),
      policy: () => policy,
      scrub: scrubMysqlFields,
      resolvingErrors: RESOLVING_ERRORS,
      contextQuery: (classification) =>
        mysqlContextQuery(classification, { dialect, table: () => undefined }),
      bearsMs: waitTimeoutMs,
      limits: FUZZ_LIMITS,
    })
  return { policy, services, openCase: mysqlCase, close: async () => {} }
}
