import { once } from 'node:events'
import net from 'node:net'
import pg from 'pg'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, OWNER, startCountersign } from '../support/countersign.ts'
import { POSTGRES_VERSIONS, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

async function connect(
  t: Test,
  proxy: Countersign,
  options: pg.ClientConfig = {},
): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: proxy.url, ...options })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end().catch(() => {}))
  return client
}

async function exists(db: TestPostgres, table: string): Promise<boolean> {
  const { rows } = await db.query('SELECT to_regclass($1) IS NOT NULL AS there', [table])
  return rows[0].there
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  )

for (const version of POSTGRES_VERSIONS) {
  t.test(`PostgreSQL, ${version}`, async (t) => {
    const db = await startPostgres(t, { version, schema: SHOP })
    const proxy = await startCountersign(t, { upstream: db.superuserUrl })

    t.test('a held DROP TABLE runs once a person has signed, and not before', async (t) => {
      await db.query('CREATE TABLE victim (id integer)')
      const client = await connect(t, proxy)
      const notices: string[] = []
      client.on('notice', (notice) => notices.push(notice.message ?? ''))
      const dropped = client.query('DROP TABLE victim')
      const request = await proxy.pending()
      t.match(request, { statement: 'DROP TABLE victim', effects: ['ddl'], agent: 'bot' })
      t.equal(await exists(db, 'victim'), true, 'nothing has run')
      await proxy.approve(request.id)
      t.equal((await dropped).command, 'DROP')
      t.equal(await exists(db, 'victim'), false)
      t.match(notices[0], new RegExp(request.id), 'the client was told that it waits')
      t.match(await proxy.settled(request.id, 'approved'), { state: 'executed' })
    })

    t.test(
      'a rejected statement never reaches the database, and the agent is told why',
      async (t) => {
        await db.query('CREATE TABLE kept (id integer)')
        const client = await connect(t, proxy)
        const dropped = client.query('DROP TABLE kept')
        const request = await proxy.pending()
        await proxy.decide(request.id, 'deny', 'not on a Sunday')
        await t.rejects(dropped, { code: '42501', message: /not on a Sunday/ })
        t.equal(await exists(db, 'kept'), true)
        t.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1, 'the session goes on')
      },
    )

    t.test('an owner of the agent cannot sign for it, by any channel', async (t) => {
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      const request = await proxy.pending()
      const answer = await proxy.decide(request.id, 'approve', 'mine', OWNER)
      t.equal(answer.status, 403)
      t.match(await answer.json(), { error: { code: 'self_approval' } })
      await proxy.decide(request.id, 'deny')
      t.equal(await dropped, '42501')
    })

    t.test('the owner who is signed in on the command line cannot either', async (t) => {
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      const request = await proxy.pending()
      const { code, err } = await proxy.run(
        'approvals',
        'approve',
        request.id,
        '--config',
        proxy.configPath,
        '--token',
        proxy.tokenOf(OWNER),
      )
      t.equal(code, 1)
      t.match(err, /own|self/i)
      await proxy.decide(request.id, 'deny')
      await dropped
    })

    t.test('past its hold the statement becomes a ticket that is redeemed once', async (t) => {
      await db.query('CREATE TABLE ticketed (id integer)')
      const client = await connect(t, proxy, { options: '-c countersign.hold=300ms' })
      const first = await client.query('DROP TABLE ticketed').catch((error) => error)
      t.match(first, { code: 'ZA001', message: /request \w+, http.*exactly the same statement/ })
      const request = await proxy.pending()
      t.match(first.message, request.id, 'the message names the request')
      const again = await client.query('DROP  TABLE ticketed -- please').catch((error) => error)
      t.match(again, { code: 'ZA002', message: new RegExp(request.id) })
      await proxy.approve(request.id)
      t.equal(await exists(db, 'ticketed'), true, 'an approval alone runs nothing')
      const other = await connect(t, proxy)
      t.equal(
        (await other.query('drop table ticketed')).command,
        'DROP',
        'any connection redeems it',
      )
      await db.query('CREATE TABLE ticketed (id integer)')
      const spent = await client.query('DROP TABLE ticketed').catch((error) => error)
      t.equal(spent.code, 'ZA001', 'it was for one execution')
      t.notMatch(spent.message, request.id, 'and is another request now')
    })

    t.test('other values are another statement', async (t) => {
      await db.query("INSERT INTO scratch VALUES (1, 'a'), (2, 'b')")
      const client = await connect(t, proxy, { options: '-c countersign.hold=200ms' })
      const text = 'DELETE FROM scratch WHERE $1::int = $1::int'
      t.equal(await codeOf(client.query(text, [1])), 'ZA001')
      const request = await proxy.pending(({ statement }) => statement === text)
      await proxy.approve(request.id)
      t.equal(await codeOf(client.query(text, [2])), 'ZA001')
      t.equal((await client.query(text, [1])).command, 'DELETE')
    })

    t.test('in a transaction the refusal fails it, as an error of the server would', async (t) => {
      const client = await connect(t, proxy, { options: '-c countersign.hold=200ms' })
      await client.query('BEGIN')
      await client.query("INSERT INTO scratch VALUES (9, 'in transaction')")
      await t.rejects(client.query('TRUNCATE scratch'), {
        code: 'ZA001',
        message: /start the transaction again/,
      })
      await t.rejects(client.query('SELECT 1'), { code: '25P02' })
      await client.query('ROLLBACK')
      const { rows } = await client.query('SELECT count(*)::int AS n FROM scratch WHERE id = 9')
      t.equal(rows[0].n, 0)
      await proxy.decide((await proxy.pending()).id, 'deny')
    })

    t.test('the statements before and behind a held one keep their order', async (t) => {
      await db.query('CREATE TABLE in_order (id integer)')
      const client = await connect(t, proxy)
      const answers = Promise.all([
        client.query("INSERT INTO scratch VALUES (20, 'before')"),
        client.query('DROP TABLE in_order'),
        client.query("SELECT to_regclass('in_order') AS gone"),
      ])
      const request = await proxy.pending()
      await proxy.approve(request.id)
      const [, , last] = await answers
      t.equal(last.rows[0].gone, null)
    })

    t.test('a cancel withdraws the request and answers 57014', async (t) => {
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      const request = await proxy.pending()
      await cancel(client, proxy)
      t.equal(await dropped, '57014')
      t.match(await proxy.settled(request.id), { state: 'withdrawn' })
      t.equal((await client.query('SELECT 2 AS two')).rows[0].two, 2)
    })

    t.test('a client that goes away withdraws its request', async (t) => {
      const client = await connect(t, proxy)
      void client.query('DROP TABLE scratch').catch(() => {})
      const request = await proxy.pending()
      client.connection.stream.destroy()
      t.match(await proxy.settled(request.id), { state: 'withdrawn' })
      t.equal((await proxy.decide(request.id, 'approve')).status, 410)
      t.equal(await exists(db, 'scratch'), true)
    })

    t.test(
      'a view that is replaced while its statement waits makes it a new request',
      async (t) => {
        await db.query('CREATE VIEW seen AS SELECT 1 AS a')
        const client = await connect(t, proxy)
        const dropped = client.query('DROP VIEW seen')
        const first = await proxy.pending()
        await db.query('CREATE OR REPLACE VIEW seen AS SELECT 2 AS a')
        await proxy.approve(first.id)
        const second = await proxy.pending(({ id }) => id !== first.id)
        await proxy.approve(second.id)
        t.equal((await dropped).command, 'DROP')
        t.match(await proxy.request(first.id), { state: 'withdrawn' })
      },
    )

    t.test('a path that changes in the same pipeline is not signed unseen', async (t) => {
      const client = await connect(t, proxy)
      const text = 'SET search_path = pg_temp; DROP TABLE scratch'
      const answer = codeOf(client.query(text))
      const request = await proxy.pending()
      t.equal(request.statement, text, 'the whole query is shown and decided as one')
      await proxy.decide(request.id, 'deny')
      t.equal(await answer, '42501')
    })

    t.test('SIGTERM withdraws what is held and exits with 0', async (t) => {
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      await proxy.pending()
      await proxy.kill('SIGTERM')
      t.equal(await dropped, '57P01')
      t.equal(proxy.exitCode, 0)
      t.equal(await exists(db, 'scratch'), true)
      const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
      t.equal(code, 0, out)
    })
  })
}

/** A CancelRequest as drivers send it: on a connection of its own, answered by its end. */
async function cancel(client: pg.Client, proxy: Countersign): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const socket = net.connect(proxy.port, '127.0.0.1')
  socket.write(serialize.cancel(processID, secretKey))
  socket.resume()
  await once(socket, 'close')
}
