import { serialize } from 'pg-protocol'
import type { Test } from 'tap'
import { type MysqlAnswer, MysqlRaw, textIn } from './e2e-mysql-raw.ts'
import { errorOf, RawClient, type RawMessage, rowsOf } from './e2e-raw.ts'

/** All that a server says to one statement. */
export interface Said {
  /** Every byte of every message, as one character each. */
  readonly text: string
  readonly cells: readonly (readonly (Buffer | null)[])[]
  /** The SQLSTATE of its error, or our own code that its text begins with; '' where there is none. */
  readonly code: string
  /** The error's text. */
  readonly message: string
  /** The transaction's state behind it. */
  readonly ready: boolean
}

/** A connection of either protocol that hears every byte. */
export interface Talk {
  say(sql: string): Promise<Said>
  /** The same as a prepared statement, once for each form in which its rows can come. */
  prepared(sql: string): Promise<readonly Said[]>
  destroy(): void
}

export interface TalkLogin {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** What an agent says of itself. */
  readonly says?: Readonly<Record<string, string>>
}

export async function talkPostgres(t: Test, login: TalkLogin): Promise<Talk> {
  const { port, user, password, database, says = {} } = login
  const options = Object.entries(says)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ')
  const parameters = { options }
  const { client } = await RawClient.login(port, { user, password, database, parameters })
  t.teardown(() => client.destroy())
  return {
    say: async (sql) => saidByPostgres(await client.query(sql)),
    async prepared(sql) {
      const said: Said[] = []
      for (const binary of [false, true]) {
        client.send(
          serialize.parse({ text: sql }),
          serialize.bind({ binary }),
          serialize.execute({}),
          serialize.sync(),
        )
        said.push(saidByPostgres(await client.until('Z')))
      }
      return said
    },
    destroy: () => client.destroy(),
  }
}

function saidByPostgres(messages: readonly RawMessage[]): Said {
  const { C: code = '', M: message = '' } = errorOf(messages)
  return {
    text: messages.map(({ frame }) => frame.toString('latin1')).join(''),
    cells: rowsOf(messages),
    code,
    message,
    ready: messages.at(-1)?.type === 'Z',
  }
}

export async function talkMysql(t: Test, login: TalkLogin): Promise<Talk> {
  const { port, user, password, database, says = {} } = login
  const client = await MysqlRaw.login(port, { user, password, database, attributes: says })
  t.teardown(() => client.destroy())
  return {
    say: async (sql) => saidByMysql(await client.query(sql)),
    async prepared(sql) {
      const { id, error, payloads } = await client.prepare(sql)
      if (error) return [saidByMysql({ payloads, results: [], error })]
      const whole = await client.execute(id)
      const opened = await client.execute(id, [], { cursor: true })
      const said = [whole, opened]
      const [result] = opened.results
      // Servers open cursors for queries alone.
      if (result && result.columns.length > 0 && result.rows.length === 0) {
        said.push(await client.fetch(id, 1), await client.fetch(id, 1000))
      }
      return [saidByMysql({ payloads, results: [], error: null }), ...said.map(saidByMysql)]
    },
    destroy: () => client.destroy(),
  }
}

export function saidByMysql({ payloads, results, error }: MysqlAnswer): Said {
  const message = error?.message ?? ''
  return {
    text: textIn(payloads),
    cells: results.flatMap(({ rows }) => rows),
    code: /^([0-9A-Z]{5}): /.exec(message)?.[1] ?? error?.sqlState ?? '',
    message,
    ready: true,
  }
}
