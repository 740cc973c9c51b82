import t, { type Test } from 'tap'
import * as command from '../../src/wire/mysql/commands.ts'
import { AGENT, startCountersign } from '../support/countersign.ts'
import { MysqlRaw, textIn, valuesIn } from '../support/e2e-mysql-raw.ts'
import { MYSQL_FLAVOURS, startMysql } from '../support/mysql.ts'

const USER = `CREATE USER app IDENTIFIED BY 'app-password'; GRANT ALL ON *.* TO app;
  CREATE TABLE t (id int DEFAULT 42); CREATE DATABASE other; CREATE TABLE other.t (id int);`

/** One question, and what of the answer is looked at. */
type Ask = (client: MysqlRaw) => Promise<unknown>

const errorOf =
  (...words: readonly [code: number, body?: string]): Ask =>
  async (client) => {
    const [code, body = ''] = words
    return (await client.command(code, Buffer.from(body))).error?.number ?? 'done'
  }
const query =
  (sql: string): Ask =>
  async (client) => {
    const answer = await client.query(sql)
    return answer.error?.number ?? valuesIn(answer)[0]
  }

/** Where the proxy answers otherwise by design; null: as the server, whatever that is. */
const EXCEPTIONS: readonly {
  readonly why: string
  readonly ask: Ask
  readonly direct: unknown
  readonly proxied: unknown
}[] = [
  {
    why: 'schemas that are none of the agent’s are not for it',
    ask: query('SELECT count(*) FROM other.t'),
    direct: '0',
    proxied: 1142,
  },
  {
    why: 'nor by COM_INIT_DB',
    ask: errorOf(command.COM_INIT_DB, 'other'),
    direct: 'done',
    proxied: 1142,
  },
  {
    why: 'a name of nothing is no schema of the agent’s either',
    ask: errorOf(command.COM_INIT_DB),
    direct: 1046,
    proxied: 1142,
  },
  {
    why: 'the greeting’s id of the connection is the proxy’s own, and KILL knows no other',
    ask: async (client) =>
      valuesIn(await client.query('SELECT CONNECTION_ID()'))[0] ===
      `${client.greeting.connectionId}`,
    direct: true,
    proxied: false,
  },
  {
    why: 'it tracks more of the session than the client asked for',
    ask: async (client) =>
      String(valuesIn(await client.query('SELECT @@session_track_system_variables'))[0]).includes(
        'wait_timeout',
      ),
    direct: false,
    proxied: true,
  },
  {
    why: 'default values of columns can hold anything',
    ask: async (client) => {
      client.say(command.COM_FIELD_LIST, Buffer.from('t\0'))
      const definition = await client.packet()
      await client.packet()
      return textIn([definition]).includes('42')
    },
    direct: true,
    proxied: false,
  },
]

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`where the proxy answers otherwise by design, ${flavour}`, async (t) => {
    const server = await startMysql(t, flavour, { schema: USER })
    if (!server) {
      t.comment(`NO SERVER: ${flavour} can't be had on this machine, its cases are skipped`)
      return
    }
    const proxy = await startCountersign(t, {
      upstream: `mysql://app:app-password@127.0.0.1:${server.port}/shop`,
      database: { classified: {} },
      // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
      config: { rules: [{ name: 'all', when: {}, then: 'allow' }] },
    })
    const direct = { port: server.port, user: 'app', password: 'app-password' }
    const proxied = { port: proxy.port, user: AGENT, password: proxy.password }
    for (const { why, ask, ...answers } of EXCEPTIONS) {
      t.test(why, async (t) => {
        t.same(await asked(t, direct, ask), answers.direct, 'direct')
        t.same(await asked(t, proxied, ask), answers.proxied, 'proxied')
      })
    }

    t.test('commands that no rule allows are refused, and the session goes on', async (t) => {
      for (const code of [command.COM_CHANGE_USER, command.COM_DEBUG, command.COM_BINLOG_DUMP]) {
        const refused: Ask = async (client) => {
          const { error } = await client.command(code, Buffer.alloc(12))
          return [error?.number, valuesIn(await client.query('SELECT 1'))]
        }
        t.same(await asked(t, proxied, refused), [1235, ['1']], `command ${code}`)
      }
    })

    t.test('what is not a value’s packet ends the session', async (t) => {
      // A server skips over what stands twice, and may read the next value from it.
      const client = await open(t, proxied)
      const { id } = await client.prepare('SELECT ?')
      client.sendLongData(id, 0, Buffer.from('ahead'))
      const { error } = await client.execute(id, ['x'])
      t.equal(error?.number, 1835)
      await client.closed()
    })
  })
}

interface Where {
  readonly port: number
  readonly user: string
  readonly password: string
}

async function open(t: Test, { port, ...login }: Where): Promise<MysqlRaw> {
  const client = await MysqlRaw.login(port, { ...login, database: 'shop' })
  t.teardown(() => client.destroy())
  return client
}

async function asked(t: Test, where: Where, ask: Ask): Promise<unknown> {
  return ask(await open(t, where))
}
