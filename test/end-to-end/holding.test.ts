import { once } from 'node:events'
import { serialize } from 'pg-protocol'
import t from 'tap'
import { APPROVER, OWNER, startCountersign } from '../support/countersign.ts'
import {
  cancel,
  codeOf,
  connect,
  denyAll,
  errorFrom,
  exists,
  loginOf,
} from '../support/e2e-client.ts'
import { errorOf, letters, RawClient } from '../support/e2e-raw.ts'
import { POSTGRES_VERSIONS, startPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

const BRIEFLY = { options: '-c countersign.hold=300ms' }

for (const version of POSTGRES_VERSIONS) {
  t.test(`PostgreSQL, ${version}`, async (t) => {
    const db = await startPostgres(t, { version, schema: SHOP })
    const proxy = await startCountersign(t, { upstream: db.superuserUrl })
    const waiting = (statement: string) =>
      proxy.pending((request) => request.statement === statement)
    t.afterEach(() => denyAll(proxy))

    t.test('a held DROP TABLE runs once a person has signed, and not before', async (t) => {
      await db.query('CREATE TABLE victim (id integer)')
      const client = await connect(t, proxy)
      const notices: string[] = []
      client.on('notice', (notice) => notices.push(notice.message ?? ''))
      const dropped = codeOf(client.query('DROP TABLE victim'))
      const request = await waiting('DROP TABLE victim')
      t.match(request, { effects: ['ddl'], agent: 'bot' })
      t.equal(await exists(db, 'victim'), true, 'nothing has run')
      await proxy.approve(request.id)
      t.equal(await dropped, 'done')
      t.equal(await exists(db, 'victim'), false)
      t.match(notices[0], new RegExp(request.id), 'the client was told that it waits')
      t.match(await proxy.settled(request.id, 'approved'), { state: 'executed' })
    })

    t.test('a rejected statement never reaches the database, and why is told', async (t) => {
      const client = await connect(t, proxy)
      const dropped = errorFrom(client.query('DROP TABLE orders'))
      await proxy.decide((await waiting('DROP TABLE orders')).id, 'deny', 'not on a Sunday')
      t.match(await dropped, { code: '42501', message: /not on a Sunday/ })
      t.equal(await exists(db, 'orders'), true)
      t.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1, 'the session goes on')
    })

    t.test('an owner of the agent cannot sign for it', async (t) => {
      const client = await connect(t, proxy)
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
      await db.query('CREATE TABLE ticketed (id integer)')
      const client = await connect(t, proxy, BRIEFLY)
      const first = await errorFrom(client.query('DROP TABLE ticketed'))
      t.match(first, { code: 'ZA001', message: /request \w+, http.*exactly the same statement/ })
      const request = await waiting('DROP TABLE ticketed')
      t.match(first.message, request.id, 'the message names the request')
      const again = await errorFrom(client.query('DROP  TABLE ticketed -- please'))
      t.match(again, { code: 'ZA002', message: new RegExp(request.id) })
      await proxy.approve(request.id)
      t.equal(await exists(db, 'ticketed'), true, 'an approval alone runs nothing')
      const other = await connect(t, proxy, BRIEFLY)
      t.equal(await codeOf(other.query('DROP TABLE orders')), 'ZA001', 'it is for no other text')
      t.equal(await codeOf(other.query('DROP TABLE ticketed')), 'done', 'any connection redeems it')
      await db.query('CREATE TABLE ticketed (id integer)')
      const spent = await errorFrom(client.query('DROP TABLE ticketed'))
      t.equal(spent.code, 'ZA001', 'it was for one execution')
      t.notMatch(spent.message, request.id, 'and is another request now')
      t.equal(await exists(db, 'ticketed'), true)
    })

    t.test('two connections that redeem one ticket at once run it once', async (t) => {
      const text = "UPDATE scratch SET note = note || '+'"
      await db.query("TRUNCATE scratch; INSERT INTO scratch VALUES (1, '')")
      const clients = await Promise.all(Array.from({ length: 6 }, () => connect(t, proxy, BRIEFLY)))
      t.equal(await codeOf((clients[0] as (typeof clients)[0]).query(text)), 'ZA001')
      await proxy.approve((await waiting(text)).id)
      const codes = await Promise.all(clients.map((client) => codeOf(client.query(text))))
      t.equal(codes.filter((code) => code === 'done').length, 1, codes.join(' '))
      t.equal((await db.query('SELECT note FROM scratch')).rows[0].note, '+')
    })

    t.test('other values, another path, another person: each is another statement', async (t) => {
      const client = await connect(t, proxy, BRIEFLY)
      const text = 'UPDATE scratch SET note = $1::text'
      t.equal(await codeOf(client.query(text, ['1'])), 'ZA001')
      await proxy.approve((await waiting(text)).id)
      t.equal(await codeOf(client.query(text, ['2'])), 'ZA001', 'another value')
      const elsewhere = await connect(t, proxy, {
        options: '-c search_path=pg_catalog,public -c countersign.hold=300ms',
      })
      t.equal(await codeOf(elsewhere.query(text, ['1'])), 'ZA001', 'another path')
      const claimed = await connect(t, proxy, {
        options: '-c countersign.on_behalf_of=eve@example.com -c countersign.hold=300ms',
      })
      t.equal(await codeOf(claimed.query(text, ['1'])), 'ZA001', 'another person behind it')
      t.equal(await codeOf(client.query(text, ['1'])), 'done')
    })

    t.test('a ticket that was denied is told, once', async (t) => {
      const client = await connect(t, proxy, BRIEFLY)
      const text = 'TRUNCATE scratch RESTART IDENTITY'
      t.equal(await codeOf(client.query(text)), 'ZA001')
      await proxy.decide((await waiting(text)).id, 'deny', 'not on a Sunday')
      const told = await errorFrom(client.query(text))
      t.match(told, { code: '42501', message: /not on a Sunday/ })
      t.equal(await codeOf(client.query(text)), 'ZA001', 'who insists asks anew')
    })

    t.test('a prepared statement is signed for one execution', async (t) => {
      const client = await connect(t, proxy, BRIEFLY)
      const query = { name: 'again', text: 'TRUNCATE scratch' }
      t.equal(await codeOf(client.query(query)), 'ZA001')
      await proxy.approve((await waiting(query.text)).id)
      t.equal(await codeOf(client.query(query)), 'done')
      t.equal(await codeOf(client.query(query)), 'ZA001')
    })

    t.test('in a transaction the refusal fails it, as an error of the server would', async (t) => {
      const client = await connect(t, proxy, BRIEFLY)
      await client.query('BEGIN')
      await client.query("INSERT INTO scratch VALUES (9, 'in transaction')")
      t.match(await errorFrom(client.query('TRUNCATE scratch CASCADE')), {
        code: 'ZA001',
        message: /start the transaction again/,
      })
      t.equal(await codeOf(client.query('SELECT 1')), '25P02')
      await client.query('ROLLBACK')
      const { rows } = await client.query('SELECT count(*)::int AS n FROM scratch WHERE id = 9')
      t.equal(rows[0].n, 0)
    })

    t.test('a signed statement in a transaction commits or rolls back with it', async (t) => {
      const client = await connect(t, proxy)
      await client.query('BEGIN')
      const dropped = codeOf(client.query('DROP VIEW contacts'))
      const request = await waiting('DROP VIEW contacts')
      t.equal(request.in_transaction, true)
      await proxy.approve(request.id)
      t.equal(await dropped, 'done')
      await client.query('ROLLBACK')
      t.equal(await exists(db, 'contacts'), true)
    })

    t.test('the statements before and behind a held one keep their order', async (t) => {
      await db.query('CREATE TABLE in_order (id integer)')
      const { client } = await RawClient.login(proxy.port, loginOf(proxy))
      client.send(
        serialize.query("INSERT INTO scratch VALUES (20, 'before')"),
        serialize.query('DROP TABLE in_order'),
        serialize.query("SELECT to_regclass('in_order') IS NULL"),
      )
      t.equal(letters(await client.until('Z')), 'CZ', 'what came before is answered first')
      await proxy.approve((await waiting('DROP TABLE in_order')).id)
      t.match(letters(await client.until('Z')), /^N+CZ$/)
      t.equal(letters(await client.until('Z')), 'TDCZ')
      client.destroy()
    })

    t.test('a held Bind in a pipeline: nothing of it runs before, all of it after', async (t) => {
      await db.query('CREATE TABLE piped (id integer)')
      const { client } = await RawClient.login(proxy.port, loginOf(proxy))
      const step = (text: string) => [
        serialize.parse({ text }),
        serialize.bind({}),
        serialize.execute({}),
      ]
      const pipeline = [
        ...step("INSERT INTO scratch VALUES (30, 'piped')"),
        ...step('DROP TABLE piped'),
        ...step("INSERT INTO scratch VALUES (31, 'piped')"),
        serialize.sync(),
      ]
      client.send(...pipeline)
      const { id } = await waiting('DROP TABLE piped')
      const { rows } = await db.query('SELECT count(*)::int AS n FROM scratch WHERE id IN (30, 31)')
      t.equal(rows[0].n, 0, 'nothing of a held batch has run')
      await proxy.decide(id, 'deny')
      const refused = await client.until('Z')
      t.equal(errorOf(refused).C, '42501')
      t.match(letters(refused), /^N*12C1EZ$/, 'the first part, one error, then only ReadyForQuery')
      client.send(...pipeline)
      await proxy.approve((await waiting('DROP TABLE piped')).id)
      t.match(letters(await client.until('Z')), /^N*12C12C12CZ$/)
      t.equal(await exists(db, 'piped'), false)
      client.destroy()
    })

    t.test('a cancel withdraws the request and answers 57014', async (t) => {
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      const { id } = await waiting('DROP TABLE scratch')
      await cancel(client, proxy)
      t.equal(await dropped, '57014')
      t.match(await proxy.settled(id), { state: 'withdrawn' })
      t.equal((await client.query('SELECT 2 AS two')).rows[0].two, 2)
    })

    t.test('a client that goes away withdraws its request', async (t) => {
      const client = await connect(t, proxy)
      void codeOf(client.query('DROP TABLE scratch'))
      const { id } = await waiting('DROP TABLE scratch')
      client.connection.stream.destroy()
      t.match(await proxy.settled(id), { state: 'withdrawn' })
      t.equal((await proxy.decide(id, 'approve')).status, 410)
      t.equal(await exists(db, 'scratch'), true)
    })

    t.test('a view that is replaced while its statement waits makes it a new one', async (t) => {
      await db.query('CREATE VIEW seen AS SELECT 1 AS a')
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP VIEW seen'))
      const first = await waiting('DROP VIEW seen')
      await db.query('CREATE OR REPLACE VIEW seen AS SELECT 2 AS a')
      await proxy.approve(first.id)
      const second = await proxy.pending(
        ({ id, statement }) => id !== first.id && statement === 'DROP VIEW seen',
      )
      t.equal(await exists(db, 'seen'), true, 'the first signature was for the other view')
      await proxy.approve(second.id)
      t.equal(await dropped, 'done')
      t.match(await proxy.request(first.id), { state: 'withdrawn' })
    })

    t.test(
      'of a pipeline no two statements wait, and none behind what changes its meaning',
      async (t) => {
        const client = await connect(t, proxy)
        const { connection } = client
        const errors: string[] = []
        connection.on('errorMessage', (error: { code?: string; message?: string }) =>
          errors.push(`${error.code} ${error.message}`),
        )
        const pipeline = async (...texts: string[]) => {
          for (const text of texts) {
            connection.parse({ name: '', text, types: [] }, true)
            connection.bind({}, true)
            connection.execute({}, true)
          }
          connection.sync()
          await once(connection, 'readyForQuery')
          return errors.splice(0)
        }
        t.match(await pipeline('TRUNCATE scratch', 'DROP TABLE scratch'), [
          /42501 several statements/,
        ])
        t.match(await pipeline("SET TimeZone = 'UTC'", 'DROP TABLE scratch'), [
          /42501 .* behind SET/,
        ])
        t.same(await proxy.requests(), [], 'nobody was asked')
        t.equal(await exists(db, 'scratch'), true)
      },
    )

    t.test('a path that changes in the same query is not signed unseen', async (t) => {
      const client = await connect(t, proxy)
      const text = 'SET search_path = pg_temp; DROP TABLE scratch'
      const answer = codeOf(client.query(text))
      const request = await waiting(text)
      t.equal(request.statement, text, 'the whole query is shown and decided as one')
      await proxy.decide(request.id, 'deny')
      t.equal(await answer, '42501')
    })

    t.test('SIGTERM withdraws what is held and exits with 0', async (t) => {
      const client = await connect(t, proxy)
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      await waiting('DROP TABLE scratch')
      await proxy.kill('SIGTERM')
      t.equal(await dropped, '57P01')
      t.equal(proxy.exitCode, 0, proxy.stderr)
      t.equal(await exists(db, 'scratch'), true)
      const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
      t.equal(code, 0, out)
      await proxy.start()
    })
  })
}
