import t, { type Test } from 'tap'
import { APPROVER, OWNER, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { codeOf, connectAgent, errorFrom, NEWEST_SIDES, type Side } from '../support/e2e-sides.ts'

const BRIEFLY = { hold: '300ms' }

for (const side of NEWEST_SIDES) t.test(side.name, (t) => holding(t, side))

async function holding(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const proxy = await startCountersign(t, { upstream: db.upstream })
  const waiting = (statement: string) => proxy.pending((request) => request.statement === statement)
  const connect = (t: Test, says = {}) => connectAgent(t, side, proxy, says)
  t.afterEach(() => denyAll(proxy))

  t.test('a held DROP TABLE runs once a person has signed, and not before', async (t) => {
    await db.run('CREATE TABLE victim (id integer)')
    const client = await connect(t, { claim: 'tidying up' })
    const dropped = codeOf(client.query('DROP TABLE victim'))
    const request = await waiting('DROP TABLE victim')
    t.match(request, { effects: ['ddl'], agent: 'bot', claim: 'tidying up' })
    t.equal(await db.exists('victim'), true, 'nothing has run')
    await proxy.approve(request.id)
    t.equal(await dropped, 'done')
    t.equal(await db.exists('victim'), false)
    t.match(await proxy.settled(request.id, 'approved'), { state: 'executed' })
  })

  t.test('a rejected statement never reaches the database, and why is told', async (t) => {
    const client = await connect(t)
    const dropped = errorFrom(client.query('DROP TABLE orders'))
    await proxy.decide((await waiting('DROP TABLE orders')).id, 'deny', 'not on a Sunday')
    t.match(await dropped, { code: '42501', message: /not on a Sunday/ })
    t.equal(await db.exists('orders'), true)
    t.same(await client.query('SELECT 1 AS one'), [{ one: 1 }], 'the session goes on')
  })

  t.test('an owner of the agent cannot sign for it', async (t) => {
    const client = await connect(t)
    const dropped = codeOf(client.query('DROP TABLE scratch'))
    const { id } = await waiting('DROP TABLE scratch')
    const answer = await proxy.decide(id, 'approve', 'mine', OWNER)
    t.equal(answer.status, 403)
    t.match(await answer.json(), { error: { code: 'self_approval' } })
    const command = await proxy.run(
      ...['approvals', 'approve', id, '--url', proxy.control, '--token', proxy.tokenOf(OWNER)],
    )
    t.equal(command.code, 1, 'nor on the command line')
    t.match(command.err, /own/i)
    const signed = await proxy.run(
      ...['approvals', 'deny', id, '--url', proxy.control, '--token', proxy.tokenOf(APPROVER)],
    )
    t.equal(signed.code, 0, signed.err)
    t.equal(await dropped, '42501', 'somebody else can decide there')
  })

  t.test('past its hold the statement becomes a ticket that is redeemed once', async (t) => {
    await db.run('CREATE TABLE ticketed (id integer)')
    const client = await connect(t, BRIEFLY)
    const first = await errorFrom(client.query('DROP TABLE ticketed'))
    t.match(first, { code: 'ZA001', message: /request \w+, http.*exactly the same statement/ })
    const request = await waiting('DROP TABLE ticketed')
    t.match(first.message, request.id, 'the message names the request')
    const again = await errorFrom(client.query('DROP  TABLE ticketed -- please'))
    t.match(again, { code: 'ZA002', message: new RegExp(request.id) })
    await proxy.approve(request.id)
    t.equal(await db.exists('ticketed'), true, 'an approval alone runs nothing')
    const other = await connect(t, BRIEFLY)
    t.equal(await codeOf(other.query('DROP TABLE orders')), 'ZA001', 'it is for no other text')
    t.equal(await codeOf(other.query('DROP TABLE ticketed')), 'done', 'any connection redeems it')
    await db.run('CREATE TABLE ticketed (id integer)')
    const spent = await errorFrom(client.query('DROP TABLE ticketed'))
    t.equal(spent.code, 'ZA001', 'it was for one execution')
    t.notMatch(spent.message, request.id, 'and is another request now')
    t.equal(await db.exists('ticketed'), true)
  })

  t.test('two connections that redeem one ticket at once run it once', async (t) => {
    const text = "UPDATE scratch SET note = concat(note, '+')"
    await db.run('TRUNCATE TABLE scratch')
    await db.run("INSERT INTO scratch VALUES (1, '')")
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect(t, BRIEFLY)))
    t.equal(await codeOf((clients[0] as (typeof clients)[0]).query(text)), 'ZA001')
    await proxy.approve((await waiting(text)).id)
    const codes = await Promise.all(clients.map((client) => codeOf(client.query(text))))
    t.equal(codes.filter((code) => code === 'done').length, 1, codes.join(' '))
    t.same(await db.run('SELECT note FROM scratch'), [{ note: '+' }])
  })

  t.test('other values, another zone, another person: each is another statement', async (t) => {
    const client = await connect(t, BRIEFLY)
    const text = `UPDATE scratch SET note = ${side.system === 'mysql' ? '?' : '$1::text'}`
    const update = (of: typeof client, value: string) =>
      codeOf(of.query(text.replace('$1', '?'), [value]))
    t.equal(await update(client, '1'), 'ZA001')
    const request = await waiting(text)
    t.match(request.parameters, [{ value: '1' }])
    await proxy.approve(request.id)
    t.equal(await update(client, '2'), 'ZA001', 'another value')
    const elsewhere = await connect(t, BRIEFLY)
    await elsewhere.query(
      side.system === 'mysql' ? "SET time_zone = '+05:00'" : "SET TimeZone = 'UTC+5'",
    )
    t.equal(await update(elsewhere, '1'), 'ZA001', 'another zone')
    const claimed = await connect(t, { ...BRIEFLY, onBehalfOf: 'eve@example.com' })
    t.equal(await update(claimed, '1'), 'ZA001', 'another person behind it')
    t.equal(await update(client, '1'), 'done')
    t.equal(await update(client, '1'), 'ZA001', 'and once')
  })

  t.test('a ticket that was denied is told, once', async (t) => {
    const client = await connect(t, BRIEFLY)
    const text = 'TRUNCATE TABLE scratch'
    t.equal(await codeOf(client.query(text)), 'ZA001')
    await proxy.decide((await waiting(text)).id, 'deny', 'not on a Sunday')
    const told = await errorFrom(client.query(text))
    t.match(told, { code: '42501', message: /not on a Sunday/ })
    t.equal(await codeOf(client.query(text)), 'ZA001', 'who insists asks anew')
  })

  t.test('in a transaction it is held briefly and told to start that again', async (t) => {
    const client = await connect(t, BRIEFLY)
    await client.query('BEGIN')
    await client.query("INSERT INTO scratch VALUES (9, 'in transaction')")
    t.match(await errorFrom(client.query('DELETE FROM scratch')), {
      code: 'ZA001',
      message: /start the transaction again/,
    })
    await client.query('ROLLBACK')
    t.same(await db.run('SELECT id FROM scratch WHERE id = 9'), [])
  })

  t.test('a signed statement in a transaction commits or rolls back with it', async (t) => {
    await db.run("INSERT INTO scratch VALUES (10, 'kept')")
    const client = await connect(t)
    await client.query('BEGIN')
    const deleted = codeOf(client.query('DELETE FROM scratch WHERE 1 = 1'))
    const request = await waiting('DELETE FROM scratch WHERE 1 = 1')
    t.equal(request.in_transaction, true)
    await proxy.approve(request.id)
    t.equal(await deleted, 'done')
    await client.query('ROLLBACK')
    t.equal((await db.run('SELECT id FROM scratch WHERE id = 10')).length, 1)
  })

  t.test('a cancel withdraws the request and answers as the server would', async (t) => {
    const client = await connect(t)
    const dropped = codeOf(client.query('DROP TABLE scratch'))
    const { id } = await waiting('DROP TABLE scratch')
    await client.cancel()
    t.equal(await dropped, '57014')
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.same(await client.query('SELECT 2 AS two'), [{ two: 2 }])
  })

  t.test('a client that goes away withdraws its request', async (t) => {
    const client = await connect(t)
    void codeOf(client.query('DROP TABLE scratch'))
    const { id } = await waiting('DROP TABLE scratch')
    client.destroy()
    t.match(await proxy.settled(id), { state: 'withdrawn' })
    t.equal((await proxy.decide(id, 'approve')).status, 410)
    t.equal(await db.exists('scratch'), true)
  })

  t.test('a view that is replaced while its statement waits makes it a new one', async (t) => {
    await db.run('CREATE VIEW seen AS SELECT 1 AS a')
    const client = await connect(t)
    const dropped = codeOf(client.query('DROP VIEW seen'))
    const first = await waiting('DROP VIEW seen')
    await db.run('CREATE OR REPLACE VIEW seen AS SELECT 2 AS a')
    await proxy.approve(first.id)
    const second = await proxy.pending(
      ({ id, statement }) => id !== first.id && statement === 'DROP VIEW seen',
    )
    t.equal(await db.exists('seen'), true, 'the first signature was for the other view')
    await proxy.approve(second.id)
    t.equal(await dropped, 'done')
    t.match(await proxy.request(first.id), { state: 'withdrawn' })
  })

  t.test('SIGTERM withdraws what is held and exits with 0', async (t) => {
    const client = await connect(t)
    const dropped = codeOf(client.query('DROP TABLE scratch'))
    await waiting('DROP TABLE scratch')
    await proxy.kill('SIGTERM')
    t.equal(await dropped, side.system === 'mysql' ? '08S01' : '57P01')
    t.equal(proxy.exitCode, 0, proxy.stderr)
    t.equal(await db.exists('scratch'), true)
    const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
    t.equal(code, 0, out)
    await proxy.start()
  })
}
