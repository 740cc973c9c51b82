import type { RecordValues } from '../values.ts'

const NULL = -1

/** Rows of a composite type: how many fields there are is the type's own, so nothing else is told. */
export function compositeValues(binary: boolean): RecordValues {
  return { kind: 'record', hidden: binary ? hiddenInBinary : hiddenInText }
}

/** (1,"a ""b""",) as record_out writes it: quotes within quotes are doubled, backslashes too. */
function hiddenInText(cell: Buffer): Buffer | null {
  const text = cell.toString('latin1')
  if (!text.startsWith('(') || !text.endsWith(')')) return null
  let commas = 0
  let quoted = false
  for (const character of text) {
    if (character === '"') quoted = !quoted
    else if (character === ',' && !quoted) commas++
  }
  return quoted ? null : Buffer.from(`(${','.repeat(commas)})`)
}

/** Int32 number of fields; of each the type, the Int32 length, the value (record_send). */
function hiddenInBinary(cell: Buffer): Buffer | null {
  if (cell.length < 4) return null
  const count = cell.readInt32BE(0)
  if (count < 0 || 4 + count * 8 > cell.length) return null
  const out = Buffer.alloc(4 + count * 8)
  out.writeInt32BE(count)
  let at = 4
  for (let field = 0; field < count; field++) {
    if (at + 8 > cell.length) return null
    cell.copy(out, 4 + field * 8, at, at + 4)
    out.writeInt32BE(NULL, 8 + field * 8)
    const length = cell.readInt32BE(at + 4)
    if (length < NULL) return null
    at += 8 + Math.max(length, 0)
  }
  return at === cell.length ? out : null
}
