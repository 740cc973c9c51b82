/** Messages of the protocol as a client or a server writes them, put together by hand. */

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

const text = (value: string) => Buffer.from(`${value}\0`)
const int16 = (value: number) => Buffer.from([value >> 8, value & 255])

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function counted(value: string): Buffer {
  return Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)])
}

export const query = (sql: string) => message('Q', text(sql))
export const parse = (name: string, sql: string) => message('P', text(name), text(sql), int16(0))
export const sync = message('S')

/** Bind to the unnamed portal with one text parameter, Describe and Execute it, then Sync. */
export function execution(statement: string, value: string): Buffer {
  return Buffer.concat([
    message('B', text(''), text(statement), int16(0), int16(1), counted(value), int16(0)),
    message('D', Buffer.from('P'), text('')),
    message('E', text(''), int32(0)),
    sync,
  ])
}

export const parseComplete = message('1')
export const bindComplete = message('2')
export const ready = message('Z', Buffer.from('I'))
export const complete = (tag: string) => message('C', text(tag))

/** Columns c1, c2 ... of a table; the first is an int4, the others are texts. */
export function rowDescription(columns: number, table: number): Buffer {
  const fields = Array.from({ length: columns }, (_, index) =>
    Buffer.concat([
      text(`c${index + 1}`),
      int32(table),
      int16(table === 0 ? 0 : index + 1),
      int32(index === 0 ? 23 : 25),
      int16(-1),
      int32(-1),
      int16(0),
    ]),
  )
  return message('T', int16(columns), ...fields)
}

export function dataRow(cells: readonly string[]): Buffer {
  return message('D', int16(cells.length), ...cells.map(counted))
}
