import { createHmac } from 'node:crypto'
import type { Masker } from '../plan.ts'
import type { Values } from '../values.ts'

/** Bytes of the digest that a text, a document or a string of bytes is given. */
const KEPT = 16

/**
 * A keyed hash in the column's own type: equal values stay equal, in text and binary alike and from
 * one kind of database to the other, so that joining and grouping outside still works. Null for a
 * type that has no room for one.
 */
export function hashMasker(values: Values, key: Buffer): Masker | null {
  const digest = (value: string | Buffer) => createHmac('sha256', key).update(value).digest()
  switch (values.kind) {
    case 'text':
      return (cell) => values.write(digest(values.content(cell)).toString('hex', 0, KEPT))
    case 'document':
      return (cell) => values.write(`"${digest(values.content(cell)).toString('hex', 0, KEPT)}"`)
    case 'bytes':
      return (cell) => {
        const value = values.read(cell)
        return value === null ? values.redacted : values.write(digest(value).subarray(0, KEPT))
      }
    case 'number': {
      const { room } = values
      if (room === null) return null
      return (cell) => {
        const value = values.read(cell)
        return value === null
          ? values.redacted
          : values.write(digest(value).readBigUInt64BE() % room)
      }
    }
    default:
      return null
  }
}
