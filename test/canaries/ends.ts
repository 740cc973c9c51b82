import { serialize } from 'pg-protocol'
import { type MysqlAnswer, MysqlRaw, textIn, withoutPlanFlags } from '../support/e2e-mysql-raw.ts'
import { RawClient, type RawMessage, rowsOf } from '../support/e2e-raw.ts'
import type { Step } from './stories.ts'

export interface Door {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

export interface Heard {
  /** Every byte, one character each. */
  readonly text: string
  /** The messages without what differs from session to session: ids of tables and statements. */
  readonly comparable: readonly string[]
  /** The cells of each column one behind the other: a canary may leave letter by letter. */
  readonly columns: readonly string[]
  /** SQLSTATE of the error; '' where there is none. */
  readonly code: string
}

/** A connection that tells stories and hears every byte of the answers. */
export interface End {
  /** Rejects where the connection is lost. */
  say(step: Step): Promise<Heard>
  destroy(): void
}

export async function openPostgres(door: Door): Promise<End> {
  const { client } = await RawClient.login(door.port, door)
  const ask = async ({ sql, how, values = [] }: Step): Promise<Heard> => {
    if (how === 'plain') client.send(serialize.query(sql))
    else {
      client.send(
        serialize.parse({ text: sql }),
        serialize.bind({ values: [...values], binary: how === 'binary' }),
        serialize.describe({ type: 'P' }),
        serialize.execute({ rows: how === 'cursor' ? 2 : 0 }),
        ...(how === 'cursor' ? [serialize.execute({})] : []),
        serialize.sync(),
      )
    }
    const messages = await client.until('Z')
    if (messages.at(-1)?.type !== 'Z') throw new Error('the connection has ended')
    return heardOf(messages)
  }
  return { say: ask, destroy: () => client.destroy() }
}

function heardOf(messages: readonly RawMessage[]): Heard {
  const error = messages.find(({ type }) => type === 'E')
  return {
    text: messages.map(({ frame }) => frame.toString('latin1')).join(''),
    comparable: messages.map((message) => withoutIds(message).toString('latin1')),
    columns: columnsOf(rowsOf(messages)),
    code: /\0C([0-9A-Z]{5})\0/.exec(error?.frame.toString('latin1') ?? '')?.[1] ?? '',
  }
}

/**
 * RowDescription: a name and 18 bytes a column, which begin with the table's id, its number and the
 * type; ids from 16384 on are given anew to each temporary table, and to the type of its rows.
 */
function withoutIds({ type, frame }: RawMessage): Buffer {
  if (type !== 'T') return frame
  const copy = Buffer.from(frame)
  for (let at = 7; at < copy.length; ) {
    const ids = copy.indexOf(0, at) + 1
    copy.fill(0, ids, ids + 4)
    if (copy.readUInt32BE(ids + 6) >= 16384) copy.fill(0, ids + 6, ids + 10)
    at = ids + 18
  }
  return copy
}

export async function openMysql(door: Door): Promise<End> {
  const client = await MysqlRaw.login(door.port, door)
  return {
    async say({ sql, how, values = [] }) {
      if (how === 'plain') return heardOfMysql(await client.query(sql))
      if (how !== 'cursor') return heardOfMysql(await client.run(sql, values), true)
      const { id, error, payloads } = await client.prepare(sql)
      if (error) return heardOfMysql({ payloads, results: [], error })
      const opened = await client.execute(id, values, { cursor: true })
      const [result] = opened.results
      // Servers open cursors for queries alone.
      const waits = result && result.columns.length > 0 && result.rows.length === 0
      const said = waits ? [await client.fetch(id, 2), await client.fetch(id, 1000)] : []
      return heardOfMysql(
        {
          payloads: [...payloads, ...[opened, ...said].flatMap((answer) => answer.payloads)],
          results: [opened, ...said].flatMap((answer) => answer.results),
          error: [opened, ...said].find(({ error }) => error)?.error ?? null,
        },
        true,
      )
    },
    destroy: () => client.destroy(),
  }
}

/** The proxy's statements have ids of its own: Int1 0, Int4 id. */
function withoutId([first, ...rest]: readonly Buffer[]): readonly Buffer[] {
  const copy = Buffer.from(first ?? '')
  if (copy.length === 12 && copy[0] === 0) copy.fill(0, 1, 5)
  return [copy, ...rest]
}

function heardOfMysql({ payloads, results, error }: MysqlAnswer, prepared = false): Heard {
  return {
    text: textIn(payloads),
    comparable: (prepared ? withoutId(payloads) : payloads).map((payload) =>
      withoutPlanFlags(payload)
        .toString('latin1')
        .replace(/The statement \(\d+\)/, ''),
    ),
    columns: results.flatMap(({ rows }) => columnsOf(rows)),
    code: error?.sqlState ?? '',
  }
}

function columnsOf(rows: readonly (readonly (Buffer | null)[])[]): string[] {
  const width = rows[0]?.length ?? 0
  return Array.from({ length: rows.length > 1 ? width : 0 }, (_, index) =>
    rows.map((row) => row[index]?.toString('latin1') ?? '').join(''),
  )
}
