import { insist } from './clean.ts'

/*
 * The message formats of the manual, section 54.7, read a second time and by other means than the
 * proxy does, so that one misreading can't hide the other.
 */

interface Cursor {
  readonly bytes: Buffer
  at: number
}

type Field = (cursor: Cursor) => void

const take = (cursor: Cursor, count: number) => {
  insist(count >= 0 && cursor.at + count <= cursor.bytes.length, () => 'a field past the end')
  cursor.at += count
}
const byte: Field = (cursor) => take(cursor, 1)
const int16: Field = (cursor) => take(cursor, 2)
const int32: Field = (cursor) => take(cursor, 4)
const text: Field = (cursor) => {
  while (cursor.bytes[cursor.at] !== 0) take(cursor, 1)
  take(cursor, 1)
}
const rest: Field = (cursor) => take(cursor, cursor.bytes.length - cursor.at)
const value: Field = (cursor) => {
  take(cursor, 4)
  const length = cursor.bytes.readInt32BE(cursor.at - 4)
  insist(length >= -1, () => 'a value of negative length')
  if (length > 0) take(cursor, length)
}
const many =
  (...fields: readonly Field[]): Field =>
  (cursor) => {
    take(cursor, 2)
    for (let left = cursor.bytes.readUInt16BE(cursor.at - 2); left > 0; left--) {
      for (const field of fields) field(cursor)
    }
  }
const letteredTexts: Field = (cursor) => {
  while (cursor.bytes[cursor.at] !== 0) {
    byte(cursor)
    text(cursor)
  }
  byte(cursor)
}

type Formats = Readonly<Record<string, readonly Field[]>>

/** What a client may send after its login. FunctionCall and the password are not for the upstream. */
const FRONTEND: Formats = {
  Q: [text],
  P: [text, text, many(int32)],
  B: [text, text, many(int16), many(value), many(int16)],
  D: [byte, text],
  C: [byte, text],
  E: [text, int32],
  S: [],
  H: [],
  X: [],
  d: [rest],
  c: [],
  f: [text],
}

const BACKEND: Formats = {
  1: [],
  2: [],
  3: [],
  n: [],
  I: [],
  s: [],
  c: [],
  Z: [byte],
  C: [text],
  D: [many(value)],
  T: [many(text, int32, int16, int32, int16, int32, int16)],
  t: [many(int32)],
  E: [letteredTexts],
  N: [letteredTexts],
  A: [int32, text, text],
  S: [text, text],
  G: [byte, many(int16)],
  H: [byte, many(int16)],
  d: [rest],
}

export interface Read {
  readonly letter: string
  readonly body: Buffer
}

/** Cuts a stream into messages of known types. `unfinished` is what stands behind the last one. */
function readAll(
  stream: Buffer,
  formats: Formats,
  fields: 'checked' | 'unchecked',
): { readonly messages: Read[]; readonly unfinished: Buffer } {
  const messages: Read[] = []
  let at = 0
  while (stream.length - at >= 5) {
    const letter = String.fromCharCode(stream[at] as number)
    const format = formats[letter]
    insist(format !== undefined, () => `a message of unknown type ${JSON.stringify(letter)}`)
    const length = stream.readUInt32BE(at + 1)
    insist(length >= 4, () => `a message of length ${length}`)
    if (at + 1 + length > stream.length) break
    const body = stream.subarray(at + 5, at + 1 + length)
    if (fields === 'checked') {
      const cursor = { bytes: body, at: 0 }
      for (const field of format) field(cursor)
      insist(cursor.at === body.length, () => `bytes behind the last field of ${letter}`)
    }
    messages.push({ letter, body })
    at += 1 + length
  }
  return { messages, unfinished: stream.subarray(at) }
}

/** Every field of every message is checked. */
export function clientMessages(stream: Buffer) {
  return readAll(stream, FRONTEND, 'checked')
}

/** Where the server itself is hostile its rows pass unread: only types and lengths are checked. */
export function serverMessages(stream: Buffer, fields: 'checked' | 'unchecked') {
  return readAll(stream, BACKEND, fields)
}
