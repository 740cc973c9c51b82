import { type Clock, systemClock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { CodeReader } from './code-text.ts'
import { LargeTextReader, UnreadableError } from './large-text-reader.ts'
import { PgQuery, type RawStatement, SqlSyntaxError } from './pg-query.ts'
import type { Routine } from './plpgsql.ts'
import { type ReadStatement, type ReadText, readText } from './read-text.ts'

/** Bytes. Above it nothing is read: the text is opaque. */
const MAX_TEXT = 1024 * 1024
/** Bytes. Up to here a text is read on the data plane's own thread, when it is flat. */
const MAX_INLINE = 32 * 1024
/** A chain of some 6,000 operators overflows the grammar's stack; this stays well below. */
const MAX_INLINE_OPERATORS = 2000
const MAX_INLINE_DEPTH = 200
const MAX_INLINE_STATEMENTS = 100
const SEMICOLON = 0x3b

export type ParseOutcome =
  | { readonly kind: 'read'; readonly statements: readonly ReadStatement[] }
  | { readonly kind: 'syntax-error'; readonly message: string }
  | { readonly kind: 'opaque'; readonly reason: string; readonly sql: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads SQL text with PostgreSQL's own grammar, so that a hostile text can neither stop nor fool
 * the data plane: what can't be read for certain comes back as opaque.
 */
export class PostgresParser {
  readonly #large: LargeTextReader
  readonly #code = new CodeReader()
  #grammar: PgQuery | null = null
  #loading: Promise<PgQuery> | null = null

  constructor(clock: Clock = systemClock) {
    this.#large = new LargeTextReader(clock)
  }

  /** Loads the grammar, so that the first statement needn't wait. */
  async open(): Promise<void> {
    await this.#load()
  }

  async close(): Promise<void> {
    await this.#large.close()
  }

  /** At once for small texts while a grammar is loaded; a promise otherwise. Never throws. */
  parse(bytes: Buffer): ParseOutcome | Promise<ParseOutcome> {
    if (bytes.length > MAX_TEXT) return opaque(`it is longer than ${MAX_TEXT} bytes`, bytes)
    if (bytes.includes(0)) return opaque('it holds a NUL byte', bytes)
    let sql: string
    try {
      sql = utf8.decode(bytes)
    } catch {
      return opaque('it is not valid UTF-8', bytes)
    }
    if (!isFlat(bytes)) return this.#parseLarge(sql, bytes)
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
    const bytes = Buffer.from(code)
    const grammar = this.#grammar
    return grammar?.sound && !bytes.includes(0) && isFlat(bytes) ? grammar : null
  }

  async #parseLarge(sql: string, bytes: Buffer): Promise<ParseOutcome> {
    try {
      return outcomeOf(await this.#large.read(sql), bytes)
    } catch (error) {
      return failureOf(error, bytes)
    }
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

function parseWith(grammar: PgQuery, sql: string, bytes: Buffer): ParseOutcome {
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
  const reason = error instanceof UnreadableError ? error.message : messageOf(error)
  return opaque(`it can't be read: ${reason}`, bytes)
}

function opaque(reason: string, bytes: Buffer): ParseOutcome {
  return { kind: 'opaque', reason, sql: bytes.toString('utf8') }
}

/** Whether a text is small, and neither nested nor chained deeply enough to strain a stack. */
function isFlat(bytes: Buffer): boolean {
  if (bytes.length > MAX_INLINE) return false
  let depth = 0
  let operators = 0
  let statements = 0
  for (const byte of bytes) {
    if (byte === 0x28 || byte === 0x5b) depth++
    else if (byte === 0x29 || byte === 0x5d) depth--
    else if (OPERATORS[byte] === 1) operators++
    else if (byte === SEMICOLON) statements++
    if (depth > MAX_INLINE_DEPTH || operators > MAX_INLINE_OPERATORS) return false
    if (statements > MAX_INLINE_STATEMENTS) return false
  }
  return bytes.length <= MAX_INLINE_OPERATORS * 4 || countWords(bytes) <= MAX_INLINE_OPERATORS
}

const OPERATORS = new Uint8Array(256)
for (const operator of '+-*/<>=~!@#%^&|`?:') OPERATORS[operator.charCodeAt(0)] = 1

/** Words that can form chains: NOT, CASE, UNION, SELECT ... */
function countWords(bytes: Buffer): number {
  const words = /\b(?:not|case|union|intersect|except|select|is|collate|at|join|over)\b/gi
  let count = 0
  for (const _ of bytes.toString('latin1').matchAll(words)) count++
  return count
}
