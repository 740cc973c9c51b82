import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  COM_RESET_CONNECTION,
  COM_STMT_CLOSE,
  COM_STMT_EXECUTE,
  COM_STMT_RESET,
} from '../../src/wire/mysql/commands.ts'
import { uint32 } from '../../src/wire/mysql/payload.ts'
import { type ShownRequest, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { edit, rule } from '../support/e2e-config.ts'
import { executeBody, type MysqlAnswer, textIn, valuesIn } from '../support/e2e-mysql-raw.ts'
import { MYSQL_SIDES, rawAgent, type Side } from '../support/e2e-sides.ts'

/** Functions that a server may call as early as it prepares. */
const SCHEMA = `
  CREATE TABLE hits (id integer AUTO_INCREMENT PRIMARY KEY, by_whom varchar(40));
  CREATE FUNCTION hit(i integer) RETURNS integer DETERMINISTIC MODIFIES SQL DATA
    BEGIN INSERT INTO hits (by_whom) VALUES ('a function'); RETURN i; END;
  CREATE FUNCTION wipes(i integer) RETURNS integer DETERMINISTIC MODIFIES SQL DATA
    BEGIN INSERT INTO hits (by_whom) VALUES ('wipes'); DELETE FROM scratch; RETURN i; END;
  CREATE FUNCTION tells(i integer) RETURNS varchar(60) DETERMINISTIC READS SQL DATA
    RETURN (SELECT email FROM customers WHERE id = i);
`

/** Of a value that was sent ahead an execution says the type alone. */
const AHEAD = { type: 0xfd, bytes: Buffer.alloc(0) }

const errorOf = ({ error }: Pick<MysqlAnswer, 'error'>) => error?.message ?? ''

for (const side of MYSQL_SIDES) t.test(side.name, (t) => prepared(t, side))

async function prepared(t: Test, side: Side): Promise<void> {
  const db = await side.start(t, { schema: { postgres: '', mysql: SCHEMA } })
  if (!db) return
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    config: { rules: [rule('modes', { verb: 'SET' }, 'allow')] },
  })
  t.afterEach(() => denyAll(proxy))
  const waiting = (text: string) => proxy.pending(({ statement }) => statement === text)
  const notes = async () => (await db.run('SELECT note FROM scratch')).map(({ note }) => note)
  t.beforeEach(async () => {
    await db.run('DELETE FROM scratch')
    await db.run("INSERT INTO scratch VALUES (1, 'as it was')")
    await db.run('DELETE FROM hits')
  })
  const outcomesOf = (session: unknown) =>
    proxy.records().filter((one) => one.type === 'statement.outcome' && one.session === session)

  const closed = async (session: unknown) => {
    const ends = () =>
      proxy.records().some((one) => one.type === 'session.closed' && one.session === session)
    while (!ends()) await after(5)
  }
  const sessions = () =>
    proxy.records().flatMap(({ type, session }) => (type === 'session.opened' ? [session] : []))
  const open = async (t: Test) => {
    const before = new Set(sessions())
    const agent = await rawAgent(t, proxy)
    for (;;) {
      const session = sessions().find((each) => !before.has(each))
      if (session !== undefined) return { agent, session }
      await after(5)
    }
  }

  const UPDATE = 'UPDATE scratch SET note = ?'

  t.test('values that are bound wait, are shown, and are what runs', async (t) => {
    const agent = await rawAgent(t, proxy)
    const { id, parameters } = await agent.prepare(UPDATE)
    t.equal(parameters, 1)
    const first = agent.execute(id, ['one'])
    const request = await waiting(UPDATE)
    t.match(request.parameters, [{ type: 'varchar', value: 'one' }])
    t.same(await notes(), ['as it was'])
    await proxy.approve(request.id)
    t.equal((await first).error, null)
    t.same(await notes(), ['one'])
    const second = agent.execute(id, [2])
    const other = await waiting(UPDATE)
    t.not(other.id, request.id, 'another value is another request')
    t.match(other.parameters, [{ type: 'bigint', value: '2' }])
    await proxy.decide(other.id, 'deny', 'no twos')
    t.match(errorOf(await second), /^42501: .*no twos/)
    t.same(await notes(), ['one'])
  })

  t.test('what is said while it waits changes nothing of it', async (t) => {
    const agent = await rawAgent(t, proxy)
    const { id } = await agent.prepare(UPDATE)
    agent.say(COM_STMT_EXECUTE, executeBody(id, ['signed']))
    const request = await waiting(UPDATE)
    agent.sendLongData(id, 0, Buffer.from('slipped in'))
    agent.say(COM_STMT_EXECUTE, executeBody(id, [AHEAD]))
    await proxy.approve(request.id)
    t.equal((await agent.answer(true)).error, null)
    t.same(await notes(), ['signed'])
    const next = await waiting(UPDATE)
    t.match(next.parameters, [{ value: 'slipped in' }], 'what was sent behind waits by itself')
    await proxy.decide(next.id, 'deny')
    await agent.answer(true)
    t.same(await notes(), ['signed'])
  })

  t.test('types that an execution leaves out are those of the one before', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '50ms' })
    const { id } = await agent.prepare(UPDATE)
    await agent.execute(id, [1])
    // The same eight bytes, once as a number and once as a text's length and its beginning.
    await agent.execute(id, [0x3131313131313107n], { types: false })
    const shown = (await proxy.requests()).map(({ parameters }) => parameters)
    t.match(shown, [[{ type: 'bigint' }], [{ type: 'bigint' }]])
    await agent.execute(id, ['1111111'])
    const [newest] = (await proxy.requests()).filter((one: ShownRequest) =>
      JSON.stringify(one.parameters).includes('varchar'),
    )
    t.match(newest?.parameters, [{ type: 'varchar', value: '1111111' }])
    await proxy.approve(String(newest?.id))
    t.match(errorOf(await agent.execute(id, [0x3131313131313107n])), /^ZA002/, 'no number runs')
    t.equal((await agent.execute(id, ['1111111'])).error, null)
    t.same(await notes(), ['1111111'])
  })

  t.test('values that are sent ahead are bound with the others', async (t) => {
    const agent = await rawAgent(t, proxy)
    const { id } = await agent.prepare(UPDATE)
    const run = async (...parts: string[]) => {
      for (const part of parts) agent.sendLongData(id, 0, Buffer.from(part))
      const answer = agent.execute(id, [AHEAD])
      const request = await waiting(UPDATE)
      return { answer, request }
    }
    const { answer, request } = await run('sent ', 'ahead')
    t.match(request.parameters, [{ value: 'sent ahead' }])
    await proxy.approve(request.id)
    t.equal((await answer).error, null)
    t.same(await notes(), ['sent ahead'])
    agent.sendLongData(id, 0, Buffer.from('forgotten'))
    await agent.command(COM_STMT_RESET, uint32(id))
    const own = agent.execute(id, ['its own'])
    const asked = await waiting(UPDATE)
    t.match(asked.parameters, [{ value: 'its own' }], 'a reset forgets them')
    await proxy.approve(asked.id)
    t.equal((await own).error, null)
    t.same(await notes(), ['its own'])
  })

  t.test('a ticket for values sent ahead is for no others', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '50ms' })
    const { id } = await agent.prepare(UPDATE)
    const run = async (text: string) => {
      agent.sendLongData(id, 0, Buffer.from(text))
      return errorOf(await agent.execute(id, [AHEAD]))
    }
    t.match(await run('signed'), /^ZA001/)
    await proxy.approve((await waiting(UPDATE)).id)
    t.match(await run('other'), /^ZA001/)
    t.match(errorOf(await agent.execute(id, [''])), /^ZA001/, 'nor for none')
    t.same(await notes(), ['as it was'])
    t.equal(await run('signed'), '')
    t.same(await notes(), ['signed'])
    t.match(await run('signed'), /^ZA00[12]/, 'once')
  })

  t.test('a cursor that was signed for is read to its end', async (t) => {
    const text = "SELECT name, ssn FROM customers WHERE ssn > '0'"
    const agent = await rawAgent(t, proxy)
    const { id } = await agent.prepare(text)
    const opening = agent.execute(id, [], { cursor: true })
    await proxy.approve((await waiting(text)).id)
    t.equal((await opening).error, null)
    const rows = []
    for (let part = 0; part < 2; part++) {
      const { results, payloads } = await agent.fetch(id, 1)
      t.notMatch(textIn(payloads), /\b96[56]-/)
      rows.push(...(results[0]?.rows ?? []))
    }
    t.same(rows.map(([name]) => String(name)).sort(), ['Ada', 'Bo'])
  })

  t.test('a cursor is judged by the rules of now at each fetch', async (t) => {
    const agent = await rawAgent(t, proxy)
    const { id } = await agent.prepare('SELECT id FROM orders ORDER BY id')
    await agent.execute(id, [], { cursor: true })
    t.same((await agent.fetch(id, 1)).results[0]?.rows.length, 1)
    await edit(proxy, (config) => {
      config.rules = [rule('frozen', { effect: 'read' }, { deny: 'the books are closed' })]
    })
    t.match(errorOf(await agent.fetch(id, 1)), /^42501: .*books are closed/)
    t.match(errorOf(await agent.execute(id)), /books are closed/)
    await edit(proxy, (config) => {
      config.rules = [rule('modes', { verb: 'SET' }, 'allow')]
    })
    t.equal((await agent.fetch(id, 1)).error, null)
  })

  t.test('a cursor that is left has an outcome, with the rows that were read', async (t) => {
    const text = 'SELECT id FROM orders ORDER BY id'
    const leave: Record<
      string,
      (agent: Awaited<ReturnType<typeof rawAgent>>, id: number) => unknown
    > = {
      'by being closed': (agent, id) => agent.say(COM_STMT_CLOSE, uint32(id)),
      'by being opened again': (agent, id) => agent.execute(id, [], { cursor: true }),
      'by a reset of its statement': (agent, id) => agent.command(COM_STMT_RESET, uint32(id)),
      'by a reset of its connection': (agent) => agent.command(COM_RESET_CONNECTION),
      'by hanging up': (agent) => agent.destroy(),
    }
    for (const [how, act] of Object.entries(leave)) {
      const { agent, session } = await open(t)
      const { id } = await agent.prepare(text)
      await agent.execute(id, [], { cursor: true })
      await agent.fetch(id, 2)
      t.same(outcomesOf(session), [], `${how}: it goes on`)
      await act(agent, id)
      agent.destroy()
      await closed(session)
      t.match(outcomesOf(session)[0], { rows: 2, sqlState: null }, how)
    }
  })

  t.test('what a text meant when it was prepared is what it runs as', async (t) => {
    const text = 'SELECT "name", note FROM scratch, (SELECT email AS name FROM customers) c'
    const changes = {
      'another mode': ["SET sql_mode = 'ANSI_QUOTES'", "SET sql_mode = ''"],
      'another schema': ['USE information_schema', 'USE shop'],
    }
    for (const [what, [change, back]] of Object.entries(changes)) {
      const agent = await rawAgent(t, proxy, { hold: '0' })
      await agent.query("SET sql_mode = ''")
      const { id } = await agent.prepare(text)
      const plain = await agent.prepare('SELECT 7')
      t.equal((await agent.execute(id)).error, null, what)
      t.equal((await agent.query(change as string)).error, null, what)
      t.match(errorOf(await agent.execute(id)), /^ZA00[12]/, `${what}: nobody knows`)
      t.same(valuesIn(await agent.query('SELECT 8')), ['8'], 'the session goes on')
      t.equal((await agent.execute(plain.id)).error, null, `${what}: it means the same`)
      await agent.query(back as string)
      t.equal((await agent.execute(id)).error, null, `${what}, and back`)
    }
  })

  t.test('so does a text that SQL prepared', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    await agent.query("SET sql_mode = ''")
    await agent.query(`PREPARE p FROM 'SELECT "email" FROM customers'`)
    t.equal((await agent.query('EXECUTE p')).error, null)
    await agent.query("SET sql_mode = 'ANSI_QUOTES'")
    t.match(errorOf(await agent.query('EXECUTE p')), /^ZA00[12]/)
    await agent.query("SET sql_mode = ''")
    t.equal((await agent.query('EXECUTE p')).error, null)
  })

  t.test('a reset of the connection forgets what was prepared, either way', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    const { id } = await agent.prepare('SELECT 1')
    await agent.query("PREPARE p FROM 'SELECT 1'")
    await agent.query("SET sql_mode = 'ANSI_QUOTES'")
    t.equal((await agent.command(COM_RESET_CONNECTION)).error, null)
    t.equal((await agent.execute(id)).error?.number, 1243)
    t.not((await agent.query('EXECUTE p')).error, null)
    t.same(valuesIn(await agent.query('SELECT "a" = \'a\'')), ['1'], 'the mode of the server')
    const again = await agent.prepare('SELECT email FROM customers')
    t.notMatch(textIn((await agent.execute(again.id)).payloads), /marsh/)
    t.match(errorOf(await agent.query('DROP TABLE scratch')), /^ZA00[12]/, 'still held')
    t.equal(await db.exists('scratch'), true)
  })

  t.test('nothing runs while it is prepared that nobody signed or recorded', async (t) => {
    const hits = async () => (await db.run('SELECT by_whom FROM hits')).length
    const { agent, session } = await open(t)
    for (const text of [
      'SELECT round(1.5, wipes(1))',
      'SELECT truncate(1.5, wipes(1)) AS t',
      "SELECT 'a' LIKE 'b' ESCAPE wipes(1)",
    ]) {
      const preparing = agent.prepare(text)
      const { id } = await waiting(text)
      t.equal(await hits(), 0, text)
      await proxy.decide(id, 'deny', 'not so')
      t.match(errorOf(await preparing), /^42501: .*not so/)
      const asking = agent.query(text)
      const { id: asked } = await waiting(text)
      t.equal(await hits(), 0, `${text}, before it is signed`)
      await proxy.decide(asked, 'deny')
      await asking
    }
    t.equal(await hits(), 0)
    const { error } = await agent.prepare('SELECT round(1.5, hit(1))')
    t.equal(error, null, 'a write that needs nobody goes on')
    const intents = proxy
      .records()
      .filter((one) => one.type === 'statement.intent' && one.session === session)
    t.match(intents.at(-1)?.stmt, { sql: 'SELECT round(?, hit(?))' }, 'and is recorded')
    t.equal((await agent.prepare('SELECT round(1.5, 1)')).error, null)
    t.equal(
      proxy.records().filter((one) => one.type === 'statement.intent' && one.session === session)
        .length,
      intents.length,
      'what runs nothing leaves no record',
    )
    agent.destroy()
    await closed(session)
    t.equal(outcomesOf(session).length, intents.length, 'each has its outcome')
  })

  t.test('nor does a preparation tell a value', async (t) => {
    const agent = await rawAgent(t, proxy, { hold: '0' })
    for (const text of [
      "SELECT extractvalue('<a/>', concat('~', tells(1)))",
      'SELECT round(1.5, tells(1))',
      "SELECT updatexml('<a/>', concat('~', tells(1)), '')",
    ]) {
      const { payloads } = await agent.prepare(text)
      t.notMatch(textIn(payloads), /marsh/i, text)
      for (const show of ['SHOW WARNINGS', 'SHOW ERRORS']) {
        t.notMatch(textIn((await agent.query(show)).payloads), /marsh/i, `${text}; ${show}`)
      }
    }
  })
}
