// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import type { Gate, OpenRequest } from '../../src/approval/gate.ts'
import type { RequestDraft, Resolution } from '../../src/approval/request.ts'
import type { AuditEvent, Trail } from '../../src/audit/events.ts'
import type { CatalogRelation } from '../../src/catalog/catalog.ts'
import { contextQuery } from '../../src/catalog/postgres-context.ts'
import { CatalogSnapshot } from '../../src/catalog/snapshot.ts'
import type { Principal } from '../../src/identity/principal.ts'
import type { CancelTimer, Clock } from '../../src/lib/clock.ts'
import { type Deferred, deferred } from '../../src/lib/deferred.ts'
import { ProxyError } from '../../src/lib/errors.ts'
import { type Planner, postgresPlanner } from '../../src/mask/planner.ts'
import { scrubFields } from '../../src/mask/scrub.ts'
import { policyInForce } from '../../src/session/policy-in-force.ts'
import { postgresValues } from '../../src/session/postgres-values.ts'
import type { Policy, Services } from '../../src/session/services.ts'
import { createPostgresClassifier } from '../../src/sql/postgres/classify.ts'
import { postgresProtocol } from '../../src/wire/postgres/postgres-protocol.ts'
import { quietServices } from '../support/quiet-services.ts'
import type { FuzzCase, Mode } from './fuzz-case.ts'
import { postgresCase } from './postgres-case.ts'
import type { Random } from './random.ts'
import { OIDS } from './texts.ts'

/** Time that goes on when it is told to. */
export class ManualClock implements Clock {
  #now = 1_000_000
  #timers = new Set<{ readonly at: number; readonly fire: () => void }>()

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, fire: () => void): CancelTimer {
    const timer = { at: this.#now + ms, fire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  advance(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now || !this.#timers.delete(timer)) continue
      timer.fire()
    }
  }
}

interface Asked {
  readonly id: string
  readonly draft: RequestDraft
  readonly answer: Deferred<Resolution>
  approved: boolean
  spent: boolean
}

/** A desk at which chance signs. */
export class FuzzGate implements Gate {
  readonly #random: Random
  readonly #asked: Asked[] = []
  /** Requests that wait for an answer. */
  readonly waiting = new Set<Asked>()
  /** Spent approvals whose statement hasn't run yet. */
  readonly credits: RequestDraft[] = []

  constructor(random: Random) {
    this.#random = random
  }

  async open(draft: RequestDraft): Promise<OpenRequest> {
    if (this.#random.oneIn(20)) throw new ProxyError('GATE_UNAVAILABLE', 'away')
    const id = `r${this.#asked.length}`
    const asked: Asked = { id, draft, answer: deferred(), approved: false, spent: false }
    this.#asked.push(asked)
    this.waiting.add(asked)
    return { id, url: `http://localhost/${id}`, how: 'new', resolution: asked.answer.promise }
  }

  /** One of those that wait gets an answer. */
  answerOne(): void {
    const asked = this.#random.pick([...this.waiting])
    this.waiting.delete(asked)
    const { id } = asked
    if (this.#random.oneIn(4)) {
      asked.answer.resolve({ kind: 'rejected', id, by: 'bo@example.com', reason: 'no' })
    } else if (this.#random.oneIn(8)) asked.answer.resolve({ kind: 'expired', id })
    else {
      asked.approved = true
      asked.answer.resolve({
        kind: 'approved',
        cleared: [],
        grant: null,
        id,
        by: ['bo@example.com'],
      })
    }
  }

  async list(): Promise<readonly []> {
    return []
  }

  withdraw(id: string): void {
    for (const asked of this.waiting) if (asked.id === id) this.waiting.delete(asked)
  }

  ticket(id: string): void {
    this.withdraw(id)
  }

  async spend(id: string, binding: string): Promise<boolean> {
    const asked = this.#asked.find((each) => each.id === id)
    if (!asked?.approved || asked.spent || asked.draft.binding !== binding) return false
    asked.spent = true
    this.credits.push(asked.draft)
    return true
  }

  settle(): void {}
}

function relation(name: keyof typeof OIDS): CatalogRelation {
  const dataClass = name === 'people_t' ? 'pii.secret' : null
  const column = { derived: false, dataClass: null }
  return {
    oid: OIDS[name],
    schema: 'public',
    name,
    kind: 'table',
    owner: 'app',
    classified: dataClass !== null,
    columns: new Map([
      [1, { ...column, number: 1, name: 'n', typeOid: 23 }],
      [2, { ...column, number: 2, name: 'secret', typeOid: 25, dataClass }],
    ]),
  }
}

const CATALOG = new CatalogSnapshot({
  version: 1,
  relations: (Object.keys(OIDS) as (keyof typeof OIDS)[]).map(relation),
  functions: [],
  types: [],
  builtins: new Map(),
  schemas: new Set(['public']),
  hiddenCalls: [],
})

const SIGNED = { kind: 'approve', by: ['dba'], count: 1, hold: null, expires: null } as const

/** Rules and a classifier as a real proxy has them; shared by all cases. */
export interface FuzzWorld {
  readonly policy: Policy
  services(parts: { readonly clock: Clock; readonly gate: Gate; readonly trail: Trail }): Services
  openCase(random: Random, mode: Mode): FuzzCase
  close(): Promise<void>
}

export const FUZZ_LIMITS = { maxMessage: 64 * 1024, idleMs: 3_600_000, writeMs: 60_000 }

/** What is denied, what has to be signed, and a column that is masked. */
export function fuzzPolicy(planner: Planner): Policy {
  return policyInForce({
    rules: [
      { name: 'no', when: { tables: ['*.denied_t'] }, then: { kind: 'deny', reason: 'no' } },
      { name: 'ask', when: { tables: ['*.held_t'] }, then: SIGNED },
    ],
    masks: {},
    shadow: false,
    classes: ['pii.secret'],
    keys: { hash: Buffer.alloc(32, 1) },
    planner,
    clock: new ManualClock(),
    clearing: new Map(),
    groupsOf: () => [],
  })
}

export async function openFuzzWorld(): Promise<FuzzWorld> {
  const read = async () => CATALOG
  const catalog = { current: CATALOG, refresh: read, copied: read }
  const classifier = await createPostgresClassifier({ catalog })
  const policy = fuzzPolicy(postgresPlanner(catalog))
  const services: FuzzWorld['services'] = (parts) =>
    quietServices({
      ...parts,
      protocol: postgresProtocol,
      openClassifier: () => classifier,
      schema: catalog,
      values: postgresValues(() => catalog),
      policy: () => policy,
      scrub: scrubFields,
      contextQuery,
      limits: FUZZ_LIMITS,
    })
  return { policy, services, openCase: postgresCase, close: () => classifier.close() }
}

/** A trail that keeps nothing, and now and then can't be written. */
export class FuzzTrail implements Trail {
  readonly trouble = null
  readonly head = { sequence: 0, hash: '' }
  ailing: boolean
  readonly #random: Random
  #sequence = 0

  constructor(random: Random) {
    this.#random = random
    this.ailing = random.oneIn(10)
  }

  later(event: AuditEvent): void {
    this.append(event)
  }

  catchUp(): void {}

  append(event: AuditEvent): number {
    if (event.type === 'statement.intent') this.flush()
    return ++this.#sequence
  }

  flush(): void {
    if (this.ailing && this.#random.oneIn(6)) {
      throw new ProxyError('AUDIT_UNAVAILABLE', 'the disk is full')
    }
  }

  async durable(): Promise<void> {
    this.flush()
  }

  async close(): Promise<void> {}
}

export const PRINCIPAL: Principal = {
  agent: {
    name: 'bot',
    owners: ['ana@example.com'],
    databases: ['shop'],
    credentialCreatedBy: [],
  },
  database: 'shop',
  environment: null,
  onBehalfOf: null,
  asksHoldMs: null,
  asksClear: [],
  claim: null,
  applicationName: '',
  address: '127.0.0.1',
  tls: null,
}
