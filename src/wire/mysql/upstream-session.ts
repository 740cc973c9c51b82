import type { Cell } from '../columns.ts'
import * as capability from './capabilities.ts'
import { isSafeCharacterSet } from './collations.ts'
import { COM_QUERY } from './commands.ts'
import { ERR_HEADER } from './errors.ts'
import type { HandshakePackets } from './handshake-packets.ts'
import { decodeEnding, decodeOk, endsRows } from './ok-packet.ts'
import { PayloadReader, uint8 } from './payload.ts'
import { decodeTextRow } from './text-row.ts'
import { unavailable } from './upstream-authentication.ts'

/**
 * Variables that change what statements mean, those that servers track by themselves, and how long
 * the server bears a silent session.
 */
const HEARD = [
  'autocommit',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'collation_connection',
  'foreign_key_checks',
  'sql_mode',
  'time_zone',
  'wait_timeout',
] as const

/** What the session begins with, and what the server would tell of it unasked. */
export const SESSION_FACTS = `SELECT @@session_track_system_variables, @@session_track_schema, DATABASE(), ${HEARD.map((name) => `@@${name}`).join(', ')}`

/** From here on the server tells of every change of these in its OK packets. */
export const TRACK_SESSION = `SET SESSION session_track_schema = ON, session_track_system_variables = '${HEARD.join(',')}'`

export interface SessionFacts {
  /** The schema under `schema`, and the variables by their names. */
  readonly settings: ReadonlyMap<string, string>
  readonly tracked: ReadonlySet<string>
  readonly tracksSchema: boolean
}

/** Asks the new session what it begins with, and to be told of what changes. */
export async function setUpSession(
  packets: HandshakePackets,
  capabilities: number,
): Promise<SessionFacts & { readonly status: number }> {
  const row = await askOneRow(packets, SESSION_FACTS, capabilities)
  await send(packets, TRACK_SESSION)
  const answer = await packets.read()
  if (answer[0] === ERR_HEADER) throw unavailable('it does not track its sessions')
  const facts = factsOf(row)
  // Of a collation that it doesn't know a server takes another, and init_connect can set any.
  const characterSet = facts.settings.get('character_set_client') ?? ''
  if (!isSafeCharacterSet(characterSet)) {
    throw unavailable(`character_set_client is "${characterSet}" there and must be utf8mb4`)
  }
  return { ...facts, status: decodeOk(answer).status }
}

/** Reads the answer to SESSION_FACTS. */
export function factsOf(row: readonly Cell[]): SessionFacts {
  const [tracked, schemaTracked, schema, ...values] = row.map((cell) => cell?.toString('utf8'))
  const settings = new Map<string, string>()
  if (schema !== undefined) settings.set('schema', schema)
  for (const [index, name] of HEARD.entries()) settings.set(name, values[index] ?? '')
  // "*" means all of them.
  const names = tracked === '*' ? HEARD : (tracked ?? '').split(',')
  return {
    settings,
    tracked: new Set(names.map((name) => name.trim().toLowerCase())),
    tracksSchema: schemaTracked === '1' || schemaTracked === 'ON',
  }
}

async function send(packets: HandshakePackets, sql: string): Promise<void> {
  packets.restart()
  packets.write(uint8(COM_QUERY), Buffer.from(sql, 'latin1'))
}

/** One row of text columns: their count, their definitions, the row. */
async function askOneRow(
  packets: HandshakePackets,
  sql: string,
  capabilities: number,
): Promise<Cell[]> {
  const deprecateEof = (capabilities & capability.CLIENT_DEPRECATE_EOF) !== 0
  await send(packets, sql)
  const head = await packets.read()
  if (head[0] === ERR_HEADER) throw unavailable('it does not tell its settings')
  const columns = new PayloadReader(head).lenencInt()
  const definitions = columns + (deprecateEof ? 0 : 1)
  for (let index = 0; index < definitions; index++) await packets.read()
  const row = decodeTextRow(await packets.read(), columns).map((cell) => cell && Buffer.from(cell))
  const end = await packets.read()
  if (!endsRows(end[0] ?? -1, end.length)) throw unavailable('it does not tell its settings')
  decodeEnding(end, deprecateEof)
  return row
}
