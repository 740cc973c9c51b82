import { chmodSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { connectMysqlClient } from '../../src/config/mysql-upstream-client.ts'
import type { Upstream } from '../../src/config/upstream-url.ts'
import { MYSQL_FLAVOURS, startMysql } from '../support/mysql.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'

const PASSWORD = 'hunter2'
const OPTIONS = {
  user: 'app',
  password: PASSWORD,
  database: 'shop',
  system: 'mysql' as const,
}

/** The last column of the one row. */
async function ask(upstream: Upstream, sql: string): Promise<unknown> {
  const connection = await connectMysqlClient(upstream, 'a test')
  try {
    const [rows] = await connection.query({ sql, rowsAsArray: true })
    return (rows as unknown as readonly (readonly unknown[])[])[0]?.at(-1)
  } finally {
    await connection.end()
  }
}

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: TLS is as sslmode says`, async (t) => {
    const folder = t.testdir({})
    chmodSync(folder, 0o755)
    const { cert, key } = writeCertificate(folder)
    chmodSync(key, 0o644)
    const server = await startMysql(t, flavour, {
      schema: "CREATE USER app IDENTIFIED BY 'hunter2'; GRANT ALL ON shop.* TO app",
      settings: {
        'ssl-cert': cert,
        'ssl-key': key,
        'bind-address': '0.0.0.0',
        socket: 'mysqld.sock',
      },
    })
    if (!server) return t.comment(`SKIPPED: there is no ${flavour} on this machine`)
    const at = (options: Upstream['options'], host = '127.0.0.1'): Upstream => ({
      ...OPTIONS,
      host,
      port: server.port,
      options,
    })
    const cipher = (upstream: Upstream) => ask(upstream, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    t.equal(await cipher(at({ sslmode: 'disable' })), '')
    t.ok(await cipher(at({})), 'prefer')
    t.ok(await cipher(at({ sslmode: 'require' })))
    await t.rejects(cipher(at({ sslmode: 'verify-full' })), /certificate/)
    await t.rejects(cipher(at({ sslmode: 'verify-ca' })), /certificate/)
    const known = { sslrootcert: cert }
    t.ok(await cipher(at({ ...known, sslmode: 'verify-ca' })))
    t.ok(await cipher(at({ ...known, sslmode: 'verify-ca' }, '127.0.0.2')), 'another name')
    t.ok(await cipher(at({ ...known, sslmode: 'verify-full' })))
    t.ok(await cipher(at({ ...known, sslmode: 'verify-full' }, 'localhost')))
    await t.rejects(cipher(at({ ...known, sslmode: 'verify-full' }, '127.0.0.2')), /127\.0\.0\.2/)
    await t.rejects(cipher(at({ sslmode: 'maybe' })), /sslmode=maybe/)
    for (const path of ['/data', '/data/mysqld.sock']) {
      t.equal(await cipher(at({ sslmode: 'require' }, server.folder + path)), '', 'a unix socket')
    }

    await t.test('its sessions', async (t) => {
      const connection = await connectMysqlClient(at({}), 'a test')
      const rows = async (sql: string) => (await connection.query(sql))[0]
      t.same(await rows("SELECT 9007199254740993 AS n, DATE '2026-01-31' AS d"), [
        { n: '9007199254740993', d: '2026-01-31' },
      ])
      await t.rejects(rows('SELECT 1; SELECT 2'), /syntax/)
      await t.rejects(rows("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t"))
      if (flavour === 'mysql') {
        t.same(
          await rows(`SELECT ATTR_VALUE AS name FROM performance_schema.session_account_connect_attrs
            WHERE ATTR_NAME = 'program_name' AND PROCESSLIST_ID = CONNECTION_ID()`),
          [{ name: 'a test' }],
        )
      }
      await connection.end()
      const error = await ask({ ...at({}), user: 'nobody' }, 'SELECT 1').catch((e: Error) => e)
      t.notMatch(JSON.stringify(error, Object.getOwnPropertyNames(error)), /hunter2/)
    })
  })
}

t.test('a server without TLS gets the password only where the mode allows', async (t) => {
  const server = await startMysql(t, 'mariadb', {
    schema: "CREATE USER app IDENTIFIED BY 'hunter2'; GRANT ALL ON shop.* TO app",
    settings: { ssl: '0' },
  })
  if (!server) throw new Error('there is no MariaDB')
  const at = (options: Upstream['options']): Upstream => ({
    ...OPTIONS,
    host: '127.0.0.1',
    port: server.port,
    options,
  })
  t.equal(Number(await ask(at({}), 'SELECT 1')), 1, 'prefer')
  await t.rejects(ask(at({ sslmode: 'require' }), 'SELECT 1'), /secure connection/)
})

/** Greets as MySQL without TLS, and answers the login with whatever the test says. */
async function startImpostor(
  t: { teardown(fn: () => unknown): unknown },
  answers: readonly Buffer[],
): Promise<{ port: number; heard: () => Buffer }> {
  let heard = Buffer.alloc(0)
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let step = 0
    const send = (payload: Buffer, sequence: number) => {
      const header = Buffer.from([payload.length & 0xff, payload.length >> 8, 0, sequence])
      socket.write(Buffer.concat([header, payload]))
    }
    send(GREETING, 0)
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes])
      const answer = answers[step++]
      if (answer) send(answer, (bytes[3] ?? 0) + 1)
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, heard: () => heard }
}

/** Protocol 10, 8.0.36, capabilities without CLIENT_SSL, caching_sha2_password. */
const GREETING = Buffer.concat([
  Buffer.from('\x0a8.0.36\0'),
  Buffer.from([1, 0, 0, 0]),
  Buffer.from('12345678\0'),
  Buffer.from([0xff, 0xf7, 45, 2, 0, 0xff, 0x01, 21]),
  Buffer.alloc(10),
  Buffer.from('abcdefghijkl\0caching_sha2_password\0'),
])

t.test('the password is kept from whoever asks for it in clear', async (t) => {
  const switchTo = (plugin: string) =>
    Buffer.concat([Buffer.from(`\xfe${plugin}\0`, 'latin1'), Buffer.from('12345678abcdefghijkl\0')])
  const key = Buffer.concat([Buffer.of(1), Buffer.from('-----BEGIN PUBLIC KEY-----')])
  const cases: readonly (readonly [string, readonly Buffer[]])[] = [
    ['its own key', [switchTo('caching_sha2_password'), Buffer.of(1, 4), key]],
    ['sha256_password', [switchTo('sha256_password'), key]],
    ['mysql_clear_password', [switchTo('mysql_clear_password')]],
  ]
  for (const [name, answers] of cases) {
    const impostor = await startImpostor(t, answers)
    // An address that doesn't say that it is this machine's: somebody may stand between.
    const far = { ...OPTIONS, host: '0.0.0.0', port: impostor.port, options: {} }
    const error = await connectMysqlClient(far, 'a test').catch((e: Error) => e)
    t.match(String(error), /asks for|signs in by/, name)
    t.notMatch(impostor.heard().toString('latin1'), /hunter2/)
  }
})
