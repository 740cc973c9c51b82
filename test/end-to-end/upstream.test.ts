import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import {
  codeOf,
  connectAgent,
  NEWEST_SIDES,
  type Side,
  type SideServer,
} from '../support/e2e-sides.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'

/** Each makes the server ask for passwords in another way. */
const METHODS: Readonly<Record<Side['flavour'], readonly (readonly [string, Ask])[]>> = {
  postgres: [
    ['scram-sha-256', (db) => askFor(db, 'scram-sha-256', 'scram-sha-256')],
    ['md5', (db) => askFor(db, 'md5', 'md5')],
    ['password', (db) => askFor(db, 'password', 'scram-sha-256')],
  ],
  mariadb: [['mysql_native_password', (db) => identify(db, "BY 'plain-password'")]],
  // What the server has kept of it is forgotten, so that it asks for the whole password.
  mysql: [
    [
      'caching_sha2_password',
      (db) => identify(db, "WITH caching_sha2_password BY 'plain-password'"),
    ],
  ],
}

type Ask = (db: SideServer) => Promise<unknown>

const identify: (db: SideServer, how: string) => Promise<unknown> = (db, how) =>
  db.run(`ALTER USER plain IDENTIFIED ${how}`)

/** Superusers keep their own way. */
async function askFor(db: SideServer, method: string, encryption: string): Promise<void> {
  const { username, password } = new URL(db.plain)
  const [shown] = await db.run('SHOW hba_file')
  const lines = [
    'local all all trust',
    `host all ${username} 127.0.0.1/32 ${method}`,
    'host all all 127.0.0.1/32 scram-sha-256',
  ]
  await db.run(
    `COPY (SELECT unnest(string_to_array($$${lines.join('|')}$$, '|'))) TO '${shown?.hba_file}'`,
  )
  await db.run(`SET password_encryption = '${encryption}';
    ALTER ROLE ${username} PASSWORD '${password}'; SELECT pg_reload_conf()`)
}

/** How the session to the database is protected: TLSv1.3, or nothing. */
const PROTECTION = {
  postgres: 'SELECT version AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
  mysql: "SHOW SESSION STATUS LIKE 'Ssl_version'",
} as const

for (const side of NEWEST_SIDES) {
  t.test(side.name, (t) => upstream(t, side))
}

async function upstream(t: Test, side: Side): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o711)
  const tls = writeCertificate(folder)
  // MySQL's servers read it as the user that they run as.
  if (side.system === 'mysql') chmodSync(tls.key, 0o644)
  const db = await side.start(t, { tls })
  if (!db) return
  const first = await startCountersign(t, { upstream: db.upstream })
  await first.kill('SIGTERM')
  const start = (upstream: string) => startCountersign(t, { upstream, like: first })
  const ask = async (url: string): Promise<string> => {
    const proxy = await start(url)
    const client = await connectAgent(t, side, proxy)
    const [row] = await client.query(PROTECTION[side.system])
    await proxy.kill('SIGTERM')
    return String(row?.value ?? row?.Value ?? '')
  }

  askedBy(t, side, db, start)
  // How it is reached is the same code for MySQL and MariaDB.
  if (side.flavour === 'mysql') return

  t.test('sslmode is kept', async (t) => {
    const full = `${db.plain}?sslmode=verify-full&sslrootcert=${tls.cert}`
    t.equal(await ask(full), 'TLSv1.3')
    t.match(await ask(db.plain), /^TLS/, 'prefer takes what is there')
    t.equal(await ask(`${db.plain}?sslmode=disable`), '')
    t.equal(await ask(db.bySocket), '', 'a unix socket needs none')
  })

  t.test('a database that cannot prove who it is gets no password', async (t) => {
    const other = writeCertificate(folder, 'other')
    for (const options of [
      `sslmode=verify-full&sslrootcert=${other.cert}`,
      'sslmode=verify-full',
      `sslmode=verify-ca&sslrootcert=${other.cert}`,
    ]) {
      const started = start(`${db.plain}?${options}`)
      await t.rejects(started, /certificate|self.signed/i, options)
    }
    const named = db.plain.replace('127.0.0.1', 'localhost')
    t.match(await ask(`${named}?sslmode=verify-full&sslrootcert=${tls.cert}`), /^TLS/)
  })

  t.test('a wrong password is told at the start, and not shown', async (t) => {
    const { password } = new URL(db.plain)
    const wrong = db.plain.replace(password, 'mistaken-word')
    await t.rejects(start(wrong), {
      message: /^(?!.*mistaken-word)(?=.*shop)/s,
    })
  })
}

/** Each way in which the server may ask for the password, with TLS and without. */
function askedBy(
  t: Test,
  side: Side,
  db: SideServer,
  start: (upstream: string) => Promise<Countersign>,
): void {
  for (const [method, prepare] of METHODS[side.flavour]) {
    t.test(`the server may ask for ${method}`, async (t) => {
      for (const sslmode of ['disable', 'require']) {
        await prepare(db)
        const proxy = await start(`${db.plain}?sslmode=${sslmode}`)
        const client = await connectAgent(t, side, proxy)
        t.equal(await codeOf(client.query('SELECT 1')), 'done', sslmode)
        await proxy.kill('SIGTERM')
      }
    })
  }
}
