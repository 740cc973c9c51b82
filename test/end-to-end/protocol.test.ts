import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import {
  cancelKeyOf,
  cancelRequest,
  errorOf,
  fieldsOf,
  int32,
  letters,
  RawClient,
  type RawMessage,
  rowsOf,
  startupPacket,
  typed,
  untyped,
} from '../support/e2e-raw.ts'
import { startPostgres } from '../support/postgres.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'
import { SHOP } from '../support/shop.ts'

const SSL_REQUEST = untyped(int32(80877103))
const GSSENC_REQUEST = untyped(int32(80877104))
const PROTOCOL_3_2 = (3 << 16) | 2
const TLS_FACE = { ALPNProtocols: ['postgresql'], servername: 'localhost' }
const EVERYWHERE = { postgres: '127.0.0.1:0', control: '127.0.0.1:0' }

const valuesOf = (messages: readonly RawMessage[]) => rowsOf(messages).flat().map(String)

async function open(t: Test, proxy: Countersign): Promise<RawClient> {
  const client = await RawClient.open(proxy.port)
  t.teardown(() => client.destroy())
  return client
}

async function login(
  t: Test,
  proxy: Countersign,
  more: { version?: number; parameters?: Record<string, string> } = {},
): Promise<{ client: RawClient; greeting: readonly RawMessage[] }> {
  const client = await open(t, proxy)
  return { client, greeting: await client.authenticate({ ...loginOf(proxy), ...more }) }
}

t.test('the protocol, byte by byte', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const db = await startPostgres(t, { schema: SHOP })
  const tls = { ...writeCertificate(folder), require: false }
  const proxy = await startCountersign(t, {
    upstream: db.superuserUrl,
    config: { listen: { ...EVERYWHERE, tls, max_message: '1MiB' } },
  })

  t.test('SSLRequest, then TLS, then the login', async (t) => {
    const client = await open(t, proxy)
    client.send(SSL_REQUEST)
    t.equal(String(await client.read(1)), 'S')
    await client.secure({ servername: 'localhost' })
    t.match(letters(await client.authenticate(loginOf(proxy))), /^RRRRS+KZ$/)
    t.same(valuesOf(await client.query('SELECT 1')), ['1'])
  })

  t.test('bytes in clear behind SSLRequest or GSSENCRequest end the connection', async (t) => {
    for (const request of [SSL_REQUEST, GSSENC_REQUEST]) {
      const client = await open(t, proxy)
      client.send(request, startupPacket({ user: 'bot', database: 'shop' }))
      const answer = String(await client.read(5_000))
      t.match(answer, /08P01/, 'it says why')
      t.notMatch(answer, /SCRAM/, 'and takes no login from them')
    }
  })

  t.test('GSSENCRequest is answered N, and the login goes on', async (t) => {
    const client = await open(t, proxy)
    client.send(GSSENC_REQUEST)
    t.equal(String(await client.read(1)), 'N')
    t.equal(letters(await client.authenticate(loginOf(proxy))).at(-1), 'Z')
  })

  t.test('direct TLS needs the name of the protocol', async (t) => {
    const named = await open(t, proxy)
    await named.secure(TLS_FACE)
    t.equal(letters(await named.authenticate(loginOf(proxy))).at(-1), 'Z')
    for (const face of [{}, { ALPNProtocols: ['http/1.1'] }]) {
      const other = await open(t, proxy)
      const answer = await other
        .secure({ ...face, servername: 'localhost' })
        .then(() => other.authenticate(loginOf(proxy)))
        .catch(() => [])
      t.notMatch(letters(answer), /Z/, 'nobody else gets in')
    }
  })

  t.test('protocol 3.2 has long cancel keys; 3.0 short ones', async (t) => {
    const { greeting } = await login(t, proxy)
    t.equal(cancelKeyOf(greeting).length, 4 + 4)
    const { greeting: newer } = await login(t, proxy, { version: PROTOCOL_3_2 })
    t.equal(cancelKeyOf(newer).length, 4 + 32)
    t.notMatch(letters(newer), /v/, 'nothing to negotiate')
  })

  t.test('a newer version and unknown options are negotiated down', async (t) => {
    const { client, greeting } = await login(t, proxy, {
      version: (3 << 16) | 9,
      parameters: { '_pq_.later': 'on' },
    })
    t.equal(greeting[0]?.type, 'v')
    t.equal(greeting[0]?.frame.readInt32BE(5), PROTOCOL_3_2)
    t.match(String(greeting[0]?.frame), /_pq_\.later/)
    t.same(valuesOf(await client.query('SELECT 1')), ['1'])
    const ancient = await login(t, proxy, { version: 2 << 16 })
    t.equal(errorOf(ancient.greeting).C, '08P01')
  })

  t.test('a setting that is not on the list is refused by its name', async (t) => {
    for (const [name, parameters] of Object.entries({
      replication: { replication: 'database' },
      session_preload_libraries: { session_preload_libraries: 'evil' },
      standard_conforming_strings: { options: '-c standard_conforming_strings=off' },
      row_security: { options: '--row-security=off' },
      role: { options: '-crole=postgres' },
      client_encoding: { client_encoding: 'SJIS' },
      search_path: { search_path: 'public, (SELECT 1)' },
      'countersign.unheard': { options: '-c countersign.unheard=1' },
    })) {
      const { greeting } = await login(t, proxy, { parameters })
      t.match(errorOf(greeting), { C: '42501', S: 'FATAL' }, name)
      t.match(errorOf(greeting).M, name)
    }
    const { client } = await login(t, proxy, {
      parameters: {
        application_name: 'x',
        client_encoding: 'utf-8',
        DateStyle: 'German',
        options: '-c extra_float_digits=1 -c search_path=pg_catalog,\\ public --TimeZone=UTC',
      },
    })
    t.same(valuesOf(await client.query('SHOW search_path')), ['pg_catalog, public'])
    t.same(valuesOf(await client.query("SELECT '2020-01-02'::date")), ['02.01.2020'])
  })

  t.test('FunctionCall is refused and the session lives', async (t) => {
    const { client } = await login(t, proxy)
    // pg_sleep by oid, without arguments: whatever it says, nothing of it is sent.
    client.send(typed('F', int32(2626), Buffer.alloc(6)))
    const refused = await client.until('Z')
    t.equal(letters(refused), 'EZ')
    t.equal(errorOf(refused).C, '0A000')
    t.same(valuesOf(await client.query('SELECT 1')), ['1'])
  })

  t.test('what is not a message of the protocol ends the session', async (t) => {
    const cases = {
      'an unknown type': typed('q', int32(1)),
      'a password in the middle': typed('p', Buffer.from('x\0')),
      'a length below its own size': Buffer.concat([Buffer.from('Q'), int32(3)]),
      'a length past the cap': Buffer.concat([Buffer.from('Q'), int32(0x7fffffff)]),
      'a query past the cap': serialize.query('x'.repeat(1024 * 1024)),
      'a query without its end': typed('Q', Buffer.from('SELECT 1')),
      'bytes behind a query': typed('Q', Buffer.from('SELECT 1\0SELECT 2\0')),
      'a Bind that is cut short': typed('B', Buffer.from('\0\0\0\x01')),
      'a negative count': typed('B', Buffer.from('\0\0\0\0\xff\xff', 'latin1')),
    }
    for (const [what, bytes] of Object.entries(cases)) {
      const { client } = await login(t, proxy)
      client.send(bytes)
      const said = await client.untilEnd()
      t.match(errorOf(said), { C: '08P01', S: 'FATAL' }, what)
    }
  })

  t.test('Terminate ends both connections', async (t) => {
    const { client } = await login(t, proxy)
    const [pid] = valuesOf(await client.query('SELECT pg_backend_pid()'))
    client.send(serialize.end())
    t.same(await client.untilEnd(), [])
    const gone = 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1'
    while ((await db.query(gone, [pid])).rows[0].n > 0) await after(10)
    t.pass('the backend has gone')
  })

  t.test('several batches in one write are answered in order', async (t) => {
    const { client } = await login(t, proxy)
    const batch = (number: number) => [
      serialize.parse({ text: 'SELECT $1::int' }),
      serialize.bind({ values: [String(number)] }),
      serialize.execute({}),
      serialize.sync(),
    ]
    const count = 500
    client.send(...Array.from({ length: count }, (_, number) => batch(number)).flat())
    for (let number = 0; number < count; number++) {
      const answer = await client.until('Z')
      if (letters(answer) !== '12DCZ' || valuesOf(answer)[0] !== String(number)) {
        t.fail(`answer ${number} is ${letters(answer)} ${valuesOf(answer)}`)
      }
    }
    t.same(valuesOf(await client.query('SELECT 1')), ['1'])
  })

  t.test('every byte by itself is understood too', async (t) => {
    const { client } = await login(t, proxy)
    const bytes = Buffer.concat([
      serialize.parse({ text: 'SELECT $1::text' }),
      serialize.bind({ values: ['slow'] }),
      serialize.execute({}),
      serialize.sync(),
    ])
    for (const byte of bytes) {
      client.send(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.same(valuesOf(await client.until('Z')), ['slow'])
  })

  t.test('Flush without Sync is answered', async (t) => {
    const { client } = await login(t, proxy)
    client.send(serialize.parse({ text: 'SELECT 7' }), serialize.describe({ type: 'S' }))
    client.send(serialize.flush())
    t.equal(letters(await client.until('T')), '1tT')
    client.send(serialize.bind({}), serialize.execute({}), serialize.flush())
    t.equal(letters(await client.until('C')), '2DC')
    client.send(serialize.sync())
    t.equal(letters(await client.until('Z')), 'Z')
  })

  t.test('a refusal skips to Sync as an error of the server does', async (t) => {
    const parameters = { options: '-c countersign.hold=0' }
    const { client } = await login(t, proxy, { parameters })
    for (const around of [[], [serialize.query('BEGIN')]]) {
      if (around.length > 0) {
        client.send(...around)
        await client.until('Z')
      }
      client.send(
        serialize.parse({ text: 'DROP TABLE scratch' }),
        serialize.bind({}),
        serialize.execute({}),
        serialize.query('SELECT 1'),
        serialize.parse({ text: 'SELECT 2' }),
        serialize.bind({}),
        serialize.execute({}),
        serialize.sync(),
      )
      const answer = await client.until('Z')
      t.match(letters(answer), /^N?1?N?EZ$/, 'one error, and nothing of what stands behind it')
      t.match(errorOf(answer).C, /^ZA00[12]$/)
      t.equal(answer.at(-1)?.frame.at(5), around.length > 0 ? 0x45 : 0x49, 'the state is true')
    }
    await client.query('ROLLBACK')
    t.same(valuesOf(await client.query('SELECT 3')), ['3'])
  })

  t.test('LISTEN hears NOTIFY, also while the session is idle', async (t) => {
    const { client } = await login(t, proxy)
    await client.query('LISTEN news')
    await db.query('NOTIFY news')
    t.match(String((await client.until('A')).at(-1)?.frame), /news\0\0$/)
    await db.query("NOTIFY news, 'extra'")
    const heard = String((await client.until('A')).at(-1)?.frame)
    t.match(heard, /news\0\[redacted\]\0$/, 'nobody knows what others put into it')
    const own = await client.query("NOTIFY news, 'mine'")
    t.match(own.map(({ frame }) => String(frame)).join(''), /news\0mine\0/)
  })

  t.test('a cancel reaches the statement that runs', async (t) => {
    const running = "SELECT FROM pg_stat_activity WHERE query = $1 AND state = 'active'"
    for (const version of [3 << 16, PROTOCOL_3_2]) {
      const { client, greeting } = await login(t, proxy, { version })
      for (let round = 0; round < 10; round++) {
        const text = `SELECT pg_sleep(30), ${round}`
        client.send(serialize.query(text))
        // A server that isn't told to run anything yet has nothing to cancel.
        while ((await db.query(running, [text])).rowCount === 0) await after(10)
        const canceller = await open(t, proxy)
        canceller.send(cancelRequest(cancelKeyOf(greeting)))
        t.same(await canceller.untilEnd(), [], 'a cancel has no answer')
        t.equal(errorOf(await client.until('Z')).C, '57014')
        t.same(valuesOf(await client.query('SELECT 1')), ['1'])
      }
    }
  })

  t.test('and never the next one', async (t) => {
    const { client, greeting } = await login(t, proxy)
    let hits = 0
    for (let round = 0; round < 300; round++) {
      // The first is over at about the time at which the cancel arrives.
      client.send(serialize.query(`SELECT pg_sleep(${(round % 15) / 2000})`))
      const canceller = await RawClient.open(proxy.port)
      canceller.send(cancelRequest(cancelKeyOf(greeting)))
      const first = await client.until('Z')
      if (errorOf(first).C === '57014') hits++
      // The end of the cancel's connection says that it was taken.
      await canceller.closed()
      client.send(serialize.query(`SELECT pg_sleep(0.002), ${round}`))
      const second = await client.until('Z')
      if (valuesOf(second)[1] !== String(round)) t.fail(`round ${round}: ${errorOf(second).M}`)
    }
    t.comment(`${hits} of 300 cancels came in time`)
    t.ok(hits > 0)
  })

  t.test('a cancel with a wrong key does nothing', async (t) => {
    const { client, greeting } = await login(t, proxy)
    const key = cancelKeyOf(greeting)
    const wrong = [
      Buffer.concat([key.subarray(0, 4), int32(key.readUInt32BE(4) ^ 1)]),
      Buffer.concat([key, Buffer.alloc(28)]),
      Buffer.concat([int32(key.readUInt32BE(0) ^ 1), key.subarray(4)]),
      key.subarray(0, 7),
    ]
    client.send(serialize.query("SELECT pg_sleep(0.4), 'slept'"))
    for (const bytes of wrong) {
      const canceller = await open(t, proxy)
      canceller.send(cancelRequest(bytes))
      await canceller.closed()
    }
    t.equal(valuesOf(await client.until('Z'))[1], 'slept')
  })

  t.test('an unknown agent and a wrong password are told the same', async (t) => {
    const fails = async (user: string, password: string) => {
      const client = await open(t, proxy)
      return client.authenticate({ user, password, database: 'shop' })
    }
    const wrong = await fails('bot', 'wrong')
    const unknown = await fails('nobody', 'wrong')
    const again = await fails('nobody', 'right?')
    t.equal(letters(wrong), 'RRE')
    t.equal(letters(unknown), 'RRE')
    t.ok(wrong[0]?.frame.equals(unknown[0]?.frame as Buffer), 'the same mechanisms')
    t.ok(wrong[2]?.frame.equals(unknown[2]?.frame as Buffer), 'the same error, byte for byte')
    t.equal(wrong[1]?.frame.length, unknown[1]?.frame.length, 'challenges of one length')
    const salt = (messages: readonly RawMessage[]) =>
      /s=([^,]+),i=\d+$/.exec(String(messages[1]?.frame))
    t.equal(salt(unknown)?.[0], salt(again)?.[0], 'a salt that stays, as a real one does')
    t.match(salt(unknown)?.[0].slice(-7), salt(wrong)?.[0].slice(-7), 'and as many rounds')
    t.equal(fieldsOf(wrong[2] as RawMessage).C, '28P01')
    const wrongDatabase = await login(t, proxy, { parameters: { database: 'other' } })
    t.equal(errorOf(wrongDatabase.greeting).C, '3D000', 'what exists is told to those who are in')
  })
})

t.test('those who never finish their login', async (t) => {
  const db = await startPostgres(t, { schema: SHOP })

  t.test('are cut off at the deadline, however busily they drip', async (t) => {
    const listen = { ...EVERYWHERE, deadlines: { login: '400ms' } }
    const proxy = await startCountersign(t, { upstream: db.superuserUrl, config: { listen } })
    const silent = await open(t, proxy)
    const slow = await open(t, proxy)
    const dripping = setInterval(() => slow.send(Buffer.from([0])), 40)
    slow.send(Buffer.from([0, 0, 0x20, 0]))
    t.teardown(() => clearInterval(dripping))
    const half = await open(t, proxy)
    half.send(startupPacket({ user: 'bot', database: 'shop' }))
    for (const client of [silent, slow, half]) {
      t.match(errorOf((await client.untilEnd()).filter(({ type }) => type === 'E')).M, /timeout/)
    }
  })
})
