/** What a cell of a random schema can hold. */
export const KINDS = [
  'text',
  'varchar',
  'int',
  'bigint',
  'numeric',
  'double',
  'date',
  'timestamp',
  'json',
  'bytes',
  'uuid',
  'texts',
  'ints',
] as const
export type Kind = (typeof KINDS)[number]

/** Comes again and again in a canary, so that it is known by any five letters of it. */
const MARK = 'zqxj'
/** All whole numbers that are canaries begin with the bytes 36 AF 60. */
const FIRST_NUMBER = 0x36af6000
const NUMBERS = 200
const DAYS = 28

/** The content of a classified cell, as SQL writes the text of it. `n` tells the cells apart. */
export function canaryOf(kind: Kind, n: number): string {
  const number = FIRST_NUMBER + (n % NUMBERS)
  const day = `1909-03-${String(1 + (n % DAYS)).padStart(2, '0')}`
  const text = `${MARK.repeat(3)}${n}`
  switch (kind) {
    case 'text':
      return n % 2 === 0 ? `${text}@mail.test` : `${text} and so on`
    case 'varchar':
    case 'bytes':
      return `${text}-tail`
    case 'int':
    case 'bigint':
      return String(number)
    case 'numeric':
    case 'double':
      return `${number}.25`
    case 'date':
      return day
    case 'timestamp':
      return `${day} 04:05:06`
    case 'json':
      return `{"k": "${text}", "n": ${number}}`
    case 'uuid':
      return `9afe7a1e-0000-4000-8000-${String(n).padStart(12, '0')}`
    case 'texts':
      return `{${text},"b ${text}"}`
    case 'ints':
      return `{${number},${number}}`
  }
}

/** The content of any other cell: nothing that can be taken for a canary. */
export function plainOf(kind: Kind, n: number): string {
  const day = `2021-0${1 + (n % 9)}-1${n % 9}`
  switch (kind) {
    case 'text':
    case 'varchar':
    case 'bytes':
      return `open ${n}`
    case 'int':
    case 'bigint':
      return String(100 + n)
    case 'numeric':
    case 'double':
      return `${n}.5`
    case 'date':
      return day
    case 'timestamp':
      return `${day} 10:00:00`
    case 'json':
      return `{"a": "open ${n}", "b": ${n}}`
    case 'uuid':
      return `11111111-2222-4333-8444-${String(n).padStart(12, '0')}`
    case 'texts':
      return `{open,"in ${n}"}`
    case 'ints':
      return `{${n},1}`
  }
}

// === what a canary looks like when it has left

/** Every text of `length` characters in the endless repetition of one. */
function windows(mark: string, length: number): string[] {
  const long = mark.repeat(2 + Math.ceil(length / mark.length))
  return Array.from(mark, (_, at) => long.slice(at, at + length))
}

const reversed = (text: string) => [...text].reverse().join('')
const rot13 = (text: string) =>
  text.replace(/[a-z]/g, (c) => String.fromCharCode(97 + ((c.charCodeAt(0) - 84) % 26)))
const codesOf = (text: string) => Array.from(text, (c) => c.charCodeAt(0))

/** Forward and backward, small and large: any of them may have been encoded. */
const SPELLINGS = [MARK, reversed(MARK)].flatMap((mark) => [mark, mark.toUpperCase()])

function either(patterns: readonly string[], flags = ''): RegExp {
  return new RegExp([...new Set(patterns)].join('|'), flags)
}

const escaped = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')

const LETTERS = either([MARK, reversed(MARK), rot13(MARK)].flatMap((mark) => windows(mark, 5)))
const HEX = either(
  SPELLINGS.flatMap((mark) => windows(mark, 5).map((part) => Buffer.from(part).toString('hex'))),
)
/** Three bytes are four characters, and four of our letters repeat: sixteen characters that do. */
const BASE64 = either(
  SPELLINGS.flatMap((mark) => windows(Buffer.from(mark.repeat(3)).toString('base64'), 7)).map(
    (part) => part.replaceAll('+', '\\+'),
  ),
)
const CODES = either(
  SPELLINGS.flatMap((mark) =>
    windows(mark, 4).map((part) => `\\b${codesOf(part).join('\\D{1,5}')}\\b`),
  ),
)
const BITS = either(
  SPELLINGS.flatMap((mark) =>
    windows(mark, 4).map((part) =>
      codesOf(part)
        .map((code) => code.toString(2).padStart(8, '0'))
        .join(''),
    ),
  ),
)
const NUMBER = /917463[0-2]|9\.17463|[0-2]364719|(?<![0-9a-f])36af60[0-9a-f]{2}(?![0-9a-f])/
const DAY = /1909.?03|30-9091|9afe7a1e/

/** Numbers, days and identifiers as the binary formats of both protocols write them. */
const BINARY = either(binaryForms().map(escaped))

function binaryForms(): Buffer[] {
  const double = Buffer.alloc(8)
  double.writeDoubleBE(FIRST_NUMBER + 0.25)
  const days = Array.from({ length: DAYS }, (_, day) => {
    const date = Buffer.alloc(4)
    const ms = Date.UTC(1909, 2, 1 + day) - Date.UTC(2000, 0, 1)
    date.writeInt32BE(ms / 86_400_000)
    const moment = Buffer.alloc(8)
    moment.writeBigInt64BE(BigInt(ms + 14_706_000) * 1000n)
    return [date, moment.subarray(0, 4)]
  })
  return [
    Buffer.from('36af60', 'hex'),
    Buffer.from('60af36', 'hex'),
    double.subarray(0, 4),
    double.subarray(0, 4).reverse(),
    Buffer.from('000906d2', 'hex'), // numeric: digits to the base of 10,000
    Buffer.from('750703', 'hex'), // MySQL's dates: the year in two bytes, the month
    Buffer.from('9afe7a1e', 'hex'),
    ...days.flat(),
  ].map((form) => Buffer.from(form))
}

/** In which form there is a canary in these bytes, one character each; null where there is none. */
export function canaryIn(text: string): string | null {
  if (BINARY.test(text)) return 'binary'
  if (BASE64.test(text)) return 'base64'
  const small = text.replaceAll('\0', '').toLowerCase()
  if (LETTERS.test(small)) return 'letters'
  if (HEX.test(small)) return 'hex'
  if (NUMBER.test(small)) return 'number'
  if (DAY.test(small)) return 'day'
  if (CODES.test(small)) return 'codes'
  if (BITS.test(small)) return 'bits'
  return LETTERS.test(small.replace(/[^a-z0-9]/g, '')) ? 'spread letters' : null
}
