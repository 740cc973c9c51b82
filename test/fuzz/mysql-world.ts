// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import { mysqlContextQuery } from '../../src/catalog/mysql-context.ts'
import { mysqlPlanner } from '../../src/mask/mysql/planner.ts'
import { RESOLVING_ERRORS, scrubMysqlFields } from '../../src/mask/mysql/scrub.ts'
import { Estimates } from '../../src/session/estimates.ts'
import { Impacts, NOT_COUNTED } from '../../src/session/impact.ts'
import { Lookups } from '../../src/session/lookups.ts'
import { mysqlValues } from '../../src/session/mysql-values.ts'
import { policyInForce } from '../../src/session/policy-in-force.ts'
import { schemaAccess } from '../../src/session/schema-access.ts'
import { Usage } from '../../src/session/usage.ts'
import { waitTimeoutMs } from '../../src/session/wait-timeout.ts'
import { createMysqlClassifier } from '../../src/sql/mysql/classify.ts'
import { sessionFactsOf } from '../../src/sql/mysql/session-facts.ts'
import { mysqlProtocol } from '../../src/wire/mysql/mysql-protocol.ts'
import { memorySchema } from '../sql/mysql/memory-schema.ts'
import { MARIADB_11 } from '../sql/mysql/shop.ts'
import { type FuzzWorld, ManualClock } from './fuzz-world.ts'
import { mysqlCase } from './mysql-case.ts'

const SIGNED = { kind: 'approve', by: ['dba'], count: 1, hold: null, expires: null } as const
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
  const policy = policyInForce({
    rules: [
      { name: 'no', when: { tables: ['*.denied_t'] }, then: { kind: 'deny', reason: 'no' } },
      { name: 'ask', when: { tables: ['*.held_t'] }, then: SIGNED },
    ],
    masks: {},
    shadow: false,
    classes: ['pii.secret'],
    keys: { hash: Buffer.alloc(32, 1) },
    planner: mysqlPlanner(catalog),
    clock: new ManualClock(),
    clearing: new Map(),
    groupsOf: () => [],
  })
  const services: FuzzWorld['services'] = ({ clock, gate, trail }) => ({
    protocol: mysqlProtocol,
    clock,
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
    holdMs: () => 20_000,
    gate,
    trail,
    auditMode: () => 'strict',
    auditSql: () => 'full',
    hmac: () => 'hmac',
    scrub: scrubMysqlFields,
    resolvingErrors: RESOLVING_ERRORS,
    estimates: new Estimates(clock, async () => null),
    impacts: new Impacts(clock, async () => NOT_COUNTED),
    contextQuery: (classification) =>
      mysqlContextQuery(classification, { dialect, table: () => undefined }),
    bearsMs: waitTimeoutMs,
    counters: { statements: 0, held: 0, refused: 0, maskedResults: 0, disagreements: 0, rows: 0 },
    rollsBack: () => false,
    rowLimits: () => [],
    usage: new Usage(clock),
    lookups: new Lookups(clock),
    limits: { maxMessage: 64 * 1024, idleMs: 3_600_000, writeMs: 60_000 },
  })
  return { policy, services, openCase: mysqlCase, close: async () => {} }
}
