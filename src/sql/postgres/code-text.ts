import { LRUCache } from 'lru-cache'
import type { PgQuery, RawStatement } from './pg-query.ts'
import { type Routine, routineOf } from './plpgsql.ts'

/** Bytes of code that are kept read, as a tree some ten times as large. */
const CACHE_SIZE = 4 * 1024 * 1024

/**
 * Reads the code that stands in a database: queries of views, bodies of functions, expressions. It
 * is the same for every statement that runs it, so what was read is kept; null is kept too.
 */
export class CodeReader {
  readonly #known = new LRUCache<string, { readonly read: unknown }>({
    maxSize: CACHE_SIZE,
    sizeCalculation: (_read, text) => text.length * 4 + 256,
  })

  /** The statements of a text in SQL; null where the grammar refuses it. */
  statements(grammar: PgQuery, sql: string): readonly RawStatement[] | null {
    return this.#once(`sql ${sql}`, () => grammar.parse(sql))
  }

  /** A function in PL/pgSQL by its CREATE FUNCTION or DO; null where it can't be read whole. */
  routine(grammar: PgQuery, definition: string): Routine | null {
    return this.#once(`plpgsql ${definition}`, () => routineOf(grammar.parseRoutine(definition)))
  }

  #once<T>(key: string, read: () => T): T | null {
    const known = this.#known.get(key)
    if (known) return known.read as T | null
    let made: T | null
    try {
      made = read()
    } catch {
      made = null
    }
    this.#known.set(key, { read: made })
    return made
  }
}
