import { serialize } from 'pg-protocol'
import { cstring, int16, int32, message } from '../../src/wire/postgres/framing.ts'
import type { Random } from './random.ts'

/** A message by its letter in the manual, section 54.7. */
export function lettered(letter: string, ...parts: readonly Buffer[]): Buffer {
  return message(letter.charCodeAt(0), ...parts)
}

export const NAMES = ['', '', 'a', 'b', 'c'] as const

/** One well-formed message of a client. `texts`: the SQL it may send. */
export function clientMessage(random: Random, texts: readonly string[]): Buffer {
  const name = random.pick(NAMES)
  const other = random.pick(NAMES)
  switch (random.below(13)) {
    case 0:
    case 1:
      return serialize.query(random.pick(texts))
    case 2:
    case 3:
      return serialize.parse({ name, text: random.pick(texts), types: random.pick([[], [23]]) })
    case 4:
    case 5:
      return serialize.bind({
        portal: name,
        statement: other,
        binary: random.oneIn(4),
        values: random.pick([[], [], ['1'], [null], [random.bytes(4)]]),
      })
    case 6:
      return serialize.describe({ type: random.pick(['S', 'P']), name })
    case 7:
    case 8:
      return serialize.execute({ portal: name, rows: random.pick([0, 0, 1]) })
    case 9:
      return serialize.close({ type: random.pick(['S', 'P']), name })
    case 10:
      return random.pick([serialize.sync(), serialize.sync(), serialize.flush()])
    case 11:
      return serialize.copyData(random.pick([Buffer.from('1\n'), random.bytes(20)]))
    default:
      return random.pick([serialize.copyDone(), serialize.copyFail('no'), serialize.sync()])
  }
}

export interface Described {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly typeOid: number
}

export function rowDescription(columns: readonly Described[], format = 0): Buffer {
  const fields = columns.map(({ name, tableOid, columnNumber, typeOid }) =>
    Buffer.concat([
      cstring(name),
      int32(tableOid),
      int16(columnNumber),
      int32(typeOid),
      int16(-1),
      int32(-1),
      int16(format),
    ]),
  )
  return lettered('T', int16(columns.length), ...fields)
}

export function dataRow(cells: readonly (string | null)[]): Buffer {
  const fields = cells.map((cell) => {
    if (cell === null) return int32(-1)
    const bytes = Buffer.from(cell)
    return Buffer.concat([int32(bytes.length), bytes])
  })
  return lettered('D', int16(cells.length), ...fields)
}

export function errorMessage(code: string, text: string, severity = 'ERROR'): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`, 'Rfuzz', '']
  return lettered('E', ...fields.map(cstring))
}

const COLUMN = { name: 'n', tableOid: 0, columnNumber: 0, typeOid: 25 }

/** One well-formed message of a server. */
export function serverMessage(random: Random): Buffer {
  return random.pick<() => Buffer>([
    () => lettered('1'),
    () => lettered('2'),
    () => lettered('3'),
    () => rowDescription(Array.from({ length: random.below(4) }, () => COLUMN)),
    () => lettered('n'),
    () => lettered('t', int16(1), int32(23)),
    () => dataRow(Array.from({ length: random.below(4) }, () => random.pick(['x', null, 'yy']))),
    () => dataRow(['secret', 'plain']),
    () => lettered('C', cstring(random.pick(['SELECT 1', 'INSERT 0 9', 'BEGIN', '']))),
    () => lettered('I'),
    () => lettered('s'),
    () => lettered('Z', Buffer.from(random.pick(['I', 'T', 'E']))),
    () => errorMessage('22012', 'division by zero'),
    () => lettered('N', ...['SNOTICE', 'VNOTICE', 'C00000', 'Mhello', ''].map(cstring)),
    () => lettered('A', int32(7), cstring('news'), cstring('text')),
    () => lettered('S', cstring('application_name'), cstring('x')),
    () => lettered('S', cstring('client_encoding'), cstring(random.pick(['UTF8', 'SJIS']))),
    () => lettered('G', Buffer.from([0]), int16(1), int16(0)),
    () => lettered('H', Buffer.from([random.below(2)]), int16(2), int16(0), int16(0)),
    () => lettered('d', Buffer.from('secret\tplain\n')),
    () => lettered('c'),
  ])()
}
