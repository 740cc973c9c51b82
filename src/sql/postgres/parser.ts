import { messageOf } from '../../lib/errors.ts'
import type { CodeSource } from './analysis.ts'
import { CodeReader } from './code-text.ts'
import { isFlat, isFlatCode } from './flat-text.ts'
import { PgQuery, type RawStatement, SqlSyntaxError } from './pg-query.ts'
import type { Routine } from './plpgsql.ts'
import { type ReadStatement, type ReadText, readText } from './read-text.ts'

/** Bytes. Above it nothing is read: the text is opaque. */
const MAX_TEXT = 1024 * 1024

export type ParseOutcome =
  | { readonly kind: 'read'; readonly statements: readonly ReadStatement[] }
  | { readonly kind: 'syntax-error'; readonly message: string }
  | {
      readonly kind: 'opaque'
      readonly reason: string
      readonly sql: string
      /** It was too deep for this thread's stack. */
      readonly deep?: true
    }

/** A text that would keep others waiting, or strain a stack. */
export interface LargeText {
  readonly kind: 'large'
  readonly sql: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads SQL text with PostgreSQL's own grammar, so that a hostile text can neither stop nor fool
 * the data plane: what can't be read for certain comes back as opaque.
 */
export class PostgresParser implements CodeSource {
  readonly #code = new CodeReader()
  #grammar: PgQuery | null = null
  #loading: Promise<PgQuery> | null = null

  /** Loads the grammar, so that the first statement needn't wait. */
  async open(): Promise<void> {
    await this.#load()
  }

  /** At once while a grammar is loaded; a promise otherwise. Never throws; reads no large text. */
  parse(bytes: Buffer): ParseOutcome | LargeText | Promise<ParseOutcome> {
    if (bytes.length > MAX_TEXT) return opaque(`it is longer than ${MAX_TEXT} bytes`, bytes)
    if (bytes.includes(0)) return opaque('it holds a NUL byte', bytes)
    let sql: string
    try {
      sql = utf8.decode(bytes)
    } catch {
      return opaque('it is not valid UTF-8', bytes)
    }
    if (!isFlat(bytes)) return { kind: 'large', sql }
    const grammar = this.#grammar
    if (grammar?.sound) return parseWith(grammar, sql, bytes)
    return this.#load().then(
      (fresh) => parseWith(fresh, sql, bytes),
      (error) => failureOf(error, bytes),
    )
  }

  /** The statements of a function's body; null where it can't be read at once. */
  parseBody(sql: string): readonly RawStatement[] | null {
    const grammar = this.#grammarFor(sql)
    return grammar && this.#code.statements(grammar, sql)
  }

  /** A function in PL/pgSQL, by its CREATE FUNCTION or a DO; null where it can't be read at once. */
  parseRoutine(definition: string): Routine | null {
    const grammar = this.#grammarFor(definition)
    return grammar && this.#code.routine(grammar, definition)
  }

  #grammarFor(code: string): PgQuery | null {
    const grammar = this.#grammar
    return grammar?.sound && isReadable(code) ? grammar : null
  }

  #load(): Promise<PgQuery> {
    this.#grammar = null
    this.#loading ??= PgQuery.load()
      .then((grammar) => {
        this.#grammar = grammar
        return grammar
      })
      .finally(() => {
        this.#loading = null
      })
    return this.#loading
  }
}

/** Code that strains no grammar. */
export function isReadable(code: string): boolean {
  const bytes = Buffer.from(code)
  return !bytes.includes(0) && isFlatCode(bytes)
}

/** Reads a text with a grammar that is sound; after an error of another kind it isn't any more. */
export function parseWith(grammar: PgQuery, sql: string, bytes: Buffer): ParseOutcome {
  try {
    return outcomeOf(readText(grammar, sql, bytes), bytes)
  } catch (error) {
    return failureOf(error, bytes)
  }
}

function outcomeOf(text: ReadText, bytes: Buffer): ParseOutcome {
  if (!text.ambiguous) return { kind: 'read', statements: text.statements }
  return opaque(
    "a backslash before a quote in a plain '...' constant may end it or not; write E'...'",
    bytes,
  )
}

function failureOf(error: unknown, bytes: Buffer): ParseOutcome {
  if (error instanceof SqlSyntaxError) return { kind: 'syntax-error', message: error.message }
  const failed = opaque(`it can't be read: ${messageOf(error)}`, bytes)
  return error instanceof RangeError ? { ...failed, deep: true } : failed
}

function opaque(reason: string, bytes: Buffer): Extract<ParseOutcome, { kind: 'opaque' }> {
  return { kind: 'opaque', reason, sql: bytes.toString('utf8') }
}
