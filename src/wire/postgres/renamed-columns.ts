import { cstring, message } from './framing.ts'
import { MessageReader } from './message-reader.ts'
import { ROW_DESCRIPTION } from './message-types.ts'

/** Behind its name: Int32 table, Int16 column, Int32 type, Int16 size, Int32 modifier, Int16 format. */
const FIXED_FIELDS = 18

/** A RowDescription (section 54.7) in which columns have other names; null for one that stays. */
export function withNames(frame: Buffer, names: readonly (string | null)[]): Buffer {
  const reader = new MessageReader(frame, 5)
  const parts: Buffer[] = [reader.bytes(2)]
  for (const name of names) {
    const own = reader.cstringBytes()
    parts.push(name === null ? Buffer.concat([own, NUL]) : cstring(name))
    parts.push(reader.bytes(FIXED_FIELDS))
  }
  reader.end()
  return message(ROW_DESCRIPTION, ...parts)
}

const NUL = Buffer.from([0])
