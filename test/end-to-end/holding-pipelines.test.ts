import { once } from 'node:events'
import { serialize } from 'pg-protocol'
import t from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { codeOf, connect, denyAll, errorFrom, exists, loginOf } from '../support/e2e-client.ts'
import { edit, rule } from '../support/e2e-config.ts'
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

    t.test('a client that waits is told so', async (t) => {
      const client = await connect(t, proxy)
      const notices: string[] = []
      client.on('notice', (notice) => notices.push(notice.message ?? ''))
      const dropped = codeOf(client.query('DROP TABLE scratch'))
      const { id } = await waiting('DROP TABLE scratch')
      await proxy.decide(id, 'deny')
      t.equal(await dropped, '42501')
      t.match(notices[0], new RegExp(id))
    })

    t.test('another path is another statement', async (t) => {
      const client = await connect(t, proxy, BRIEFLY)
      const text = 'UPDATE scratch SET note = $1::text'
      t.equal(await codeOf(client.query(text, ['1'])), 'ZA001')
      await proxy.approve((await waiting(text)).id)
      const elsewhere = await connect(t, proxy, {
        options: '-c search_path=pg_catalog,public -c countersign.hold=300ms',
      })
      t.equal(await codeOf(elsewhere.query(text, ['1'])), 'ZA001')
      t.equal(await codeOf(client.query(text, ['1'])), 'done')
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

    t.test('what stands behind a held one is judged by the rules of then', async (t) => {
      await db.query('CREATE TABLE kept (id integer)')
      const { client } = await RawClient.login(proxy.port, loginOf(proxy))
      const texts = ['DROP TABLE kept', "INSERT INTO scratch VALUES (40, 'behind')"]
      const steps = texts.flatMap((text) => [
        serialize.parse({ text }),
        serialize.bind({}),
        serialize.execute({}),
      ])
      client.send(...steps, serialize.sync())
      const { id } = await waiting('DROP TABLE kept')
      await edit(proxy, (config) => {
        config.rules = [rule('closed', { effect: 'write' }, { deny: 'the books are closed' })]
      })
      await proxy.approve(id)
      const answer = errorOf(await client.until('Z'))
      t.match(answer, { C: '42501', M: /the rules changed while another statement/ })
      t.equal(await exists(db, 'kept'), true, 'a pipeline is one transaction')
      const { rows } = await db.query('SELECT FROM scratch WHERE id = 40')
      t.same(rows, [])
      await edit(proxy, (config) => {
        delete config.rules
      })
      client.destroy()
    })

    t.test('a path that changes in the same query is not signed unseen', async (t) => {
      const client = await connect(t, proxy)
      const text = 'SET search_path = pg_temp; DROP TABLE scratch'
      const answer = codeOf(client.query(text))
      const request = await waiting(text)
      t.equal(request.statement, text, 'the whole query is shown and decided as one')
      await proxy.decide(request.id, 'deny')
      t.equal(await answer, '42501')
    })
  })
}
