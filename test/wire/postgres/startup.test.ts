import t from 'tap'
import type { ServerChannel } from '../../../src/wire/handshake-channel.ts'
import { cstring, int32, message } from '../../../src/wire/postgres/framing.ts'
import { openPostgres } from '../../../src/wire/postgres/startup.ts'
import { splitOptions } from '../../../src/wire/postgres/startup-options.ts'

/** A channel that holds all that a client sent, and keeps what it is answered. */
function channel(bytes: Buffer, options: { tls?: boolean } = {}) {
  let rest = bytes
  const written: Buffer[] = []
  let secured = false
  const server: ServerChannel = {
    read: async (count) => {
      if (rest.length < count) throw new Error('the connection closed')
      const taken = rest.subarray(0, count)
      rest = rest.subarray(count)
      return taken
    },
    peek: async () => rest[0] ?? 0,
    get buffered() {
      return rest.length
    },
    write: (answer) => written.push(answer),
    get tls() {
      return secured ? { description: 'TLS', certificate: null } : null
    },
    offersTls: options.tls ?? false,
    startTls: async () => {
      secured = true
    },
    remoteAddress: '127.0.0.1',
  }
  return { server, written: () => Buffer.concat(written) }
}

const packet = (code: number, ...parts: Buffer[]) => {
  const body = Buffer.concat([int32(code), ...parts])
  return Buffer.concat([int32(body.length + 4), body])
}
const startup = (parameters: Record<string, string>, version = 196608) =>
  packet(
    version,
    ...Object.entries(parameters).flatMap(([k, v]) => [cstring(k), cstring(v)]),
    Buffer.from([0]),
  )
const SSL = packet(80877103)
const GSS = packet(80877104)
const WHO = { user: 'bot', database: 'shop' }

const opened = (bytes: Buffer, options?: { tls?: boolean; required?: boolean }) => {
  const { server, written } = channel(bytes, options)
  return { result: openPostgres(server, { tlsRequired: options?.required ?? false }), written }
}

t.test('an ordinary startup is read, in the packet and in options', async (t) => {
  const { result } = opened(
    startup({
      ...WHO,
      application_name: 'psql',
      options:
        '-c TimeZone=UTC -cDateStyle=ISO --extra-float-digits=2 -c countersign.claim=tidy\\ up',
    }),
  )
  const opening = await result
  if (opening.kind !== 'session') throw new Error('no session')
  t.match(opening.hello, WHO)
  t.same(
    [...opening.hello.settings],
    [
      ['application_name', 'psql'],
      ['timezone', 'UTC'],
      ['datestyle', 'ISO'],
      ['extra_float_digits', '2'],
    ],
  )
  t.same([...opening.hello.own], [['claim', 'tidy up']])
  t.equal(opening.cancelKeyLength, 4)
})

t.test(
  'a setting that is not on the list is refused by its name, wherever it stands',
  async (t) => {
    for (const given of [
      { role: 'postgres' },
      { standard_conforming_strings: 'off' },
      { replication: 'database' },
      { Replication: 'true' },
      { options: '-c session_replication_role=replica' },
      { options: '--standard-conforming-strings=off' },
      { options: '-c row_security=off' },
    ] as Record<string, string>[]) {
      const name =
        /(\w[\w-]*)=/.exec(given.options ?? '')?.[1]?.replaceAll('-', '_') ?? Object.keys(given)[0]
      await t.rejects(opened(startup({ ...WHO, ...given })).result, {
        code: 'STARTUP_REFUSED',
        message: new RegExp(name ?? '', 'i'),
      })
    }
    await t.rejects(opened(startup({ ...WHO, options: '-B 1000' })).result, {
      code: 'STARTUP_REFUSED',
    })
  },
)

t.test('only UTF8, and only a literal search_path', async (t) => {
  for (const value of ['UTF8', 'utf-8', "'utf-8'", 'unicode'])
    await t.resolves(opened(startup({ ...WHO, client_encoding: value })).result)
  for (const value of ['SJIS', 'LATIN1', ''])
    await t.rejects(opened(startup({ ...WHO, client_encoding: value })).result)
  for (const value of ['public', '"$user", public', 'a, "B c"', ''])
    await t.resolves(opened(startup({ ...WHO, search_path: value })).result, value)
  for (const value of ['public; drop', 'a,,b', "current_setting('x')"])
    await t.rejects(opened(startup({ ...WHO, search_path: value })).result, value)
})

t.test('bytes in clear behind an encryption request end the connection', async (t) => {
  for (const request of [SSL, GSS]) {
    await t.rejects(opened(Buffer.concat([request, startup(WHO)]), { tls: true }).result, {
      code: 'PROTOCOL_VIOLATION',
    })
  }
})

t.test('each encryption request is taken once', async (t) => {
  const { server, written } = channel(Buffer.alloc(0))
  const parts = [SSL, GSS, startup(WHO)]
  let rest = Buffer.alloc(0)
  const oneByOne: ServerChannel = {
    ...server,
    offersTls: false,
    tls: null,
    peek: async () => 0,
    get buffered() {
      return 0
    },
    read: async (count) => {
      if (rest.length === 0) rest = Buffer.from(parts.shift() ?? [])
      const taken = rest.subarray(0, count)
      rest = rest.subarray(count)
      return taken
    },
  }
  t.match(await openPostgres(oneByOne, { tlsRequired: false }), { kind: 'session' })
  t.equal(written().toString(), 'NN')
  parts.push(SSL, SSL)
  await t.rejects(openPostgres(oneByOne, { tlsRequired: false }), /second SSLRequest/)
})

t.test('protocol 3.2 gets a long cancel key; what is newer or unknown is negotiated', async (t) => {
  const long = opened(startup(WHO, 196610))
  t.match(await long.result, { cancelKeyLength: 32 })
  t.equal(long.written().length, 0)
  const newer = opened(startup({ ...WHO, '_pq_.future': '1' }, 196617))
  t.match(await newer.result, { kind: 'session' })
  const answer = message(0x76, int32(196610), int32(1), cstring('_pq_.future'))
  t.same(newer.written(), answer, 'NegotiateProtocolVersion')
  await t.rejects(opened(startup(WHO, 131072)).result, { code: 'PROTOCOL_VIOLATION' })
})

t.test('TLS where it is required, and malformed packets', async (t) => {
  await t.rejects(opened(startup(WHO), { required: true }).result, { code: 'TLS_REQUIRED' })
  await t.rejects(opened(startup({ database: 'shop' })).result, { code: 'STARTUP_REFUSED' })
  for (const bad of [
    Buffer.concat([int32(7), Buffer.alloc(3)]),
    Buffer.concat([int32(10_001), Buffer.alloc(10)]),
    packet(196608, cstring('user'), Buffer.from('no end')),
    packet(196608, cstring('user'), cstring('a'), cstring('user'), cstring('b'), Buffer.from([0])),
    packet(196608, cstring('user'), Buffer.from([0xff, 0]), Buffer.from([0])),
    packet(80877102, int32(1)),
  ])
    await t.rejects(opened(bad).result)
  t.match(await opened(packet(80877102, int32(7), Buffer.from('abcd'))).result, {
    kind: 'cancel',
    key: { processId: 7 },
  })
})

t.test('options are split as the server splits them', async (t) => {
  t.same(splitOptions('  -c a=b\\ c   --d-e=f '), [
    ['a', 'b c'],
    ['d_e', 'f'],
  ])
  t.throws(() => splitOptions('-c'))
  t.throws(() => splitOptions('-c =x'))
})
