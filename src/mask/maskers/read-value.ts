import type { TypeShape } from '../types.ts'
import { uuidBytes } from './uuid.ts'

/** An integer as decimal digits; null where the bytes aren't one. */
export function readInteger(cell: Buffer, shape: TypeShape): string | null {
  if (!shape.binary) {
    const text = cell.toString('latin1')
    return /^-?\d{1,19}$/.test(text) ? text : null
  }
  const sizes: Partial<Record<TypeShape['family'], number>> = { int2: 2, int4: 4, int8: 8 }
  if (cell.length !== sizes[shape.family]) return null
  if (cell.length === 2) return String(cell.readInt16BE())
  return cell.length === 4 ? String(cell.readInt32BE()) : String(cell.readBigInt64BE())
}

/** A float as JavaScript spells it, so that both formats and all extra_float_digits agree. */
export function readFloat(cell: Buffer, shape: TypeShape): string | null {
  if (shape.binary) {
    if (shape.family === 'float4') return cell.length === 4 ? String(cell.readFloatBE()) : null
    return cell.length === 8 ? String(cell.readDoubleBE()) : null
  }
  const value = Number(cell.toString('latin1'))
  return String(shape.family === 'float4' ? Math.fround(value) : value)
}

/** bytea from \x6869 (bytea_output = hex) or from hi\000 (escape); null where it is neither. */
export function readBytea(cell: Buffer, shape: TypeShape): Buffer | null {
  if (shape.binary) return cell
  const text = cell.toString('latin1')
  if (text.startsWith('\\x')) {
    const hex = text.slice(2)
    return /^([0-9a-f]{2})*$/i.test(hex) ? Buffer.from(hex, 'hex') : null
  }
  const plain = text.replace(/\\(\\|[0-3][0-7]{2})/g, (_, code: string) =>
    code === '\\' ? '\\' : String.fromCharCode(Number.parseInt(code, 8)),
  )
  return Buffer.from(plain, 'latin1')
}

/** 16 bytes of a uuid; null where it isn't one. */
export function readUuid(cell: Buffer, shape: TypeShape): Buffer | null {
  if (shape.binary) return cell.length === 16 ? cell : null
  return uuidBytes(cell.toString('latin1'))
}
