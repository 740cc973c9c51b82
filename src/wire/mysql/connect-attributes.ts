import { ProxyError } from '../../lib/errors.ts'
import { lenencBytes, PayloadReader } from './payload.ts'

const MAX_ATTRIBUTES = 128
const MAX_KEY = 128
const MAX_VALUE = 4_096
const OWN_PREFIX = 'countersign.'

/** What a client says of itself when it connects: claims, for the record. */
export interface ConnectAttributes {
  readonly settings: ReadonlyMap<string, string>
  /** `countersign.*`, without the prefix. */
  readonly own: ReadonlyMap<string, string>
}

/**
 * Reads CLIENT_CONNECT_ATTRS: pairs of strings. Throws where there are too many, where one is too
 * long, and where one of ours is given twice. The program's name becomes `application_name`.
 */
export function readConnectAttributes(bytes: Buffer): ConnectAttributes {
  const reader = new PayloadReader(bytes)
  const settings = new Map<string, string>()
  const own = new Map<string, string>()
  for (let count = 1; reader.remaining > 0; count++) {
    if (count > MAX_ATTRIBUTES) throw refused('too many connection attributes')
    const key = shown(reader.lenencBytes(), MAX_KEY)
    const value = shown(reader.lenencBytes(), MAX_VALUE)
    if (key === 'program_name') settings.set('application_name', value)
    if (!key.startsWith(OWN_PREFIX)) continue
    const name = key.slice(OWN_PREFIX.length)
    if (own.has(name)) throw refused(`connection attribute "${key}" given twice`)
    own.set(name, value)
  }
  return { settings, own }
}

/** Control characters would let a claim write lines of its own into a log. */
function shown(bytes: Buffer, most: number): string {
  if (bytes.length > most) throw refused(`a connection attribute is over ${most} bytes`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return bytes.toString('utf8').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}

export function encodeConnectAttributes(attributes: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = []
  for (const pair of attributes) {
    for (const text of pair) parts.push(lenencBytes(Buffer.from(text, 'utf8')))
  }
  return lenencBytes(Buffer.concat(parts))
}

function refused(why: string): ProxyError {
  return new ProxyError('STARTUP_REFUSED', why)
}
