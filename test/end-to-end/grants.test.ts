import t, { type Test } from 'tap'
import {
  APPROVER,
  type Countersign,
  OWNER,
  type ShownRequest,
  startCountersign,
} from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { codeOf, connectAgent, errorFrom, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'

const TICKETS = `
  CREATE TABLE tickets (id integer PRIMARY KEY, state varchar(20) NOT NULL);
  INSERT INTO tickets VALUES ${Array.from({ length: 20 }, (_, at) => `(${at + 1}, 'open')`)};
  CREATE TABLE others (id integer PRIMARY KEY, state varchar(20) NOT NULL);
  INSERT INTO others VALUES (1, 'open');
`
/** Of tickets: every write and every read of one column needs a signature. */
const RULES = [
  {
    name: 'by-hand',
    when: { effect: ['read', 'write', 'unbounded-write'], tables: ['*.tickets', '*.others'] },
    // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
    then: { approve: { by: ['approvers'] } },
  },
]
const closing = (upTo: number) => `UPDATE tickets SET state = 'closed' WHERE id <= ${upTo}`

for (const side of ONE_SIDE_EACH) t.test(side.name, (t) => grants(t, side))

async function grants(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: { postgres: TICKETS, mysql: TICKETS } })
  if (!db) return
  const proxy = await startCountersign(t, { upstream: db.upstream, config: { rules: RULES } })
  const connect = (says = {}) => connectAgent(t, side, proxy, says)
  const waiting = (sql: string) => proxy.pending((request) => request.statement === sql)
  const closed = async () => (await db.run("SELECT id FROM tickets WHERE state = 'closed'")).length
  const none = async () => t.same(await proxy.requests(), [], 'nobody is asked')
  t.beforeEach(() => db.run("UPDATE tickets SET state = 'open'"))

  t.afterEach(async () => {
    await denyAll(proxy)
    for (const { id } of await grantsOf(proxy)) await revoke(proxy, id)
  })

  /** Has a statement approved for its shape; answers the grant's id. */
  const granted = async (sql: string, terms: object) => {
    const client = await connect()
    const done = codeOf(client.query(sql))
    const { id, grantable } = await waiting(sql)
    t.equal(grantable, true)
    t.equal((await decide(proxy, id, { scope: 'shape', ...terms })).status, 200)
    t.equal(await done, 'done')
    const { grant } = await proxy.request(id)
    return (grant as { readonly id: string }).id
  }

  t.test('what is held already goes by a grant of its shape, within its rows', async (t) => {
    const held = (await connect()).query(closing(3))
    const tooMany = codeOf((await connect()).query(closing(9)))
    const other = codeOf((await connect()).query("UPDATE others SET state = 'closed'"))
    await waiting(closing(3))
    const past = await waiting(closing(9))
    await waiting("UPDATE others SET state = 'closed'")
    await granted(closing(2), { max_rows: 5 })
    await held
    t.equal(await closed(), 3)
    const again = await proxy.pending(({ id, statement }) => {
      return statement === closing(9) && id !== past.id
    })
    t.equal(
      again.grantable,
      false,
      'what goes past its rows is taken back, and asked for by itself',
    )
    t.same((await proxy.requests()).map(({ statement }) => statement).sort(), [
      "UPDATE others SET state = 'closed'",
      closing(9),
    ])
    await denyAll(proxy)
    t.match([await tooMany, await other].map(String), [/./, /./])
    t.equal(await closed(), 3)
  })

  t.test('a shape runs with other constants, and no more rows than were granted', async (t) => {
    const grant = await granted(closing(2), { max_rows: 3 })
    t.equal(await closed(), 2)
    const client = await connect()
    await client.query(closing(3))
    t.equal(await closed(), 3)
    await none()
    t.match(await grantOf(proxy, grant), { state: 'active', uses: 2, max_rows: 3, by: [APPROVER] })
    t.match(await usesOf(proxy, grant), [
      { state: 'executed', outcome: { rows: 3 } },
      { state: 'executed', outcome: { rows: 2 } },
    ])

    await db.run("UPDATE tickets SET state = 'open'")
    const more = codeOf(client.query(closing(4)))
    const asked = await waiting(closing(4))
    t.equal(await closed(), 0, 'what went past it was taken back')
    t.match(JSON.stringify(asked.reasons), `changes 4 rows, more than the 3 that grant ${grant}`)
    t.equal(asked.grantable, false)
    t.match(await decide(proxy, asked.id, { scope: 'shape' }), { status: 403, code: 'only_once' })
    await proxy.approve(asked.id)
    t.equal(await more, 'done')
    t.equal(await closed(), 4)
    const [undone] = await usesOf(proxy, grant)
    t.match(undone, { state: 'failed', outcome: { rows: null, sqlState: 'ZA001' } })
  })

  t.test("in the agent's transaction it is counted, too", async () => {
    await granted(closing(1), { max_rows: 3 })
    const client = await connect()
    await client.query('BEGIN')
    await client.query(closing(2))
    t.match(await errorFrom(client.query(closing(5))), { code: '42501', message: /taken back/ })
    await codeOf(client.query('ROLLBACK'))
    await none()
  })

  t.test('rows that it sends are counted as they leave', async (t) => {
    const reading = (upTo: number) => `SELECT id FROM tickets WHERE id <= ${upTo} ORDER BY id`
    await granted(reading(1), { max_rows: 3 })
    const client = await connect()
    t.equal((await client.query(reading(3))).length, 3)
    await none()
    const sql = reading(5)
    const rows = client.query(sql)
    const asked = await waiting(sql)
    t.match(JSON.stringify(asked.reasons), /sends more than the 3 rows that grant/)
    await proxy.approve(asked.id)
    t.equal((await rows).length, 5)
  })

  t.test('nothing else is covered by it', async (t) => {
    await granted(closing(1), { max_rows: 20 })
    const client = await connect({ hold: '200ms' })
    const quick = (sql: string, values?: readonly unknown[]) => codeOf(client.query(sql, values))
    t.equal(await quick(closing(2)), 'done')
    for (const sql of [
      closing(2).replace('<=', '>='),
      closing(2).replace('closed', 'closed').replace('tickets', 'others'),
      `${closing(2)} OR state = 'open'`,
      "UPDATE tickets SET state = 'closed'",
      'DELETE FROM tickets WHERE id <= 1',
      `${closing(2)}; ${closing(3)}`,
    ]) {
      t.not(await quick(sql), 'done', sql)
    }
    t.equal(await quick(closing(2).replace('2', '?'), [2]), 'ZA001', 'a parameter is no constant')
    t.equal(await closed(), 2)
    const other = await connect({ hold: '200ms', onBehalfOf: 'di@example.com' })
    t.equal(await codeOf(other.query(closing(2))), 'ZA001', 'for somebody else')
  })

  t.test('nor is what differs in the order of its parts', async (t) => {
    const either = (one: number, other: number) =>
      `UPDATE tickets SET state = CASE WHEN id < ${one} THEN 'low' WHEN state = 'open' THEN 'mid' END WHERE id < ${other}`
    await granted(either(2, 3), { max_rows: 20 })
    const client = await connect({ hold: '200ms' })
    t.equal(await codeOf(client.query(either(3, 4))), 'done')
    const turned = `UPDATE tickets SET state = CASE WHEN state = 'open' THEN 'mid' WHEN id < 2 THEN 'low' END WHERE id < 3`
    t.equal(await codeOf(client.query(turned)), 'ZA001')
  })

  t.test('it ends when it is revoked, and with the right of those who gave it', async (t) => {
    const grant = await granted(closing(1), { max_rows: 20 })
    const client = await connect({ hold: '200ms' })
    t.equal(await codeOf(client.query(closing(2))), 'done')
    const { stdout } = await cli(proxy, 'grants', 'ls')
    t.match(
      stdout,
      new RegExp(`${grant} +active +bot +UPDATE on .*tickets, shop, at most 20 rows each`),
    )
    t.equal(await revoke(proxy, 'nothing'), 404)
    t.equal(await revoke(proxy, grant, OWNER), 200)
    t.equal(await codeOf(client.query(closing(3))), 'ZA001')
    t.equal(await revoke(proxy, grant), 410)
    t.match(await grantOf(proxy, grant), { state: 'revoked', revoked_by: OWNER })
    const kinds = proxy.records().flatMap((one) => (one.grant === grant ? one.type : []))
    t.same([...new Set(kinds)].sort(), ['approval.resolved', 'grant.made', 'grant.revoked'])
  })

  t.test('an owner grants nothing, and what is shown in clear is shown once', async (t) => {
    const client = await connect({ hold: '200ms' })
    t.equal(await codeOf(client.query(closing(9))), 'ZA001')
    const { id } = await waiting(closing(9))
    const by = (person: string, body: object) => decide(proxy, id, body, person)
    t.match(await by(OWNER, { scope: 'shape' }), { status: 403, code: 'self_approval' })
    for (const wrong of [
      { scope: 'shape', minutes: 0 },
      { scope: 'shape', max_rows: 0 },
      { scope: 'shape', minutes: 100_000 },
      { scope: 'shape', clear: ['pii.email'] },
      { scope: 'once', minutes: 5 },
      { scope: 'for ever' },
    ]) {
      t.equal((await by(APPROVER, wrong)).status, 422, JSON.stringify(wrong))
    }
    t.equal((await proxy.request(id)).state, 'pending')
  })
}

async function decide(proxy: Countersign, id: string, body: object, person = APPROVER) {
  const answer = await proxy.api(`/v1/approvals/${id}/decisions`, {
    body: { decision: 'approve', ...body },
    person,
  })
  const { error } = (await answer.json()) as { readonly error?: { readonly code: string } }
  return { status: answer.status, code: error?.code }
}

async function grantsOf(proxy: Countersign): Promise<readonly { readonly id: string }[]> {
  const answer = await (await proxy.api('/v1/grants')).json()
  return (answer as { grants: { readonly id: string }[] }).grants
}

async function grantOf(proxy: Countersign, id: string): Promise<unknown> {
  return (await grantsOf(proxy)).find((one) => one.id === id)
}

async function revoke(proxy: Countersign, id: string, person = APPROVER): Promise<number> {
  return (await proxy.api(`/v1/grants/${id}/revoke`, { body: {}, person })).status
}

async function cli(proxy: Countersign, ...args: string[]): Promise<{ readonly stdout: string }> {
  const person = ['--url', proxy.control, '--token', proxy.tokenOf(APPROVER)]
  return { stdout: (await proxy.run(...args, ...person)).out }
}

/** What was approved by a grant, newest first, once it is known what became of it. */
async function usesOf(proxy: Countersign, grant: string): Promise<readonly ShownRequest[]> {
  const answer = await (await proxy.api('/v1/approvals')).json()
  const { approvals } = answer as { readonly approvals: readonly ShownRequest[] }
  const uses = approvals.filter((one) => idOf(one.grant) === grant)
  return Promise.all(uses.map(({ id }) => proxy.settled(id, 'approved')))
}

function idOf(grant: unknown): unknown {
  return (grant as { readonly id?: unknown } | null)?.id
}
