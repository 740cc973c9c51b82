import { ProxyError } from '../../lib/errors.ts'
import { lenencBytes, lenencInt, PayloadReader } from './payload.ts'

const SESSION_TRACK_SYSTEM_VARIABLES = 0x00
const SESSION_TRACK_SCHEMA = 0x01
const SESSION_TRACK_STATE_CHANGE = 0x02
const SESSION_TRACK_GTIDS = 0x03
const SESSION_TRACK_TRANSACTION_CHARACTERISTICS = 0x04
const SESSION_TRACK_TRANSACTION_STATE = 0x05

/** One change of the session's state (manual, "Session State Information"). */
export type SessionChange =
  | { readonly kind: 'variable'; readonly name: string; readonly value: string }
  | { readonly kind: 'schema'; readonly name: string }
  | { readonly kind: 'other'; readonly type: number }

export interface TrackedChange {
  readonly change: SessionChange
  /** The block as it came: type, length and data. */
  readonly block: Buffer
}

/** No more than a server tracks in one statement; each is looked at. */
const MAX_CHANGES = 10_000

/** Reads the state blocks of an OK packet. Throws PROTOCOL_VIOLATION for a kind that isn't known. */
export function decodeSessionChanges(state: Buffer): TrackedChange[] {
  const reader = new PayloadReader(state)
  const changes: TrackedChange[] = []
  while (reader.remaining > 0) {
    const from = reader.position
    const type = reader.uint8()
    const data = new PayloadReader(reader.lenencBytes())
    const block = () => state.subarray(from, reader.position)
    for (const change of decodeBlock(type, data)) changes.push({ change, block: block() })
    if (changes.length > MAX_CHANGES) throw violation('too many changes of the session')
  }
  return changes
}

function decodeBlock(type: number, data: PayloadReader): SessionChange[] {
  switch (type) {
    case SESSION_TRACK_SYSTEM_VARIABLES: {
      const changes: SessionChange[] = []
      // MariaDB may put several variables into one block.
      do {
        const name = data.lenencBytes().toString('utf8')
        changes.push({ kind: 'variable', name, value: data.lenencBytes().toString('utf8') })
      } while (data.remaining > 0)
      return changes
    }
    case SESSION_TRACK_SCHEMA: {
      const name = data.lenencBytes().toString('utf8')
      data.end()
      return [{ kind: 'schema', name }]
    }
    case SESSION_TRACK_STATE_CHANGE:
    case SESSION_TRACK_GTIDS:
    case SESSION_TRACK_TRANSACTION_CHARACTERISTICS:
    case SESSION_TRACK_TRANSACTION_STATE:
      return [{ kind: 'other', type }]
    default:
      throw violation(`unknown change of the session 0x${type.toString(16)}`)
  }
}

/** Writes again what the client may see: variables one a block. */
export function encodeSessionChanges(changes: readonly TrackedChange[]): Buffer {
  return Buffer.concat(
    changes.map(({ change, block }) => {
      if (change.kind !== 'variable') return block
      const name = lenencBytes(Buffer.from(change.name, 'utf8'))
      const data = Buffer.concat([name, lenencBytes(Buffer.from(change.value, 'utf8'))])
      const type = Buffer.from([SESSION_TRACK_SYSTEM_VARIABLES])
      return Buffer.concat([type, lenencInt(data.length), data])
    }),
  )
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', what)
}
