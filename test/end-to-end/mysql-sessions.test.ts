import mysql from 'mysql2/promise'
import t, { type Test } from 'tap'
import * as capability from '../../src/wire/mysql/capabilities.ts'
import * as command from '../../src/wire/mysql/commands.ts'
import { message } from '../../src/wire/mysql/packets.ts'
import { uint8, uint16, uint32 } from '../../src/wire/mysql/payload.ts'
import { AGENT, type Countersign, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { rule } from '../support/e2e-config.ts'
import { type MysqlAnswer, MysqlRaw, textIn, valuesIn } from '../support/e2e-mysql-raw.ts'
import { MYSQL_SIDES, rawAgent, type Side } from '../support/e2e-sides.ts'
import { writeCertificate } from '../support/postgres-certificate.ts'

/** The server begins every session otherwise than it was told to. */
const SETTINGS = { 'init-connect': "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'" }
const SCHEMA = `
  CREATE PROCEDURE tells(OUT told varchar(60)) READS SQL DATA
    BEGIN SELECT email FROM customers; SELECT ssn INTO told FROM customers WHERE id = 1; END;
  CREATE TABLE long_texts (id integer, body longtext);
  CREATE TABLE defaulted (id integer, body varchar(40) DEFAULT 'a-default');
`

const messageOf = ({ error }: Pick<MysqlAnswer, 'error'>) => error?.message ?? ''
const NAMES = /966-34|965-87|marsh|larsen/

for (const side of MYSQL_SIDES) t.test(side.name, (t) => sessions(t, side))

async function sessions(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, {
    schema: { postgres: '', mysql: SCHEMA },
    settings: SETTINGS,
  })
  if (!db) return
  const tls = { ...writeCertificate(t.testdir({})), require: false }
  const config = {
    listen: {
      mysql: '127.0.0.1:0',
      control: '127.0.0.1:0',
      tls,
      mysql_native_password: true,
      max_message: '40MiB',
    },
    rules: [rule('settings', { verb: 'SET' }, 'allow')],
  }
  // GRANT ALL makes no superuser of a MySQL, and a superuser's sessions skip init_connect.
  const proxy = await startCountersign(t, { upstream: db.plain, config })
  t.afterEach(() => denyAll(proxy))
  const open = (t: Test, login = {}) => rawAgent(t, proxy, { hold: '0', ...login })
  const drop = 'DROP TABLE orders'

  t.test('what a server sets at the beginning of a session is honoured', async (t) => {
    const agent = await open(t)
    t.match(valuesIn(await agent.query('SELECT @@sql_mode'))[0], /ANSI_QUOTES/)
    t.match(messageOf(await agent.query('SELECT "email" FROM "customers"')), '')
    t.notMatch(textIn((await agent.query('SELECT "email" FROM "customers"')).payloads), NAMES)
    // The backslash escapes nothing, so the second statement is one.
    const hidden = await agent.query(`SELECT '\\'; ${drop}; -- '`)
    t.match(messageOf(hidden), /^ZA00[12]: .*DROP TABLE/)
    // A reset forgets what init_connect has set, and the backslash escapes again.
    await agent.command(command.COM_RESET_CONNECTION)
    t.equal(messageOf(await agent.query(`SELECT '\\'; ${drop}; -- '`)), '')
    t.match(messageOf(await agent.query(`SELECT '\\''; ${drop}`)), /^ZA00[12]/)
    t.equal(await db.exists('orders'), true)
  })

  t.test('a session reads its texts by the modes it has set', async (t) => {
    const agent = await open(t)
    const cases: readonly (readonly [mode: string, text: string, held: boolean])[] = [
      ['', `SELECT "'; ${drop}; -- "`, false],
      ['ANSI_QUOTES', `SELECT 1 AS "'; ${drop}; -- "`, false],
      ['', `SELECT '\\'; ${drop}; -- '`, false],
      ['NO_BACKSLASH_ESCAPES', `SELECT '\\'; ${drop}; -- '`, true],
      ['NO_BACKSLASH_ESCAPES', `SELECT '\\' ; ${drop}`, true],
      ['', `SELECT 'a\\'' ; ${drop}`, true],
      ['PIPES_AS_CONCAT', "SELECT '1' || '2'", false],
    ]
    for (const [mode, text, held] of cases) {
      t.equal((await agent.query(`SET sql_mode = '${mode}'`)).error, null)
      t.match(
        messageOf(await agent.query(text)),
        held ? /^ZA00[12]: .*DROP/ : /^$/,
        `${mode}: ${text}`,
      )
    }
    await agent.query("SET sql_mode = 'PIPES_AS_CONCAT'")
    const joined = await agent.query("SELECT '' || email, email || ssn FROM customers")
    t.notMatch(textIn(joined.payloads), NAMES)
    t.match(messageOf(await agent.query(`SET sql_mode = ''; SELECT '\\'; ${drop}; -- '`)), /^ZA00/)
    t.equal(await db.exists('orders'), true)
  })

  t.test('character sets in which a byte can be a quote are refused', async (t) => {
    for (const collation of [28, 24, 13, 1, 87, 95, 248]) {
      await t.rejects(open(t, { collation }), /character set/, `collation ${collation}`)
    }
    const agent = await open(t)
    for (const set of ['gbk', 'sjis', 'big5', 'cp932', 'gb18030']) {
      const one = await open(t)
      await one.query(`SET NAMES ${set}`).catch(() => null)
      const after = await one.query(`SELECT '\xbf\\'; ${drop}; -- '`).catch(() => null)
      t.ok(after === null || after.error !== null, `${set}: the session is over, or it is held`)
    }
    t.equal((await agent.query('SELECT 1')).error, null, 'and others go on')
    t.equal(await db.exists('orders'), true)
  })

  t.test('texts in latin1 are shown as they are meant, and run as they are', async (t) => {
    const agent = await rawAgent(t, proxy, { collation: 8 })
    const text = Buffer.from("UPDATE scratch SET note = 'Zürich' WHERE 1 = 1", 'latin1')
    await db.run("INSERT INTO scratch VALUES (1, '')")
    const running = agent.query(text)
    const request = await proxy.pending(({ statement }) => /rich/.test(statement))
    t.equal(request.statement, "UPDATE scratch SET note = 'Zürich' WHERE 1 = 1")
    await proxy.approve(request.id)
    t.equal((await running).error, null)
    t.same(await db.run('SELECT note FROM scratch'), [{ note: 'Zürich' }])
    await db.run('DELETE FROM scratch')
    const { results } = await agent.query(
      Buffer.from("SELECT 'Zürich', email FROM customers", 'latin1'),
    )
    t.equal(results[0]?.rows[0]?.[0]?.toString('latin1'), 'Zürich')
    t.notMatch(String(results[0]?.rows[0]?.[1]), NAMES)
  })

  t.test('nothing that the proxy does not follow is offered, or taken', async (t) => {
    const { greeting } = await open(t)
    const never =
      capability.CLIENT_COMPRESS |
      capability.CLIENT_LOCAL_FILES |
      capability.CLIENT_OPTIONAL_RESULTSET_METADATA |
      capability.CLIENT_ZSTD_COMPRESSION_ALGORITHM |
      capability.CLIENT_QUERY_ATTRIBUTES
    t.equal(greeting.capabilities & never, 0)
    t.ok(greeting.capabilities & capability.CLIENT_LONG_PASSWORD, 'no extensions of MariaDB')
    for (const flags of [
      capability.CLIENT_COMPRESS,
      capability.CLIENT_LOCAL_FILES,
      capability.CLIENT_OPTIONAL_RESULTSET_METADATA,
      capability.CLIENT_QUERY_ATTRIBUTES,
      capability.CLIENT_DEPRECATE_EOF,
    ]) {
      const agent = await open(t, { flags })
      t.same(valuesIn(await agent.query('SELECT 1')), ['1'], `asked for 0x${flags.toString(16)}`)
      t.notMatch(textIn((await agent.query('SELECT email FROM customers')).payloads), NAMES)
      const { id } = await agent.prepare('SELECT email, id FROM customers')
      for (let time = 0; time < 2; time++) {
        const { results, payloads } = await agent.execute(id)
        t.equal(results[0]?.columns.length, 2, 'each execution describes its rows')
        t.notMatch(textIn(payloads), NAMES)
      }
    }
  })

  t.test('no file of the client’s is asked for', async (t) => {
    const agent = await open(t, { flags: capability.CLIENT_LOCAL_FILES })
    const load = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE scratch"
    t.match(messageOf(await agent.query(load)), /^ZA00[12]/)
    await denyAll(proxy)
    const client = await mysql.createConnection({
      uri: proxy.url,
      infileStreamFactory: () => {
        throw new Error('a file was asked for')
      },
    })
    t.teardown(() => client.destroy())
    const running = client.query(load).then(
      () => 'done',
      (error: Error) => error.message,
    )
    const { id } = await proxy.pending(({ statement }) => statement === load)
    await proxy.approve(id)
    t.notMatch(await running, /asked for|done/, 'not even where it was signed for')
    t.same(await db.run('SELECT * FROM scratch'), [])
  })

  t.test(
    'commands that are not served say so, leave a record, and the session goes on',
    async (t) => {
      const agent = await open(t)
      const refused: Record<string, readonly [code: number, ...body: Buffer[]]> = {
        COM_CHANGE_USER: [command.COM_CHANGE_USER, Buffer.from('root\0\0shop\0')],
        COM_BINLOG_DUMP: [command.COM_BINLOG_DUMP, uint32(4), uint16(0), uint32(1)],
        COM_BINLOG_DUMP_GTID: [command.COM_BINLOG_DUMP_GTID, uint16(0)],
        COM_REGISTER_SLAVE: [command.COM_REGISTER_SLAVE, uint32(1)],
        COM_TABLE_DUMP: [command.COM_TABLE_DUMP, Buffer.from('\x04shop\x09customers')],
        COM_SHUTDOWN: [command.COM_SHUTDOWN, uint8(0)],
        COM_PROCESS_INFO: [command.COM_PROCESS_INFO],
        COM_DEBUG: [command.COM_DEBUG],
        COM_REFRESH: [command.COM_REFRESH, uint8(255)],
        COM_CREATE_DB: [command.COM_CREATE_DB, Buffer.from('mine')],
        COM_DROP_DB: [command.COM_DROP_DB, Buffer.from('shop')],
        COM_CLONE: [command.COM_CLONE],
        COM_STMT_BULK_EXECUTE: [command.COM_STMT_BULK_EXECUTE, uint32(1), uint16(0)],
        COM_MULTI: [command.COM_MULTI, Buffer.from('\x05\0\0\x03SHOW')],
        'command 0xc8': [0xc8, Buffer.from('?')],
      }
      for (const [name, [code, ...body]] of Object.entries(refused)) {
        const { error } = await agent.command(code, ...body)
        t.match(error, { number: 1235, message: new RegExp(name) })
        t.same(valuesIn(await agent.query('SELECT 7')), ['7'], `${name}: it goes on`)
      }
      const told = proxy
        .records()
        .flatMap(({ type, stmt, reason }) =>
          type === 'statement.refused' ? [`${JSON.stringify(stmt)} ${reason}`] : [],
        )
      for (const name of Object.keys(refused))
        t.ok(
          told.some((one) => one.includes(name)),
          name,
        )
      t.equal(await db.exists('customers'), true)
      t.match(textIn(await agent.fieldList('defaulted')), 'body')
      t.notMatch(textIn(await agent.fieldList('customers')), NAMES)
      agent.say(command.COM_STATISTICS)
      t.match((await agent.packet()).toString('latin1'), /Uptime/)
    },
  )

  t.test('several statements in one text give several results, masked each', async (t) => {
    const agent = await rawAgent(t, proxy)
    const three = await agent.query('SELECT id FROM orders; SELECT email FROM customers; SELECT 3')
    t.equal(three.results.length, 3)
    t.notMatch(textIn(three.payloads), NAMES)
    const plain = await open(t)
    t.equal((await plain.command(command.COM_SET_OPTION, uint16(1))).error, null)
    t.not((await plain.query('SELECT 1; SELECT 2')).error, null, 'switched off')
    t.equal((await plain.command(command.COM_SET_OPTION, uint16(0))).error, null)
    const two = await plain.query('SELECT email FROM customers; SELECT ssn FROM customers')
    t.equal(two.results.length, 2)
    t.notMatch(textIn(two.payloads), NAMES)
    for (const text of [
      'CALL tells(@t)',
      'SELECT 1; CALL tells(@t); SELECT 2',
      'CALL tells(@t); SELECT email FROM customers',
    ]) {
      const calling = agent.query(text)
      const { id } = await proxy.pending(({ statement }) => statement === text)
      await proxy.approve(id)
      const { error, payloads, results } = await calling
      t.equal(error, null, text)
      t.ok(results.length > 1)
      t.notMatch(textIn(payloads), NAMES, text)
      t.notMatch(textIn((await agent.query('SELECT @t, hex(@t)')).payloads), /966-34|3936362D/i)
    }
    const { id } = await agent.prepare('CALL tells(?)')
    const calling = agent.execute(id, [null])
    await proxy.approve((await proxy.pending(({ statement }) => statement === 'CALL tells(?)')).id)
    t.notMatch(textIn((await calling).payloads), NAMES, 'nor OUT parameters')
  })

  t.test('what is tracked of the session carries no value out', async (t) => {
    const agent = await open(t)
    t.match(
      messageOf(await agent.query("SET SESSION session_track_system_variables = '*'")),
      '',
      'a rule lets it',
    )
    for (const sql of [
      'SET timestamp = (SELECT length(email) FROM customers WHERE id = 1)',
      'SET lc_time_names = (SELECT email FROM customers WHERE id = 1)',
      'SET time_zone = (SELECT email FROM customers WHERE id = 1)',
      'SET sql_mode = (SELECT ssn FROM customers WHERE id = 1)',
      'SET default_storage_engine = (SELECT email FROM customers WHERE id = 1)',
      ...(side.flavour === 'mariadb'
        ? ['SET default_master_connection = (SELECT email FROM customers WHERE id = 1)']
        : []),
      'USE information_schema',
    ]) {
      t.notMatch(textIn((await agent.query(sql)).payloads), NAMES, sql)
      t.notMatch(textIn((await agent.run(sql)).payloads), NAMES, sql)
    }
  })

  t.test('mysql_native_password opens the door over TLS alone', async (t) => {
    const plugin = 'mysql_native_password'
    const inside = await open(t, { plugin, tls: true })
    t.same(valuesIn(await inside.query('SELECT 1')), ['1'])
    await t.rejects(open(t, { plugin, tls: true, password: 'wrong' }), /Access denied/)
    const switched = await open(t, { plugin })
    t.equal(switched.handshake[0]?.[0], 0xfe, 'in clear another method is asked for')
    t.match(switched.handshake[0]?.toString('latin1'), /caching_sha2_password/)
    const full = await open(t, { tls: true })
    t.same(valuesIn(await full.query('SELECT 1')), ['1'])
  })

  t.test('texts of more than one packet are read to their end', async (t) => {
    const agent = await open(t)
    const blanks = ' '.repeat(0xffffff - 1 - 'SELECT 1'.length)
    t.match(
      messageOf(await agent.query(`SELECT 1${blanks}`)),
      /^(ZA00[12]|42501)/,
      'exactly one packet',
    )
    t.match(messageOf(await agent.query(`SELECT 1${blanks}; ${drop}`)), /^(ZA00[12]|42501)/)
    t.match(messageOf(await agent.query(`/*${blanks}*/ ${drop}`)), /^(ZA00[12]|42501)/)
    t.equal(await db.exists('orders'), true)
    const { id } = await agent.prepare('INSERT INTO long_texts VALUES (1, ?)')
    const body = 'b'.repeat(17 * 1024 * 1024)
    const stored = await agent.execute(id, [body])
    if (stored.error === null) {
      t.same(await db.run('SELECT length(body) AS n FROM long_texts'), [{ n: body.length }])
      const read = await agent.query(
        'SELECT body, email FROM long_texts, customers WHERE customers.id = 1',
      )
      t.equal(read.results[0]?.rows[0]?.[0]?.length, body.length)
      t.notMatch(String(read.results[0]?.rows[0]?.[1]), NAMES)
    } else t.match(stored.error.number, /1153|2013|1301/, 'the server takes no more')
    const over = await open(t)
    over.send(message(0, uint8(command.COM_QUERY), Buffer.alloc(41 * 1024 * 1024, 0x20)))
    await over.closed()
    t.pass('past the cap the session ends')
  })

  t.test('bytes that are no command end the session', async (t) => {
    const wrong: Record<string, Buffer> = {
      'a sequence id that is not 0': message(1, uint8(command.COM_PING)),
      'an empty command': message(0, Buffer.alloc(0)),
      'an execution that is cut short': message(0, uint8(command.COM_STMT_EXECUTE), uint16(1)),
      'a cursor of an unknown kind': message(
        0,
        uint8(command.COM_STMT_EXECUTE),
        uint32(1),
        uint8(0x40),
        uint32(1),
      ),
      'an option that nobody knows': message(0, uint8(command.COM_SET_OPTION), uint16(7)),
    }
    for (const [what, bytes] of Object.entries(wrong)) {
      const agent = await open(t)
      await agent.prepare('SELECT 1')
      agent.send(bytes)
      await agent.closed()
      t.pass(what)
    }
  })

  t.test('a session without autocommit is in a transaction', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '300ms' })
    t.equal((await agent.query('SET autocommit = 0')).error, null)
    t.equal((await agent.query("INSERT INTO scratch VALUES (5, 'open')")).error, null)
    const told = messageOf(await agent.query('DELETE FROM scratch WHERE 1 = 1'))
    t.match(told, /^ZA001: .*start the transaction again/)
    const [request] = await proxy.requests()
    t.equal(request?.in_transaction, true)
    await agent.query('ROLLBACK')
    t.same(await db.run('SELECT * FROM scratch'), [])
  })
}

t.test('mysql_native_password stays closed where nobody asked for it', async (t) => {
  const [side] = MYSQL_SIDES
  const db = await side?.start(t)
  if (!side || !db) return
  const tls = { ...writeCertificate(t.testdir({})), require: false }
  const listen = { mysql: '127.0.0.1:0', control: '127.0.0.1:0', tls }
  const proxy: Countersign = await startCountersign(t, {
    upstream: db.upstream,
    config: { listen },
  })
  const agent = await rawAgent(t, proxy, { plugin: 'mysql_native_password', tls: true })
  t.match(agent.handshake[0]?.toString('latin1'), /caching_sha2_password/, 'over TLS too')
  await t.rejects(
    MysqlRaw.login(proxy.port, { user: AGENT, password: 'guess', database: 'shop' }),
    /Access denied/,
  )
})
