/** How text is written in bytes. */
export interface Encoding {
  /** True where each byte below 0x80 is a character of ASCII. */
  readonly asciiBytes: boolean
  /** Never fails: what isn't valid becomes U+FFFD. */
  decode(bytes: Buffer): string
  /** What the encoding can't write becomes a question mark. */
  encode(text: string): Buffer
}

const UTF8: Encoding = {
  asciiBytes: true,
  decode: (bytes) => bytes.toString('utf8'),
  encode: (text) => Buffer.from(text, 'utf8'),
}

/** An unknown encoding: a character for each byte, and the same byte for it again. */
const BYTES: Encoding = {
  asciiBytes: true,
  decode: (bytes) => bytes.toString('latin1'),
  encode: (text) => Buffer.from(text, 'latin1'),
}

const UTF16LE: Encoding = {
  asciiBytes: false,
  decode: (bytes) => bytes.toString('utf16le'),
  encode: (text) => Buffer.from(text, 'utf16le'),
}

const UTF16BE: Encoding = {
  asciiBytes: false,
  decode: (bytes) => swapped(bytes.subarray(0, bytes.length & ~1)).toString('utf16le'),
  encode: (text) => swapped(Buffer.from(text, 'utf16le')),
}

function swapped(bytes: Buffer): Buffer {
  return Buffer.from(bytes).swap16()
}

/** Windows-1252 from 0x80 to 0x9f; TextDecoder reads it as ISO 8859-1 on some releases of Node. */
const WINDOWS_1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178'

function decodeWindows1252(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  return text.replace(/[\u0080-\u009f]/g, (byte) => WINDOWS_1252[byte.charCodeAt(0) - 0x80] ?? byte)
}

const REPLACEMENT = 0xfffd
const LAST_CODE_POINT = 0x10ffff

const UTF32BE: Encoding = {
  asciiBytes: false,
  decode: (bytes) => {
    let text = ''
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const point = bytes.readUInt32BE(at)
      text += String.fromCodePoint(point > LAST_CODE_POINT ? REPLACEMENT : point)
    }
    return text
  },
  encode: (text) => {
    const points = Array.from(text, (character) => character.codePointAt(0) ?? REPLACEMENT)
    const bytes = Buffer.alloc(points.length * 4)
    for (const [at, point] of points.entries()) bytes.writeUInt32BE(point, at * 4)
    return bytes
  },
}

const OWN: Readonly<Record<string, Encoding>> = {
  bytes: BYTES,
  'utf-8': UTF8,
  'utf-16le': UTF16LE,
  'utf-16be': UTF16BE,
  'utf-32be': UTF32BE,
}

const made = new Map<string, Encoding>()

/** `bytes`, `utf-32be` or a label of the Encoding Standard. @throws RangeError for any other */
export function encodingOf(label: string): Encoding {
  const own = OWN[label] ?? made.get(label)
  if (own) return own
  const encoding = legacy(decoderOf(label))
  made.set(label, encoding)
  return encoding
}

function decoderOf(label: string): (bytes: Buffer) => string {
  if (label === 'windows-1252') return decodeWindows1252
  const decoder = new TextDecoder(label)
  return (bytes) => decoder.decode(bytes)
}

/** One that contains ASCII. Beyond it only characters of one byte are written. */
function legacy(decode: (bytes: Buffer) => string): Encoding {
  const byteOf = new Map<string, number>()
  for (let byte = 0xff; byte >= 0x80; byte--) {
    const character = decode(Buffer.of(byte))
    if (character.charCodeAt(0) !== REPLACEMENT) byteOf.set(character, byte)
  }
  for (let byte = 0x7f; byte >= 0; byte--) byteOf.set(String.fromCharCode(byte), byte)
  const QUESTION_MARK = 0x3f
  return {
    asciiBytes: true,
    decode,
    encode: (text) =>
      Buffer.from(Array.from(text, (character) => byteOf.get(character) ?? QUESTION_MARK)),
  }
}
