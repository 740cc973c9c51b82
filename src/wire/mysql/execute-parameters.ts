import { ProxyError } from '../../lib/errors.ts'
import type { Cell } from '../columns.ts'
import type { Parameter } from '../requests.ts'
import { readValue } from './binary-row.ts'
import { PayloadReader, uint8, uint16 } from './payload.ts'

/** Byte1 command, Int4 statement, Int1 flags, Int4 iterations. */
const HEAD = 10
/** Of the flags: a cursor of any kind. PARAMETER_COUNT_AVAILABLE (8) needs query attributes. */
const CURSOR_TYPES = 0x07
const BINARY = 1

/** What a COM_STMT_EXECUTE says. */
export interface ReadExecution {
  readonly parameters: readonly Parameter[]
  /** The type of each parameter: its own, or that of an execution before. */
  readonly types: readonly number[]
  /** True where the types stand in the packet itself. */
  readonly bringsTypes: boolean
}

export function opensCursor(payload: Buffer): boolean {
  const reader = new PayloadReader(payload, 5)
  const flags = reader.uint8()
  if ((flags & ~CURSOR_TYPES) !== 0) throw violation('flags that were not agreed')
  if (reader.uint32() !== 1) throw violation('another count of iterations than 1')
  return flags !== 0
}

/**
 * Reads the bound values (manual, "COM_STMT_EXECUTE"): NULL bitmap, types where they are new,
 * values. `longData`: values that were sent ahead; they count more than what stands here.
 */
export function decodeExecute(
  payload: Buffer,
  facts: {
    readonly count: number
    readonly types: readonly number[] | null
    readonly longData: ReadonlyMap<number, Buffer>
  },
): ReadExecution {
  const { count, longData } = facts
  const reader = new PayloadReader(payload, HEAD)
  if (count === 0) {
    // MariaDB's clients send the flag here, too, where no server reads it.
    if (reader.remaining > 0) readBound(reader)
    reader.end()
    return { parameters: [], types: [], bringsTypes: true }
  }
  const bitmap = reader.bytes((count + 7) >> 3)
  const bringsTypes = readBound(reader)
  const types = bringsTypes ? readTypes(reader, count) : facts.types
  if (!types) throw violation('values without types')
  const parameters = types.map((typeOid, index): Parameter => {
    const long = longData.get(index)
    if (long) return { typeOid, format: BINARY, value: long }
    const isNull = ((bitmap[index >> 3] as number) & (1 << (index & 7))) !== 0
    const value: Cell = isNull ? null : readValue(reader, typeOid & 0xff)
    return { typeOid, format: BINARY, value }
  })
  reader.end()
  return { parameters, types, bringsTypes }
}

function readBound(reader: PayloadReader): boolean {
  const flag = reader.uint8()
  if (flag > 1) throw violation('a new-params-bound flag that is neither 0 nor 1')
  return flag === 1
}

function readTypes(reader: PayloadReader, count: number): number[] {
  const types: number[] = []
  for (let index = 0; index < count; index++) types.push(reader.uint16())
  return types
}

/** The same payload with the types that it left out. */
export function withTypes(payload: Buffer, types: readonly number[]): Buffer {
  const bound = HEAD + ((types.length + 7) >> 3)
  const head = payload.subarray(0, bound)
  return Buffer.concat([head, uint8(1), ...types.map(uint16), payload.subarray(bound + 1)])
}

function violation(what: string): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', `COM_STMT_EXECUTE has ${what}`)
}
