import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ApprovalDesk } from '../../src/approval/desk.ts'
import { ApprovalStore } from '../../src/approval/store.ts'
import { answerOf, draftOf, nextEvent, openDesk } from './fixtures.ts'

const HOLDER = 'line-1'

async function openOne(desk: ApprovalDesk, change = {}) {
  return (await desk.open(draftOf(change), HOLDER)).request
}

t.test('the first answer wins, and the loser hears who won', async (t) => {
  const { desk, events } = await openDesk(t)
  const { id } = await openOne(desk)
  const results = await Promise.all([
    desk.decide(id, answerOf('bo@example.com')),
    desk.decide(id, answerOf('ana@example.com', 'deny')),
    desk.decide(id, answerOf('cy@example.com')),
  ])
  t.same(
    results.map((result) => result.kind),
    ['decided', 'already', 'already'],
  )
  t.match(desk.get(id), { state: 'approved', votes: [{ person: 'bo@example.com' }] })
  t.equal(events.filter((event) => event.type === 'resolved').length, 1)
})

t.test('an approval is spent once, with its own binding, and then settled', async (t) => {
  const { desk, records } = await openDesk(t)
  const { id, binding } = await openOne(desk)
  t.equal(await desk.spend(id, binding), false, 'not while it is pending')
  await desk.decide(id, answerOf('ana@example.com'))
  t.equal(await desk.spend(id, binding.replace(/^./, 'x')), false, 'not with another binding')
  const spent = await Promise.all([desk.spend(id, binding), desk.spend(id, binding)])
  t.same(spent, [true, false])
  await desk.settle(id, { rows: 3, ms: 12, sqlState: null })
  t.match(desk.get(id), { state: 'executed', outcome: { rows: 3 } })
  await desk.settle(id, { rows: 9, ms: 1, sqlState: '42P01' })
  t.match(desk.get(id), { state: 'executed', outcome: { rows: 3 } }, 'settled once')
  t.same(
    records.map((record) => record.type),
    ['approval.requested', 'approval.voted', 'approval.resolved', 'approval.spent'],
  )
})

t.test('a failed statement is failed, and asking again is a new request', async (t) => {
  const { desk } = await openDesk(t)
  const { id, binding } = await openOne(desk)
  await desk.decide(id, answerOf('ana@example.com'))
  await desk.spend(id, binding)
  const while_it_runs = await desk.open(draftOf(), HOLDER)
  t.match(while_it_runs, { how: 'new', resolution: null }, 'a spent approval serves nobody else')
  await desk.settle(id, { rows: null, ms: 1, sqlState: '42P01' })
  t.equal(desk.get(id)?.state, 'failed')
  await desk.decide(while_it_runs.request.id, answerOf('ana@example.com', 'deny'))
  t.match(await desk.open(draftOf(), HOLDER), { how: 'new', resolution: null })
})

t.test('the same statement joins, reopens, or gets the answer that is there', async (t) => {
  const { desk, clock } = await openDesk(t)
  const { id } = await openOne(desk)
  t.match(await desk.open(draftOf({ session: 's2' }), 'line-2'), { how: 'joined', request: { id } })
  await desk.withdraw(id, 'disconnected', HOLDER)
  t.equal(desk.get(id)?.state, 'pending', 'the other line still waits')
  await desk.withdraw(id, 'disconnected', 'line-2')
  t.match(desk.get(id), { state: 'withdrawn', withdrawnCause: 'disconnected' })
  t.match(await desk.open(draftOf(), HOLDER), { how: 'reopened', request: { id, votes: [] } })
  await desk.decide(id, answerOf('ana@example.com'))
  const answered = await desk.open(draftOf(), HOLDER)
  t.match(answered, { how: 'joined', resolution: { kind: 'approved', by: ['ana@example.com'] } })
  await desk.withdraw(id, 'cancelled', HOLDER)
  t.equal(desk.get(id)?.state, 'withdrawn', 'nobody waits, so the approval is void')
  clock.advance(1_800_000)
  t.match(await desk.open(draftOf(), HOLDER), { how: 'new' }, 'withdrawn too long ago')
})

t.test('what differs in who may sign is another request', async (t) => {
  const { desk } = await openDesk(t)
  const { id } = await openOne(desk)
  const different = [
    { onBehalfOf: 'ana@example.com' },
    { owners: ['ana@example.com'] },
    { credentialCreatedBy: 'ana@example.com' },
    { requirements: [{ rule: 'lax', by: ['support'], count: 1 }] },
    { agent: 'other-bot' },
  ]
  for (const change of different) {
    const opened = await desk.open(draftOf(change), HOLDER)
    t.equal(opened.how, 'new', Object.keys(change).join())
    t.not(opened.request.id, id)
  }
})

t.test('a ticket outlives its connection, runs once, and expires unspent', async (t) => {
  const { desk, clock } = await openDesk(t)
  const { id, binding } = await openOne(desk)
  await desk.ticket(id, HOLDER, false)
  await desk.withdraw(id, 'disconnected', HOLDER)
  t.match(desk.get(id), { state: 'pending', waiting: 'ticket' })
  await desk.decide(id, answerOf('ana@example.com'))
  const expired = nextEvent(desk, (event) => event.request.state === 'expired')
  clock.advance(1_800_000)
  await expired
  t.equal(await desk.spend(id, binding), false)
  t.match(await desk.decide(id, answerOf('bo@example.com')), { kind: 'gone' })
})

t.test('a denial that nobody heard is told once, and only to who asks for the same', async (t) => {
  const { desk } = await openDesk(t)
  const { id } = await openOne(desk)
  await desk.ticket(id, HOLDER, false)
  await desk.decide(id, { ...answerOf('ana@example.com', 'deny'), reason: 'not on a Friday' })
  t.match(await desk.open(draftOf({ binding: 'another' }), HOLDER), { how: 'new' })
  const events: string[] = []
  desk.subscribe(({ type }) => events.push(type))
  const told = await desk.open(draftOf(), HOLDER)
  t.match(told, {
    request: { id },
    resolution: { kind: 'rejected', by: 'ana@example.com', reason: 'not on a Friday' },
  })
  t.same(events, [], 'nobody is asked again')
  const again = await desk.open(draftOf(), HOLDER)
  t.match(again, { how: 'new', resolution: null }, 'who insists asks anew')
  t.not(again.request.id, id)
})

t.test('a denial is news for so long as the request would have been open', async (t) => {
  const { desk, clock } = await openDesk(t)
  const { id } = await openOne(desk)
  await desk.ticket(id, HOLDER, false)
  await desk.decide(id, answerOf('ana@example.com', 'deny'))
  clock.advance(1_800_000)
  t.match(await desk.open(draftOf(), HOLDER), { how: 'new' })
})

t.test('at its deadline a request is over, even before its timer has fired', async (t) => {
  const { desk, clock } = await openDesk(t)
  const { id } = await openOne(desk, { expiresMs: 1000 })
  const late = Object.assign(clock, { now: () => Date.parse('2026-11-22T12:00:01Z') })
  t.ok(late.timers > 0, 'the timer is still there')
  t.match(await desk.decide(id, answerOf('ana@example.com')), { kind: 'gone' })
  t.equal(desk.get(id)?.state, 'expired')
})

t.test('two people have to sign where two are asked for; one may still say no', async (t) => {
  const two = { requirements: [{ rule: 'two', by: ['approvers'], count: 2 }] }
  const fixture = await openDesk(t)
  const { desk } = fixture
  const { id } = await openOne(desk, two)
  t.match(await desk.decide(id, answerOf('ana@example.com')), { kind: 'counted' })
  t.match(await desk.decide(id, answerOf('ana@example.com')), { kind: 'counted' })
  t.equal(desk.get(id)?.votes.length, 1, 'the same person counts once')
  fixture.people = fixture.people.filter((person) => person.email !== 'ana@example.com')
  t.match(await desk.decide(id, answerOf('bo@example.com')), { kind: 'counted' }, 'ana has left')
  t.match(await desk.decide(id, answerOf('cy@example.com')), { kind: 'decided' })
  const second = await openOne(desk, { ...two, statement: 'DROP TABLE b', binding: 'b' })
  await desk.decide(second.id, answerOf('bo@example.com'))
  await desk.decide(second.id, answerOf('bo@example.com', 'deny'))
  t.equal(desk.get(second.id)?.state, 'denied', 'and may think better of it')
})

t.test('who may not decide changes nothing, and the attempt is on record', async (t) => {
  const { desk, records } = await openDesk(t)
  const { id } = await openOne(desk, { owners: ['approvers'] })
  t.match(await desk.decide(id, answerOf('ana@example.com')), { code: 'self_approval' })
  t.match(await desk.decide(id, answerOf('di@example.com', 'deny')), { code: 'not_an_approver' })
  t.match(await desk.decide(id, answerOf('billing-bot')), { code: 'not_an_approver' })
  t.equal(desk.get(id)?.state, 'pending')
  t.equal(records.filter((record) => record.type === 'approval.refused').length, 3)
  t.match(await desk.withdrawByOwner(id, { person: 'di@example.com', channel: 'api' }), {
    code: 'not_an_owner',
  })
  await desk.withdrawByOwner(id, { person: 'bo@example.com', channel: 'api' })
  t.match(desk.get(id), { state: 'withdrawn', withdrawnCause: 'owner' })
})

t.test('an answer to another text is refused', async (t) => {
  const { desk } = await openDesk(t)
  const { id } = await openOne(desk)
  const answer = { ...answerOf('ana@example.com'), statementSha256: 'f'.repeat(64) }
  t.match(await desk.decide(id, answer), { kind: 'changed' })
  t.equal(desk.get(id)?.state, 'pending')
})

t.test('a changed meaning ends the request for all who wait, an approval too', async (t) => {
  const { desk } = await openDesk(t)
  const { id, binding } = await openOne(desk)
  await desk.open(draftOf(), 'line-2')
  await desk.ticket(id, HOLDER, true)
  await desk.decide(id, answerOf('ana@example.com'))
  await desk.withdraw(id, 'changed', HOLDER)
  t.match(desk.get(id), { state: 'withdrawn', withdrawnCause: 'changed' })
  t.equal(await desk.spend(id, binding), false)
})

t.test('without a record nothing is decided or spent', async (t) => {
  const fixture = await openDesk(t)
  const { desk } = fixture
  const { id, binding } = await openOne(desk)
  fixture.recordTrouble = new Error('disk full')
  await t.rejects(desk.decide(id, answerOf('ana@example.com')), /disk full/)
  await t.rejects(openOne(desk, { binding: 'other' }), /disk full/)
  t.equal(desk.get(id)?.state, 'pending')
  fixture.recordTrouble = null
  await desk.decide(id, answerOf('ana@example.com'))
  fixture.recordTrouble = new Error('disk full')
  await t.rejects(desk.spend(id, binding), /disk full/)
  fixture.recordTrouble = null
  t.equal(await desk.spend(id, binding), true, 'it was not used up')
})

t.test('an agent can not flood the people, nor ask for what nobody can read', async (t) => {
  const { desk } = await openDesk(t)
  const statement = 'x'.repeat(1024 * 1024 + 1)
  await t.rejects(openOne(desk, { statement }), { code: 'STATEMENT_DENIED' })
  await t.rejects(openOne(desk, { statementSha256: 'f'.repeat(64) }), { code: 'INTERNAL' })
  for (let at = 0; at < 200; at++) await openOne(desk, { binding: `b${at}` })
  await t.rejects(openOne(desk, { binding: 'one more' }), { code: 'GATE_UNAVAILABLE' })
  await openOne(desk, { agent: 'other-bot' })
})

t.test('a restart keeps what was decided, and a torn line costs nothing', async (t) => {
  const data = t.testdir({})
  const first = await openDesk(t, { data })
  const approved = await openOne(first.desk)
  const pending = await openOne(first.desk, { binding: 'p' })
  const ticket = await openOne(first.desk, { binding: 't' })
  await first.desk.decide(approved.id, answerOf('ana@example.com'))
  await first.desk.spend(approved.id, approved.binding)
  await first.desk.ticket(ticket.id, HOLDER, false)
  const path = join(data, 'approvals', 'requests.ndjson')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(data, 'approvals')).mode & 0o777, 0o700)
  appendFileSync(path, `{"op":"request","request":{"id":"${pending.id}","state":"appro`)

  const { clock } = first
  const second = await openDesk(t, { data, clock })
  t.equal(await second.desk.spend(approved.id, approved.binding), false, 'spent stays spent')
  const again = await openOne(second.desk)
  t.equal(again.history.approved, 1, 'and counts as history')
  t.equal(again.history.lastBy, 'ana@example.com')
  t.match(second.desk.announce([{ id: ticket.id, binding: 't' }], 'line-9'), [])
  clock.advance(15_000)
  await second.desk.stop()
  t.match(second.desk.get(pending.id), { state: 'withdrawn', withdrawnCause: 'disconnected' })
  t.equal(second.desk.get(ticket.id)?.state, 'pending', 'a ticket needs no connection')
})

t.test('a hold that is announced again after a restart goes on', async (t) => {
  const data = t.testdir({})
  const first = await openDesk(t, { data })
  const { id, binding } = await openOne(first.desk)
  const { clock } = first
  const { desk } = await openDesk(t, { data, clock })
  t.match(desk.announce([{ id, binding }], 'line-2'), [])
  t.match(desk.announce([{ id, binding: 'other' }], 'line-2'), [{ kind: 'withdrawn' }])
  t.match(desk.announce([{ id: 'unknown', binding }], 'line-2'), [{ kind: 'withdrawn' }])
  clock.advance(15_000)
  await desk.decide(id, answerOf('ana@example.com'))
  t.match(desk.announce([{ id, binding }], 'line-3'), [{ kind: 'approved' }])
})

t.test('a log that is damaged in its middle is not read over', async (t) => {
  const data = t.testdir({})
  const { desk, store } = await openDesk(t, { data })
  await openOne(desk)
  await openOne(desk, { binding: 'b' })
  await store.close()
  const path = join(data, 'approvals', 'requests.ndjson')
  const [line = '', ...rest] = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, [line.slice(0, -9), ...rest].join('\n'))
  await t.rejects(ApprovalStore.open({ data }), /damaged at line 1/)
})
