import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import Cursor from 'pg-cursor'
import t, { type Test } from 'tap'
import { COM_PING, COM_QUIT, COM_STMT_CLOSE } from '../../src/wire/mysql/commands.ts'
import { uint32 } from '../../src/wire/mysql/payload.ts'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { connect as connectPostgres, loginOf } from '../support/e2e-client.ts'
import { MysqlRaw } from '../support/e2e-mysql-raw.ts'
import { childrenOf } from '../support/e2e-processes.ts'
import {
  codeOf,
  connectAgent,
  errorFrom,
  NEWEST_SIDES,
  ONE_SIDE_EACH,
  type Side,
} from '../support/e2e-sides.ts'

/** Of a record, what is looked at here. */
interface TrailRecord {
  readonly type: string
  readonly session?: string
  readonly statement?: number
  readonly sqlState?: string | null
  readonly rows?: number
  readonly masked?: readonly string[]
  readonly decision?: string
  readonly cause?: string

  readonly stmt?: { readonly sql: string; readonly parametersHmac: string | null }
}

const recordsOf = (proxy: Countersign) => proxy.records() as unknown as TrailRecord[]

/** The trail once it holds what is asked for. */
async function recordsWhen(
  proxy: Countersign,
  holds: (records: readonly TrailRecord[]) => boolean,
): Promise<readonly TrailRecord[]> {
  for (;;) {
    const records = recordsOf(proxy)
    if (holds(records)) return records
    await after(20)
  }
}

/** Everything that lies in a folder, as one text each. */
function filesBelow(folder: string): [string, string][] {
  return readdirSync(folder).flatMap((name): [string, string][] => {
    const path = join(folder, name)
    const kind = statSync(path)
    // The lock of a trail is a socket.
    if (kind.isSocket()) return []
    return kind.isDirectory() ? filesBelow(path) : [[path, readFileSync(path, 'latin1')]]
  })
}

function linesWith(text: string, word: string): string[] {
  return text.split('\n').filter((line) => line.includes(word))
}

async function verified(t: Test, proxy: Countersign) {
  const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
  t.equal(code, 0, out)
}

/** Reads four rows and four rows of ten, and leaves the rest. */
async function readPartly(t: Test, side: Side, proxy: Countersign): Promise<void> {
  if (side.system === 'postgres') {
    const client = await connectPostgres(t, proxy)
    const cursor = client.query(new Cursor('SELECT id FROM numbers WHERE id > 1'))
    await cursor.read(4)
    await cursor.read(4)
    await cursor.close()
    await client.end()
    return
  }
  const client = await MysqlRaw.login(proxy.port, loginOf(proxy))
  const { id } = await client.prepare('SELECT id FROM numbers WHERE id > 1')
  await client.execute(id, [], { cursor: true })
  await client.fetch(id, 4)
  await client.fetch(id, 4)
  client.say(COM_STMT_CLOSE, uint32(id))
  await client.command(COM_PING)
  client.say(COM_QUIT)
  await client.closed()
}

const NUMBERS = `CREATE TABLE numbers (id integer);
  INSERT INTO numbers VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12);`

const SECRET = 'secret-zz'

const PASSWORDS: Readonly<Record<Side['flavour'], readonly string[]>> = {
  postgres: [
    `ALTER ROLE app PASSWORD '${SECRET}'`,
    `ALTER USER app WITH ENCRYPTED PASSWORD E'${SECRET}'`,
    `CREATE ROLE fresh LOGIN PASSWORD $$${SECRET}$$`,
    `SELECT 1; ALTER ROLE app PASSWORD '${SECRET}'`,
    `CREATE USER MAPPING FOR app SERVER away OPTIONS (user 'x', password '${SECRET}')`,
    `CREATE SUBSCRIPTION s CONNECTION 'host=h password=${SECRET}' PUBLICATION p`,
    `SELECT dblink_connect('host=h password=${SECRET}')`,
    `PREPARE p AS ALTER ROLE app PASSWORD '${SECRET}'`,
    `ALTER ROLE app PASSWORD '${SECRET}' oops`,
    `DO $x$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''${SECRET}'''; END $x$`,
    `EXPLAIN ALTER ROLE app PASSWORD '${SECRET}'`,
  ],
  mysql: [
    `ALTER USER app IDENTIFIED WITH caching_sha2_password BY '${SECRET}'`,
    `ALTER USER app IDENTIFIED BY 'x' REPLACE '${SECRET}'`,
    `CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = '${SECRET}'`,
  ],
  mariadb: [
    `GRANT SELECT ON shop.* TO app IDENTIFIED BY '${SECRET}'`,
    `SET PASSWORD FOR app = PASSWORD('${SECRET}')`,
    `CREATE USER fresh IDENTIFIED VIA mysql_native_password USING PASSWORD('${SECRET}')`,
    `EXECUTE IMMEDIATE concat('ALTER USER app IDENTIFIED BY ''', '${SECRET}', '''')`,
    `CHANGE MASTER TO MASTER_PASSWORD = '${SECRET}'`,
    `SET STATEMENT max_statement_time = 1 FOR ALTER USER app IDENTIFIED BY '${SECRET}'`,
  ],
}

/** Of both servers of MySQL's kind. */
const PASSWORDS_OF_MYSQL = [
  `ALTER USER app IDENTIFIED BY '${SECRET}'`,
  `CREATE USER fresh IDENTIFIED BY "${SECRET}"`,
  `SELECT 1; ALTER USER app IDENTIFIED BY '${SECRET}'`,
  `SET PASSWORD = '${SECRET}'`,
  `SET PASSWORD FOR app = '${SECRET}'`,
  `/*!40000 ALTER USER app IDENTIFIED BY '${SECRET}' */`,
  `ALTER USER app IDENTIFIED /* by whom */ BY N'${SECRET}'`,
  `CREATE SERVER away FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h', PASSWORD '${SECRET}')`,
  `PREPARE p FROM 'ALTER USER app IDENTIFIED BY "${SECRET}"'`,
  `ALTER USER app IDENTIFIED BY '${SECRET}' oops`,
  `EXPLAIN ALTER USER app IDENTIFIED BY '${SECRET}'`,
  `CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO ALTER USER app IDENTIFIED BY '${SECRET}'`,
  `ALTER USER app IDENTIFIED BY '${SECRET}`,
]

for (const side of NEWEST_SIDES) t.test(side.name, (t) => audit(t, side))

async function audit(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: { postgres: NUMBERS, mysql: NUMBERS } })
  if (!db) return
  const mysql = side.system === 'mysql'
  const proxy = await startCountersign(t, { upstream: db.upstream })
  const connect = (t: Test, hold = '50ms') => connectAgent(t, side, proxy, { hold })
  const closed = (count: number) =>
    recordsWhen(proxy, (all) => all.filter(({ type }) => type === 'session.closed').length >= count)

  t.test('each execution leaves its intent and its outcome', async (t) => {
    const client = await connect(t)
    await client.query('SELECT 1; SELECT 2')
    await codeOf(client.query('SELECT total FROM orders WHERE id = (SELECT id FROM orders)'))
    await client.query('SELECT id, email FROM customers WHERE id = ?', [1])
    for (const id of [1, 2]) await client.query('SELECT total FROM orders WHERE id = ?', [id])
    await client.query("INSERT INTO scratch VALUES (1, 'a'), (2, 'b')")
    await codeOf(client.query('SELEC 1'))
    await codeOf(client.query('DROP TABLE orders'))
    await client.end()
    await readPartly(t, side, proxy)
    const records = await closed(2)
    const intents = records.filter(({ type }) => type === 'statement.intent')
    const outcomes = records.filter(({ type }) => type === 'statement.outcome')
    const outcomeOf = ({ session, statement }: TrailRecord) =>
      outcomes.find((each) => each.statement === statement && each.session === session)
    const told = intents.map((intent) => {
      const outcome = outcomeOf(intent)
      return [intent.stmt?.sql.replaceAll(/\$\d/g, '?'), outcome?.sqlState, outcome?.rows]
    })
    t.same(told, [
      ['SELECT ?;\nSELECT ?', null, 2],
      ['SELECT total FROM orders WHERE id = (SELECT id FROM orders)', '21000', 0],
      ['SELECT id, email FROM customers WHERE id = ?', null, 1],
      ['SELECT total FROM orders WHERE id = ?', null, 1],
      ['SELECT total FROM orders WHERE id = ?', null, 1],
      ['INSERT INTO scratch VALUES (?, ?), (?, ?)', null, 2],
      ['SELECT id FROM numbers WHERE id > ?', null, 8],
    ])
    t.equal(outcomes.length, intents.length, 'one each')
    const [reading, first, second] = intents.slice(2)
    t.same(outcomeOf(reading as TrailRecord)?.masked, ['email'])
    t.match(first?.stmt?.parametersHmac, /^[0-9a-f]{64}$/)
    t.not(first?.stmt?.parametersHmac, second?.stmt?.parametersHmac, 'other values, other digest')
    const refused = records.filter(({ type }) => type === 'statement.refused')
    t.ok(
      refused.some(({ stmt }) => stmt?.sql === 'DROP TABLE orders'),
      'what was refused too',
    )
    t.equal(await db.exists('orders'), true)
    await verified(t, proxy)
  })

  t.test('passwords reach no record, no log and no answer', async (t) => {
    const client = await connect(t)
    const own = PASSWORDS[side.flavour]
    const statements = mysql ? [...PASSWORDS_OF_MYSQL, ...own] : own
    for (const statement of statements) {
      t.not(await codeOf(client.query(statement)), 'done', statement)
    }
    await codeOf(client.query(statements[0] as string, []))
    await client.end()
    await closed(3)
    for (const [path, text] of filesBelow(join(proxy.folder, 'data', 'audit'))) {
      t.same(linesWith(text, SECRET), [], path)
    }
    t.notMatch(proxy.stderr, SECRET)
    t.notMatch(await (await fetch(`${proxy.control}/metrics`)).text(), SECRET)
    // What waits for a signature is shown whole to who signs, and kept for that: not here.
  })

  // The versions of servers have no say in what follows.
  if (!ONE_SIDE_EACH.some(({ name }) => name === side.name)) return

  t.test('where the trail can not be written nothing runs, until it can', async (t) => {
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      t.comment('NOT SHOWN: prlimit is missing, so no disk can be made full')
      return
    }
    /** A size that no file may pass: a full disk for one process. */
    const limit = (pid: number, size: string) => {
      const { status } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${size}:unlimited`])
      if (status !== 0) throw new Error('prlimit failed')
    }
    const client = await connect(t, '20s')
    await client.query('SELECT 1')
    limit(proxy.pid, '0')
    const write = (note: string) =>
      codeOf(client.query(`INSERT INTO scratch VALUES (99, '${note}')`))
    t.equal(await write('unrecorded'), '58030')
    t.equal(await codeOf(client.query('SELECT 1')), '58030', 'not even a read')
    t.equal(await codeOf(client.query('SELECT id FROM orders WHERE id = ?', [1])), '58030')
    t.same(await db.run('SELECT id FROM scratch WHERE id = 99'), [])
    let ready = await fetch(`${proxy.control}/readyz`)
    while (ready.ok) {
      await after(50)
      ready = await fetch(`${proxy.control}/readyz`)
    }
    t.match(await ready.text(), /audit/)
    t.match(await codeOf(connect(t)), '58030', 'nobody is let in')
    limit(proxy.pid, 'unlimited')
    while ((await write('recorded')) !== 'done') await after(50)
    t.pass('the same session goes on')
    while (!(await fetch(`${proxy.control}/readyz`)).ok) await after(50)
    t.ok(recordsOf(proxy).some(({ type, cause }) => type === 'trail.recovered' && cause !== ''))

    const [control] = childrenOf(proxy.pid)
    await db.run('CREATE TABLE kept (id integer)')
    const dropped = codeOf(client.query('DROP TABLE kept'))
    const { id } = await proxy.pending(({ statement }) => statement === 'DROP TABLE kept')
    limit(control as number, '0')
    t.ok((await proxy.decide(id, 'approve')).status >= 500, 'a vote that is not recorded is none')
    t.equal(await db.exists('kept'), true)
    limit(control as number, 'unlimited')
    while (!(await proxy.decide(id, 'approve')).ok) await after(50)
    t.equal(await dropped, 'done')
    await verified(t, proxy)
  })

  t.test('the database’s own password is nowhere to be found', async (t) => {
    await proxy.kill('SIGTERM')
    const { username, password } = new URL(db.plain)
    const plain = await startCountersign(t, { upstream: db.plain, like: proxy })
    const client = await connectAgent(t, side, plain, { hold: '0' })
    const told: unknown[] = []
    for (const sql of mysql
      ? [
          'SELECT * FROM mysql.user',
          'SELECT current_user(), user()',
          'SHOW VARIABLES',
          'SHOW GRANTS',
          'SHOW CREATE USER CURRENT_USER()',
          'SHOW PROCESSLIST',
        ]
      : [
          'SELECT * FROM pg_authid',
          'SELECT current_user, session_user, inet_server_addr()',
          'SHOW ALL',
          'SELECT * FROM pg_stat_activity',
        ]) {
      told.push(
        await client.query(sql).then(
          (rows) => rows,
          (error) => ({ ...error, message: error.message }),
        ),
      )
    }
    await db.run(db.newPassword('another'))
    const late = await errorFrom(connectAgent(t, side, plain))
    t.equal(late.code, mysql ? '08S01' : '08006')
    t.notMatch(late.message, username, 'nor its name, where it is refused')
    t.notMatch(JSON.stringify([told, late]), password)
    t.notMatch(plain.stderr, password)
    for (const [path, text] of filesBelow(join(plain.folder, 'data'))) {
      t.same(linesWith(text, password), [], path)
    }
    await db.run(db.newPassword(password))
  })
}
