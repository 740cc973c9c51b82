import t from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { codeOf, connect } from '../support/e2e-client.ts'
import { POSTGRES_VERSIONS, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'
import { SHOP } from '../support/shop.ts'

/** Makes the server ask for passwords in another way; superusers keep their own. */
async function askFor(db: TestPostgres, method: string, encryption: string): Promise<void> {
  const { rows } = await db.query('SHOW hba_file')
  const lines = [
    'local all all trust',
    `host all ${db.user} 127.0.0.1/32 ${method}`,
    'host all all 127.0.0.1/32 scram-sha-256',
  ]
  const program = `COPY (SELECT unnest(string_to_array($$${lines.join('|')}$$, '|'))) TO '${rows[0].hba_file}'`
  await db.query(program)
  await db.query(
    `SET password_encryption = '${encryption}'; ALTER ROLE ${db.user} PASSWORD '${db.password}'; SELECT pg_reload_conf()`,
  )
}

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: the way to the database`, async (t) => {
    const folder = t.testdir({})
    const tls = writeCertificate(folder)
    const db = await startPostgres(t, { version, schema: SHOP, tls })
    const ask = async (url: string) => {
      const proxy = await startCountersign(t, { upstream: url })
      const client = await connect(t, proxy)
      const { rows } = await client.query(
        'SELECT ssl, coalesce(version, $1) AS version FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
        ['none'],
      )
      await proxy.kill('SIGTERM')
      return rows[0]
    }

    t.test('sslmode is kept', async (t) => {
      const full = `${db.url}?sslmode=verify-full&sslrootcert=${tls.cert}`
      t.match(await ask(full), { ssl: true, version: 'TLSv1.3' })
      t.match(await ask(`${db.url}?sslmode=require`), { ssl: true })
      t.match(await ask(db.url), { ssl: true }, 'prefer takes what is there')
      t.match(await ask(`${db.url}?sslmode=disable`), { ssl: false })
    })

    t.test('a database that cannot prove who it is gets no password', async (t) => {
      const other = writeCertificate(folder, 'other')
      for (const options of [
        `sslmode=verify-full&sslrootcert=${other.cert}`,
        'sslmode=verify-full',
      ]) {
        const started = startCountersign(t, { upstream: `${db.url}?${options}` })
        await t.rejects(started, /certificate|self.signed/i, options)
      }
      const named = db.url.replace('127.0.0.1', 'localhost')
      t.match(await ask(`${named}?sslmode=verify-full&sslrootcert=${tls.cert}`), { ssl: true })
    })

    for (const [method, encryption] of [
      ['scram-sha-256', 'scram-sha-256'],
      ['md5', 'md5'],
      ['password', 'scram-sha-256'],
    ] as const) {
      t.test(`the server may ask for ${method}`, async (t) => {
        await askFor(db, method, encryption)
        for (const sslmode of ['disable', 'require']) {
          const proxy = await startCountersign(t, { upstream: `${db.url}?sslmode=${sslmode}` })
          const client = await connect(t, proxy)
          t.equal(await codeOf(client.query('SELECT 1')), 'done', sslmode)
          await proxy.kill('SIGTERM')
        }
      })
    }
  })
}
