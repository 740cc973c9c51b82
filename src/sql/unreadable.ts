import { createHash } from 'node:crypto'
import type { Classification } from './statement.ts'

/** The verdict on a text about which nothing is known. */
export function unreadable(sql: string, reason: string): Classification {
  const digest = createHash('sha256').update(sql).digest('hex')
  return {
    verb: 'UNREADABLE',
    sql,
    tokens: digest,
    fingerprint: digest.slice(0, 16),
    withoutLiterals: '',
    redacted: `(${Buffer.byteLength(sql)} bytes that can't be read, sha256 ${digest})`,
    effects: [{ effect: 'opaque', reason: `the statement can't be judged: ${reason}` }],
    tables: [],
    functions: [],
    classes: [],
    output: 'classified',
    safeOutputs: [],
    anyResults: true,
    foreignNames: true,
    keeps: [],
    connectionBound: true,
    names: [],
  }
}
