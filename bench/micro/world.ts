import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Gate } from '../../src/approval/gate.ts'
import type { Trail } from '../../src/audit/events.ts'
import { openTrail } from '../../src/audit/trail.ts'
import type { CatalogRelation, CatalogSource } from '../../src/catalog/catalog.ts'
import { contextQuery } from '../../src/catalog/postgres-context.ts'
import { CatalogSnapshot } from '../../src/catalog/snapshot.ts'
import type { Principal } from '../../src/identity/principal.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { postgresPlanner } from '../../src/mask/planner.ts'
import { scrubFields } from '../../src/mask/scrub.ts'
import type { RuleAction, RuleConfig } from '../../src/policy/rule.ts'
import { policyInForce } from '../../src/session/policy-in-force.ts'
import { postgresValues } from '../../src/session/postgres-values.ts'
import type { Policy, Services } from '../../src/session/services.ts'
import { createPostgresClassifier } from '../../src/sql/postgres/classify.ts'
import type { Classifier, Effect } from '../../src/sql/statement.ts'
import { postgresProtocol } from '../../src/wire/postgres/postgres-protocol.ts'
import { quietServices } from '../../test/support/quiet-services.ts'

/** All that a session needs, real but for sockets and a database. */
export interface MicroWorld {
  readonly catalog: CatalogSource
  readonly classifier: Classifier
  readonly policy: Policy
  readonly services: Services
  readonly trail: Trail
  close(): Promise<void>
}

export const PRINCIPAL: Principal = {
  agent: {
    name: 'bot',
    owners: ['ana@example.com'],
    databases: ['shop'],
    credentialCreatedBy: [],
  },
  database: 'shop',
  environment: 'production',
  onBehalfOf: null,
  asksHoldMs: null,
  asksClear: [],
  claim: null,
  applicationName: 'bench',
  address: '127.0.0.1',
  tls: null,
}

const INT4 = 23
const TEXT = 25

/** Ten columns, of which the third is classified in `people` and none in `ten`. */
function relation(oid: number, name: string, dataClass: string | null): CatalogRelation {
  const columns = Array.from({ length: 10 }, (_, index) => ({
    number: index + 1,
    name: `c${index + 1}`,
    typeOid: index === 0 ? INT4 : TEXT,
    dataClass: index === 2 ? dataClass : null,
    derived: false,
  }))
  return {
    oid,
    schema: 'public',
    name,
    kind: 'table',
    owner: 'app',
    classified: dataClass !== null,
    columns: new Map(columns.map((column) => [column.number, column])),
  }
}

const nobodyIsAsked = new Proxy({} as Gate, {
  get() {
    throw new Error('a benchmark asks nobody')
  },
})

export function rule(name: string, effect: Effect[], then: RuleAction): RuleConfig {
  return { name, when: { effect }, then }
}

const RULES = [
  rule('hosts', ['server'], { kind: 'deny', reason: 'no' }),
  rule('reads', ['read', 'session'], { kind: 'allow', maxRows: null }),
]

export async function openMicroWorld(rules: readonly RuleConfig[] = RULES): Promise<MicroWorld> {
  const snapshot = new CatalogSnapshot({
    version: 1,
    relations: [relation(20_001, 'ten', null), relation(20_002, 'people', 'pii.email')],
    functions: [],
    types: [],
    builtins: new Map(
      ['count', 'max', '=', '>', '~~'].map((name) => [
        name,
        { returnsSet: false, volatile: false },
      ]),
    ),
    schemas: new Set(['public']),
    hiddenCalls: [],
  })
  const read = async () => snapshot
  const catalog = { current: snapshot, refresh: read, copied: read }
  const classifier = await createPostgresClassifier({ catalog })
  const policy = policyInForce({
    rules,
    masks: { pii: { mask: 'partial', keepLast: null } },
    shadow: false,
    classes: ['pii.email'],
    keys: { hash: Buffer.alloc(32, 1) },
    planner: postgresPlanner(catalog),
    clock: systemClock,
    clearing: new Map(),
    groupsOf: () => ['approvers'],
  })
  const folder = mkdtempSync(join(tmpdir(), 'csgn-micro-'))
  chmodSync(folder, 0o700)
  const trail = await openTrail({ folder, name: 'data', clock: systemClock, version: 'bench' })
  const services = quietServices({
    protocol: postgresProtocol,
    clock: systemClock,
    openClassifier: () => classifier,
    schema: catalog,
    values: postgresValues(() => catalog),
    policy: () => policy,
    gate: nobodyIsAsked,
    trail,
    auditSql: () => 'redacted',
    scrub: scrubFields,
    contextQuery,
    limits: { maxMessage: 64 * 1024 * 1024, idleMs: 3_600_000, writeMs: 60_000 },
  })
  const close = async () => {
    await classifier.close()
    await trail.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { catalog, classifier, policy, services, trail, close }
}
