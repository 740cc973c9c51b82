import { LRUCache } from 'lru-cache'
import type { Body } from './ast.ts'
import type { PgQuery } from './pg-query.ts'

/** Kinds of statement in which a constant is a value and nothing else; in DDL and DO it may be more. */
const PLAIN = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])
const MAX_SHAPES = 4_000
/** UTF-16 units. */
const MAX_SHAPE = 4_096

const known = new LRUCache<string, string>({ max: MAX_SHAPES })

/**
 * The fingerprint of one statement. It is equal for texts that differ in constants, so what such a
 * text is without them finds it again without a second parse.
 *
 * @param shape the text with "?" for every constant
 */
export function fingerprintOf(grammar: PgQuery, node: Body, sql: string, shape: string): string {
  const kind = Object.keys(node)[0] ?? ''
  if (!PLAIN.has(kind) || shape.length > MAX_SHAPE) return grammar.fingerprint(sql)
  let fingerprint = known.get(shape)
  if (fingerprint === undefined) {
    fingerprint = grammar.fingerprint(sql)
    known.set(shape, fingerprint)
  }
  return fingerprint
}
