/*
 * numeric on the wire (numeric_send in numeric.c): four Int16 - number of digits, weight of the
 * first, sign, display scale - and the digits, each of base 10000.
 */

const HEADER = 8
const POSITIVE = 0x0000
const NEGATIVE = 0x4000
const GROUP = 4

/** The value as text, without needless zeros; null where it isn't finite or can't be read. */
export function readNumeric(cell: Buffer): string | null {
  if (cell.length < HEADER) return null
  const count = cell.readInt16BE(0)
  const weight = cell.readInt16BE(2)
  const sign = cell.readUInt16BE(4)
  if (count < 0 || cell.length !== HEADER + count * 2) return null
  if (sign !== POSITIVE && sign !== NEGATIVE) return null
  let digits = ''
  for (let i = 0; i < count; i++) {
    const group = cell.readInt16BE(HEADER + i * 2)
    if (group < 0 || group > 9999) return null
    digits += String(group).padStart(GROUP, '0')
  }
  return normalise(`${sign === NEGATIVE ? '-' : ''}${placePoint(digits, (weight + 1) * GROUP)}`)
}

function placePoint(digits: string, whole: number): string {
  if (whole <= 0) return `0.${'0'.repeat(-whole)}${digits}`
  const padded = digits.padEnd(whole, '0')
  return `${padded.slice(0, whole)}.${padded.slice(whole)}`
}

/** One spelling for each value: -0012.50 -> -12.5; null for what isn't a plain decimal. */
export function normalise(text: string): string | null {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text)
  if (!match) return null
  const [, sign = '', whole = '', fraction = ''] = match
  const shortWhole = whole.replace(/^0+/, '') || '0'
  const shortFraction = fraction.replace(/0+$/, '')
  const value = shortFraction === '' ? shortWhole : `${shortWhole}.${shortFraction}`
  return value === '0' ? '0' : `${sign}${value}`
}

/** A whole number that isn't negative, as numeric in binary. */
export function writeNumeric(value: bigint, scale: number): Buffer {
  const digits = value === 0n ? '' : value.toString()
  const padded = digits.padStart(Math.ceil(digits.length / GROUP) * GROUP, '0')
  const count = padded.length / GROUP
  const cell = Buffer.alloc(HEADER + count * 2)
  cell.writeInt16BE(count, 0)
  cell.writeInt16BE(Math.max(count - 1, 0), 2)
  cell.writeUInt16BE(POSITIVE, 4)
  cell.writeInt16BE(scale, 6)
  for (let i = 0; i < count; i++) {
    cell.writeInt16BE(Number(padded.slice(i * GROUP, (i + 1) * GROUP)), HEADER + i * 2)
  }
  return cell
}
