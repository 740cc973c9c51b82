import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import type { OpenFile } from '../../src/approval/append-log.ts'
import { ApprovalDesk } from '../../src/approval/desk.ts'
import type { DeskEvent } from '../../src/approval/desk-events.ts'
import { GrantStore } from '../../src/approval/grant-store.ts'
import type { ApprovalRecord } from '../../src/approval/record.ts'
import type { RequestDraft } from '../../src/approval/request.ts'
import { ApprovalStore } from '../../src/approval/store.ts'
import {
  type ClaimedGroups,
  Directory,
  type Groups,
  type PersonEntry,
} from '../../src/identity/directory.ts'
import type { Clock } from '../../src/lib/clock.ts'

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<{ at: number; fire: () => void }>()

  constructor(start = Date.parse('2026-11-22T12:00:00Z')) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  get timers(): number {
    return this.#timers.size
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end)
      const next = due.sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fire()
    }
    this.#now = end
  }
}

export const PEOPLE: readonly PersonEntry[] = [
  { email: 'ana@example.com', groups: ['dba', 'approvers'], slack: 'UANA' },
  { email: 'bo@example.com', groups: ['dba', 'approvers', 'data-owner'], slack: 'UBO' },
  { email: 'cy@example.com', groups: ['approvers'], slack: null },
  { email: 'di@example.com', groups: ['support'], slack: 'UDI' },
]

/** data-owner: bo. */
export const GROUPS: Groups = new Map([['data-owner', { clears: ['pii.*'] }]])

export function draftOf(change: Partial<RequestDraft> = {}): RequestDraft {
  const statement = change.statement ?? 'DROP TABLE public.orders'
  return {
    binding: createHash('sha256').update(`binding of ${statement}`).digest('hex'),
    shape: null,
    agent: 'billing-bot',
    owners: ['owner@example.com'],
    credentialCreatedBy: null,
    database: 'shop',
    environment: 'production',
    onBehalfOf: null,
    claim: 'cleaning up',
    applicationName: 'psql',
    session: 's1',
    verb: 'DROP TABLE',
    statement,
    statementSha256: createHash('sha256').update(statement).digest('hex'),
    withoutConstants: statement,
    fingerprint: 'f1',
    parameters: [],
    effects: [{ effect: 'ddl', reason: 'it drops a table' }],
    tables: [{ name: 'public.orders', access: 'write', classes: [] }],
    classes: [],
    asksClear: [],
    clearable: [],
    estimatedRows: null,
    inTransaction: false,
    requirements: [{ rule: 'the-rest', by: ['approvers'], count: 1 }],
    holdMs: 25_000,
    expiresMs: 1_800_000,
    ...change,
  }
}

export interface DeskFixture {
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly clock: ManualClock
  readonly data: string
  readonly events: DeskEvent[]
  readonly records: ApprovalRecord[]
  /** People and groups, for a test to change. */
  people: readonly PersonEntry[]
  groups: Groups
  /** Made to reject by a test. */
  recordTrouble: Error | null
}

export async function openDesk(
  t: Test,
  options: {
    readonly data?: string
    readonly clock?: ManualClock
    /** What an identity provider says of people's groups. */
    readonly claims?: (email: string) => ClaimedGroups
    readonly openFile?: OpenFile
  } = {},
): Promise<DeskFixture> {
  const clock = options.clock ?? new ManualClock()
  const data = options.data ?? t.testdir({})
  const { openFile } = options
  const store = await ApprovalStore.open({ data, ...(openFile ? { openFile } : {}) })
  const grants = await GrantStore.open({ data })
  t.teardown(() => grants.close())
  t.teardown(() => store.close())
  let number = [...store.all()].length
  const events: DeskEvent[] = []
  const records: ApprovalRecord[] = []
  const fixture = { people: PEOPLE, groups: GROUPS, recordTrouble: null as Error | null }
  const desk = new ApprovalDesk({
    store,
    grants,
    clock,
    newId: () => `r${++number}`,
    directory: () => new Directory(fixture.people, fixture.groups, options.claims),
    record: async (event) => {
      if (fixture.recordTrouble) throw fixture.recordTrouble
      records.push(event)
    },
    log: () => {},
  })
  desk.subscribe((event) => events.push(event))
  return Object.assign(fixture, { desk, store, clock, events, records, data })
}

export function answerOf(person: string, decision: 'approve' | 'deny' = 'approve') {
  return { person, decision, reason: '', channel: 'api', statementSha256: null } as const
}

/** Resolves when an event for which `is` holds has happened. */
export function nextEvent(desk: ApprovalDesk, is: (event: DeskEvent) => boolean) {
  return new Promise<DeskEvent>((resolve) => {
    const unsubscribe = desk.subscribe((event) => {
      if (!is(event)) return
      unsubscribe()
      resolve(event)
    })
  })
}
