import { createRequire } from 'node:module'
import type { Body } from './ast.ts'

/** The exports of libpg_query that are used; its own wrapper keeps one instance that can't be replaced. */
interface WasmModule {
  _malloc(bytes: number): number
  _free(pointer: number): void
  _wasm_parse_query_raw(sql: number): number
  _wasm_free_parse_result(result: number): void
  _wasm_scan(sql: number): number
  _wasm_fingerprint(sql: number): number
  _wasm_parse_plpgsql(sql: number): number
  _wasm_free_string(text: number): void
  lengthBytesUTF8(text: string): number
  stringToUTF8(text: string, pointer: number, bytes: number): void
  UTF8ToString(pointer: number): string
  getValue(pointer: number, type: 'i32'): number
}

const instantiate = createRequire(import.meta.url)(
  'libpg-query/wasm/libpg-query.js',
) as () => Promise<WasmModule>

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f]/g

/** The grammar refuses the text. The only error after which an instance is still sound. */
export class SqlSyntaxError extends Error {}

/** One statement of a text. Offsets are bytes; a length of 0 or none means up to the end. */
export interface RawStatement {
  readonly stmt: Body
  readonly stmt_location?: number
  readonly stmt_len?: number
}

/** One token of a text, comments included. Offsets are bytes. */
export interface ScanToken {
  readonly start: number
  readonly end: number
  readonly tokenName: string
}

/**
 * One instance of PostgreSQL's own grammar. After any exception that isn't a SqlSyntaxError its
 * memory can't be trusted: `sound` is false from then on and the instance is to be thrown away.
 */
export class PgQuery {
  readonly #wasm: WasmModule
  #sound = true

  private constructor(wasm: WasmModule) {
    this.#wasm = wasm
  }

  /** Takes about 20 ms. */
  static async load(): Promise<PgQuery> {
    return new PgQuery(await instantiate())
  }

  get sound(): boolean {
    return this.#sound
  }

  /** The text may hold no NUL: the grammar would stop there. Throws SqlSyntaxError. */
  parse(sql: string): readonly RawStatement[] {
    return this.#guarded(sql, (pointer) => {
      const tree = JSON.parse(this.#parseText(pointer)) as { stmts?: RawStatement[] }
      return tree.stmts ?? []
    })
  }

  /** Only for a text that `parse` has accepted. */
  scan(sql: string): readonly ScanToken[] {
    return this.#guarded(sql, (pointer) => {
      // libpg_query escapes quotes and backslashes in a token's text, but not control characters.
      const text = this.#takeString(this.#wasm._wasm_scan(pointer)).replace(CONTROL, ' ')
      return (JSON.parse(text) as { tokens: ScanToken[] }).tokens
    })
  }

  /**
   * The tree of a function in PL/pgSQL, from its CREATE FUNCTION or DO. Throws SqlSyntaxError where
   * the language refuses it.
   */
  parseRoutine(definition: string): unknown {
    return this.#guarded(definition, (pointer) => {
      const text = this.#takeString(this.#wasm._wasm_parse_plpgsql(pointer))
      // It answers with the error's text where it has no tree.
      if (!text.startsWith('{')) throw new SqlSyntaxError(text)
      return JSON.parse(text)
    })
  }

  /** 16 hex digits, equal for texts that differ in literals. Only for a text that `parse` has accepted. */
  fingerprint(sql: string): string {
    return this.#guarded(sql, (pointer) => {
      const text = this.#takeString(this.#wasm._wasm_fingerprint(pointer))
      // libpg_query returns the lexer's error text as if it were the fingerprint.
      if (!/^[0-9a-f]{16}$/.test(text)) throw new Error(`fingerprint: ${text}`)
      return text
    })
  }

  #guarded<T>(sql: string, use: (pointer: number) => T): T {
    try {
      const bytes = this.#wasm.lengthBytesUTF8(sql) + 1
      const pointer = this.#wasm._malloc(bytes)
      try {
        this.#wasm.stringToUTF8(sql, pointer, bytes)
        return use(pointer)
      } finally {
        this.#wasm._free(pointer)
      }
    } catch (error) {
      if (!(error instanceof SqlSyntaxError)) this.#sound = false
      throw error
    }
  }

  /** PgQueryParseResult { char *parse_tree; char *stderr_buffer; PgQueryError *error } */
  #parseText(pointer: number): string {
    const wasm = this.#wasm
    const result = wasm._wasm_parse_query_raw(pointer)
    if (result === 0) throw new Error('parse: out of memory')
    try {
      const error = wasm.getValue(result + 8, 'i32')
      if (error !== 0) throw new SqlSyntaxError(wasm.UTF8ToString(wasm.getValue(error, 'i32')))
      return wasm.UTF8ToString(wasm.getValue(result, 'i32'))
    } finally {
      wasm._wasm_free_parse_result(result)
    }
  }

  #takeString(pointer: number): string {
    const text = this.#wasm.UTF8ToString(pointer)
    this.#wasm._wasm_free_string(pointer)
    return text
  }
}
