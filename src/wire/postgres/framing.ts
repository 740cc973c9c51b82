import { ProxyError } from '../../lib/errors.ts'
import type { FrameLayout } from '../framer.ts'

/** Every message after the startup: Byte1 type, Int32 length that counts itself but not the type. */
export const postgresLayout: FrameLayout = {
  headerLength: 5,
  type: (buffer, at) => buffer[at] as number,
  length(buffer, at) {
    const length = buffer.readUInt32BE(at + 1)
    if (length < 4) {
      throw new ProxyError('PROTOCOL_VIOLATION', `a message claims a length of ${length}`)
    }
    return length + 1
  },
}

/** Builds one message: type, length, body. */
export function message(type: number, ...parts: readonly Buffer[]): Buffer {
  let length = 4
  for (const part of parts) length += part.length
  const bytes = Buffer.allocUnsafe(length + 1)
  bytes[0] = type
  bytes.writeUInt32BE(length, 1)
  let at = 5
  for (const part of parts) {
    part.copy(bytes, at)
    at += part.length
  }
  return bytes
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8')
}

export function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value, 0)
  return bytes
}

export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value, 0)
  return bytes
}

/**
 * The name under which the server keeps a statement or portal: its hash tables compare at most
 * NAMEDATALEN - 1 = 63 bytes, so longer names that share them are the same name.
 */
export function serverName(name: string): string {
  // No unit of UTF-16 takes more than three bytes of UTF-8.
  if (name.length <= 21) return name
  const bytes = Buffer.from(name, 'utf8')
  return bytes.length <= 63 ? name : bytes.subarray(0, 63).toString('latin1')
}
