import { isDeepStrictEqual } from 'node:util'
import { serialize } from 'pg-protocol'
import type { Test } from 'tap'
import * as command from '../../src/wire/mysql/commands.ts'
import { uint32 } from '../../src/wire/mysql/payload.ts'
import { AGENT, type Countersign, type CountersignOptions } from './countersign.ts'
import { MysqlRaw, withoutPlanFlags } from './e2e-mysql-raw.ts'
import { errorOf, RawClient } from './e2e-raw.ts'
import type { Side, SideServer } from './e2e-sides.ts'
import {
  OBJECT_NUMBERS,
  objectNumbers,
  schemaFor,
  type ToolStatement,
  type ToolValue,
  withNumbers,
  withNumbersInHex,
} from './tools-fixtures.ts'

/** What came of a statement through the proxy, beside what the server itself says. */
export interface Replayed {
  /**
   * `varies`: the server answers two sessions differently, so that only an error can be told.
   * `refused`: an error that the server itself doesn't give.
   */
  readonly outcome: 'same' | 'varies' | 'masked' | 'held' | 'refused'
  /** The error, where there is one. */
  readonly said: string
}

/** A server with the schema that tools were recorded on. */
export interface ToolServer {
  readonly side: Side
  readonly db: SideServer
  /** How the server is called in a fixture's `on`. */
  readonly name: string
  /** The role that the tools connect as. */
  readonly login: URL
}

/** Null where this machine can't have such a server. */
export async function startToolServer(t: Test, side: Side): Promise<ToolServer | null> {
  const schema = { postgres: schemaFor('postgres'), mysql: schemaFor('mysql') }
  const db = await side.start(t, { schema })
  if (!db) return null
  const login = new URL(side.system === 'postgres' ? db.plain : db.upstream)
  return { side, db, name: await nameOf(side, db), login }
}

async function nameOf({ flavour }: Side, db: SideServer): Promise<string> {
  if (flavour !== 'postgres') return flavour
  const [row] = await db.run("SELECT current_setting('server_version_num')::int / 10000 AS major")
  return String(row?.major)
}

/** A proxy whose agent waits so briefly that nobody can answer. */
export function toolProxyOptions({ login }: ToolServer): CountersignOptions {
  return { upstream: login.href, agent: { hold: '20ms' } }
}

/** One session directly and one through the proxy, and a third to see what varies by itself. */
export async function replay(
  t: Test,
  server: ToolServer,
  proxy: Countersign,
  statements: readonly ToolStatement[],
  report: (statement: ToolStatement, replayed: Replayed) => void,
): Promise<void> {
  const [direct, other, agent] = await openLanes(t, server, proxy)
  let open = false
  for (const statement of statements) {
    const proxied = await agent.run(statement)
    let failed = proxied.transaction === 'failed'
    if (isHeld(proxied)) report(statement, { outcome: 'held', said: proxied.error })
    else {
      // What is held there isn't done here either, so that both sessions stay alike.
      const answer = await direct.run(statement)
      open = answer.transaction === 'open'
      failed ||= answer.transaction === 'failed'
      const asked = ONLY_ASKS.test(statement.sql) ? null : await other.run(statement)
      const again = async () => asked ?? (await other.run(statement))
      const replayed = await compared(answer, proxied, again)
      const varies = replayed.outcome === 'masked' && OF_ONE_SESSION.test(statement.sql)
      report(statement, varies ? { ...replayed, outcome: 'varies' } : replayed)
    }
    if (failed) for (const lane of [direct, other, agent]) await lane.begin(open)
  }
  for (const lane of [direct, other, agent]) lane.close()
}

interface Answer {
  /** Messages, sorted: rows without an order of their own come as it pleases the server. */
  readonly parts: readonly string[]
  /** SQLSTATE and message; empty where all went well. */
  readonly error: string
  readonly transaction: 'none' | 'open' | 'failed'
}

/** A lock that one of two sessions has the other doesn't get, and TLS is each connection's own. */
const OF_ONE_SESSION = /\b(get_lock|release_lock|pg_try_advisory_lock|pg_advisory_unlock)\(|'Ssl_/i

/** The third session keeps up with what changes a session; it is asked only where answers differ. */
const ONLY_ASKS = /^(\s|--.*|\/\*[^!M][\s\S]*?\*\/)*(select|show|with|explain|describe)\b/i

function isHeld({ error }: Answer): boolean {
  return /^ZA00\d/.test(error)
}

async function compared(
  direct: Answer,
  proxied: Answer,
  askAgain: () => Promise<Answer>,
): Promise<Replayed> {
  const said = proxied.error
  if (isDeepStrictEqual(direct.parts, proxied.parts)) return { outcome: 'same', said }
  const again = await askAgain()
  if (said !== '' && said !== direct.error && said !== again.error) {
    return { outcome: 'refused', said }
  }
  return { outcome: isDeepStrictEqual(direct.parts, again.parts) ? 'masked' : 'varies', said }
}

function sorted(parts: readonly Buffer[]): string[] {
  return parts.map((part) => part.toString('latin1')).sort()
}

/** One session, directly or through the proxy. */
interface Lane {
  run(statement: ToolStatement): Promise<Answer>
  /** Leaves the transaction, and opens another where it is told to. */
  begin(open: boolean): Promise<void>
  close(): void
}

async function openLanes(
  t: Test,
  server: ToolServer,
  proxy: Countersign,
): Promise<readonly [Lane, Lane, Lane]> {
  const { login, side } = server
  const direct = {
    port: Number(login.port),
    user: login.username,
    password: login.password,
    database: 'shop',
  }
  const agent = { port: proxy.port, user: AGENT, password: proxy.password, database: 'shop' }
  const open =
    side.system === 'postgres'
      ? (who: typeof direct) => postgresLane(who, server)
      : (who: typeof direct) => mysqlLane(who)
  const lanes = [await open(direct), await open(direct), await open(agent)] as const
  t.teardown(() => {
    for (const lane of lanes) lane.close()
  })
  return lanes
}

interface Who {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** What the proxy says at the startup of its own connections, and no client of the tools does. */
const PINNED = { client_encoding: 'UTF8', standard_conforming_strings: 'on' }

/** As ReadyForQuery says it. */
const TRANSACTION: Readonly<Record<string, Answer['transaction']>> = { T: 'open', E: 'failed' }

async function postgresLane({ port, ...who }: Who, { db }: ToolServer): Promise<Lane> {
  const numbers = objectNumbers(await db.run(OBJECT_NUMBERS))
  const { client } = await RawClient.login(port, {
    ...who,
    parameters: { application_name: 'tool', ...(who.user === AGENT ? {} : PINNED) },
  })
  const bytesOf = (value: ToolValue) => {
    if (value === null) return null
    if (typeof value === 'string') return withNumbers(value, numbers)
    return Buffer.from(withNumbersInHex(value.hex, numbers), 'hex')
  }
  return {
    async run({ sql, prepared, parameters, types = [] }) {
      const text = withNumbers(sql, numbers)
      if (prepared) {
        client.send(
          serialize.parse({ text, types: [...types] }),
          serialize.describe({ type: 'S' }),
          ...(parameters
            ? [serialize.bind({ values: parameters.map(bytesOf) }), serialize.execute({})]
            : []),
          serialize.sync(),
        )
      } else client.send(serialize.query(text))
      const messages = await client.until('Z')
      if (messages.at(-1)?.type !== 'Z') throw new Error(`the session ended: ${text}`)
      const { C: code, M: message } = errorOf(messages)
      return {
        parts: sorted(messages.map(({ frame }) => frame)),
        error: code === undefined ? '' : `${code} ${message}`,
        transaction: TRANSACTION[String.fromCharCode(messages.at(-1)?.frame[5] ?? 0)] ?? 'none',
      }
    },
    async begin(open) {
      await client.query('ROLLBACK')
      if (open) await client.query('BEGIN')
    },
    close: () => client.destroy(),
  }
}

/** Of COM_STMT_PREPARE_OK, the id of the statement is the session's own. */
const STATEMENT_ID = { from: 1, to: 5 } as const

async function mysqlLane({ port, ...who }: Who): Promise<Lane> {
  const client = await MysqlRaw.login(port, who)
  return {
    async run({ sql, prepared }) {
      if (!prepared) {
        const { payloads, error } = await client.query(sql)
        return answerOf(payloads, error)
      }
      const { id, payloads, error } = await client.prepare(sql)
      if (!error) client.say(command.COM_STMT_CLOSE, uint32(id))
      const [first = Buffer.alloc(0), ...others] = payloads
      if (!error) first.fill(0, STATEMENT_ID.from, STATEMENT_ID.to)
      return answerOf([first, ...others], error)
    },
    begin: async () => {},
    close: () => client.destroy(),
  }
}

function answerOf(
  payloads: readonly Buffer[],
  error: { readonly number: number; readonly message: string } | null,
): Answer {
  const parts = sorted(payloads.map(withoutPlanFlags))
  if (!error) return { parts, error: '', transaction: 'none' }
  const ours = error.message.startsWith('ZA')
  const said = ours ? error.message : `${error.number} ${error.message}`
  return { parts, error: said, transaction: 'none' }
}
