import t, { type Test } from 'tap'
import { linePair } from '../../src/approval/gate-line.ts'
import { parseControlMessage, parseDataMessage } from '../../src/approval/gate-messages.ts'
import { GateServer } from '../../src/approval/gate-server.ts'
import { openLocalGate } from '../../src/approval/local-gate.ts'
import { RemoteGate } from '../../src/approval/remote-gate.ts'
import { answerOf, type DeskFixture, draftOf, nextEvent, openDesk } from './fixtures.ts'

interface GateFixture extends DeskFixture {
  readonly gate: RemoteGate
  readonly server: GateServer
  /** Brings up a new line; returns what cuts it. */
  join(): () => void
}

async function openGate(t: Test): Promise<GateFixture> {
  const fixture = await openDesk(t)
  const { desk, clock } = fixture
  const urlOf = (id: string) => `http://localhost/v1/approvals/${id}`
  const server = new GateServer({ desk, urlOf, log: () => {} })
  const gate = new RemoteGate({ clock })
  const join = () => {
    const { ends, cut } = linePair()
    server.connect(ends[1])
    gate.connect(ends[0])
    return cut
  }
  return Object.assign(fixture, { gate, server, join })
}

/** Lets what is on its way over the line arrive. */
async function settled(fixture: DeskFixture): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  await fixture.store.setMessage('none', { channel: '', ts: '', shown: '' })
}

t.test('a hold is opened, approved, spent once and settled over the line', async (t) => {
  const { desk, clock } = await openDesk(t)
  const gate = openLocalGate({ desk, clock })
  const { id, url, how, resolution } = await gate.open(draftOf())
  t.match({ url, how }, { url: `http://localhost/v1/approvals/${id}`, how: 'new' })
  await desk.decide(id, answerOf('ana@example.com'))
  const by = ['ana@example.com']
  t.same(await resolution, { kind: 'approved', id, by, cleared: [], grant: null })
  const { binding } = draftOf()
  t.same(await Promise.all([gate.spend(id, binding), gate.spend(id, binding)]), [true, false])
  const done = nextEvent(desk, (event) => event.type === 'settled')
  gate.settle(id, { rows: 1, ms: 2, sqlState: null })
  t.equal((await done).request.state, 'executed')
})

t.test('without a line nothing is opened or spent, and that is not a denial', async (t) => {
  const { gate, desk, join } = await openGate(t)
  await t.rejects(gate.open(draftOf()), { code: 'GATE_UNAVAILABLE' })
  await t.rejects(gate.spend('r1', 'b'), { code: 'GATE_UNAVAILABLE' })
  const cut = join()
  const opening = gate.open(draftOf())
  cut()
  await t.rejects(opening, { code: 'GATE_UNAVAILABLE' }, 'the line broke on the way')
  t.equal([...desk.all()].length, 0)
})

t.test('a control process that does not answer is away', async (t) => {
  const fixture = await openGate(t)
  const { gate, clock } = fixture
  const { ends } = linePair()
  gate.connect(ends[0])
  const opening = gate.open(draftOf())
  clock.advance(10_000)
  await t.rejects(opening, { code: 'GATE_UNAVAILABLE' })
  const said: unknown[] = []
  ends[1].onMessage((message) => said.push(message))
  ends[1].send({ type: 'opened', ref: 1, id: 'r1', url: 'u', how: 'new' })
  await settled(fixture)
  const withdraw = { type: 'withdraw', id: 'r1', cause: 'disconnected' }
  t.same(said, [withdraw], 'what is opened too late is withdrawn')
})

t.test('a hold outlives its line and gets what was decided meanwhile, once', async (t) => {
  const fixture = await openGate(t)
  const { gate, desk, join } = fixture
  const cut = join()
  const held = await gate.open(draftOf())
  let resolved = 0
  void held.resolution.then(() => resolved++)
  cut()
  t.equal(gate.holding, 1)
  await desk.decide(held.id, answerOf('ana@example.com'))
  await settled(fixture)
  t.equal(resolved, 0, 'nobody could be told')
  join()
  t.match(await held.resolution, { kind: 'approved' })
  t.equal(gate.holding, 0)
  t.equal(await gate.spend(held.id, draftOf().binding), true)
})

t.test(
  'a line that stays away ends the hold on the other side, and the client hears it',
  async (t) => {
    const fixture = await openGate(t)
    const { gate, desk, clock, join } = fixture
    const cut = join()
    const held = await gate.open(draftOf())
    cut()
    const withdrawn = nextEvent(desk, (event) => event.type === 'resolved')
    clock.advance(15_000)
    t.match((await withdrawn).request, { state: 'withdrawn', withdrawnCause: 'disconnected' })
    join()
    t.match(await held.resolution, { kind: 'withdrawn' })
  },
)

t.test('sessions that share a request leave one by one', async (t) => {
  const fixture = await openGate(t)
  const { gate, desk, join } = fixture
  join()
  const first = await gate.open(draftOf())
  const second = await gate.open(draftOf({ session: 's2' }))
  t.equal(second.how, 'joined')
  gate.withdraw(first.id, 'cancelled')
  await settled(fixture)
  t.equal(desk.get(first.id)?.state, 'pending', 'the other one still waits')
  const withdrawn = nextEvent(desk, (event) => event.type === 'resolved')
  gate.withdraw(first.id, 'cancelled')
  t.match((await withdrawn).request, { state: 'withdrawn', withdrawnCause: 'cancelled' })
  t.match(await second.resolution, { kind: 'withdrawn' })
})

t.test('one that turns into a ticket leaves the others waiting', async (t) => {
  const fixture = await openGate(t)
  const { gate, desk, join } = fixture
  join()
  const first = await gate.open(draftOf())
  const second = await gate.open(draftOf({ session: 's2' }))
  gate.ticket(first.id)
  await settled(fixture)
  t.equal(desk.get(first.id)?.waiting, 'ticket')
  await desk.decide(first.id, answerOf('ana@example.com', 'deny'))
  t.match(await second.resolution, { kind: 'rejected', by: 'ana@example.com' })
})

t.test('a ticket that was signed is redeemed by sending the statement again, once', async (t) => {
  const { gate, desk, join } = await openGate(t)
  join()
  const { id } = await gate.open(draftOf())
  gate.ticket(id)
  gate.withdraw(id, 'disconnected')
  await desk.decide(id, answerOf('ana@example.com'))
  const again = await gate.open(draftOf({ session: 's2' }))
  t.match(again, { id, how: 'joined' })
  t.match(await again.resolution, { kind: 'approved', by: ['ana@example.com'] })
  t.equal(await gate.spend(id, draftOf().binding), true)
  const third = await gate.open(draftOf({ session: 's3' }))
  t.match(third, { how: 'new' })
  t.not(third.id, id)
})

t.test('what was said while the line was down is said on the next one', async (t) => {
  const fixture = await openGate(t)
  const { gate, desk, join } = fixture
  const cut = join()
  const one = await gate.open(draftOf())
  const two = await gate.open(draftOf({ binding: 'b2' }))
  cut()
  gate.withdraw(one.id, 'cancelled')
  gate.ticket(two.id)
  join()
  await settled(fixture)
  t.match(desk.get(one.id), { state: 'withdrawn', withdrawnCause: 'cancelled' })
  t.match(desk.get(two.id), { state: 'pending', waiting: 'ticket' })
})

t.test('the reason of a refusal reaches the session', async (t) => {
  const fixture = await openGate(t)
  fixture.join()
  fixture.recordTrouble = new Error('disk full')
  await t.rejects(fixture.gate.open(draftOf()), { code: 'GATE_UNAVAILABLE', message: /disk full/ })
  const hash = { statementSha256: '0'.repeat(64) }
  await t.rejects(fixture.gate.open(draftOf(hash)), { code: 'INTERNAL' })
  const odd = { holdMs: Number.NaN }
  await t.rejects(fixture.gate.open(draftOf(odd)), { message: /not understood/ })
})

t.test('a message that is not one is never acted upon', async (t) => {
  const spend = { type: 'spend', ref: 1, id: 'r1', binding: 'b' }
  t.same(parseDataMessage(spend), spend)
  const wrong: readonly unknown[] = [
    null,
    'spend',
    { ...spend, more: 1 },
    { ...spend, ref: -1 },
    { ...spend, id: 7 },
    { type: 'approve', id: 'r1' },
    {
      type: 'open',
      ref: 1,
      draft: { ...draftOf(), requirements: [{ rule: 'r', by: [], count: 0 }] },
    },
    { type: 'withdraw', id: 'r1', cause: 'boredom' },
  ]
  for (const message of wrong) t.equal(parseDataMessage(message), null)
  t.equal(
    parseControlMessage({ type: 'resolved', resolution: { kind: 'approved', id: 'r1' } }),
    null,
  )
  t.equal(parseControlMessage({ type: 'spent', ref: 1, ok: 'yes' }), null)
})

t.test('an agent is told of its own requests, and of each what to do next', async (t) => {
  const fixture = await openGate(t)
  const { gate, desk, clock, join } = fixture
  await t.rejects(gate.list('billing-bot', null), { code: 'GATE_UNAVAILABLE' }, 'no denial either')
  join()
  const open = async (name: string, agent = 'billing-bot') => {
    const statement = `DROP TABLE ${name}`
    const { id } = await gate.open(draftOf({ statement, agent }))
    return id
  }
  const named = async (id: string) => (await gate.list('billing-bot', id)).map((one) => one.message)
  const [first, denied, own, ran, other] = [
    await open('a'),
    await open('b'),
    await open('c'),
    await open('d'),
    await open('e', 'another-bot'),
  ]
  const ids = async (agent: string) => (await gate.list(agent, null)).map(({ id }) => id)
  t.same((await ids('billing-bot')).sort(), [first, denied, own, ran].sort())
  t.same(await ids('another-bot'), [other])
  t.same(await gate.list('billing-bot', other), [], "nobody else's, by its id either")
  t.same(await gate.list('BILLING-BOT', null), [])
  t.match(await gate.list('billing-bot', first), [
    { state: 'pending', statement: 'DROP TABLE a', url: `http://localhost/v1/approvals/${first}` },
  ])
  t.match(await named(first), [/A person decides at http.*Send exactly the same statement/])
  await desk.decide(first, answerOf('bo@example.com'))
  t.match(await named(first), [/^Approved\. Send exactly the same statement before 2026/])
  await desk.decide(denied, { ...answerOf('bo@example.com', 'deny'), reason: 'not today' })
  t.match(await named(denied), [/^Rejected by bo@example\.com: not today\. Do not rephrase/])
  await desk.withdrawByOwner(own, { person: 'owner@example.com', channel: 'api' })
  await desk.decide(ran, answerOf('bo@example.com'))
  await gate.spend(ran, draftOf({ statement: 'DROP TABLE d' }).binding)
  t.match(await named(ran), [/^Approved and sent/])
  gate.settle(ran, { rows: null, ms: 1, sqlState: '42P01' })
  await settled(fixture)
  t.match(await named(ran), [/failed \(42P01\)/])
  clock.advance(1_800_001)
  t.match(await named(first), [/^(Nobody decided in time|Approved)/])
  const long = await open(`x /* ${'😀'.repeat(300)} */`)
  t.equal([...((await gate.list('billing-bot', long))[0]?.statement ?? '')].length, 200)
})
