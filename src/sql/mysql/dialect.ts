/** Which server reads the text. */
export interface Dialect {
  readonly flavour: 'mysql' | 'mariadb'
  /** As executable comments write it: 90704 for MySQL 9.7.4, 101119 for MariaDB 10.11.19. */
  readonly version: number
}

/**
 * What of a session decides how the server reads its text. A mode that isn't known is left out: the
 * text is then read both ways.
 */
export interface SessionFacts {
  /** character_set_client */
  readonly characterSet: string
  /** The default schema, where there is one. */
  readonly database: string | null
  readonly ansiQuotes?: boolean
  readonly noBackslashEscapes?: boolean
  /** sql_mode ORACLE of MariaDB, which has another grammar. */
  readonly oracle?: boolean
}

/** One way to read a text. */
export interface LexMode {
  readonly ansiQuotes: boolean
  readonly noBackslashEscapes: boolean
}

/** How a server writes a view's query, whatever the modes were in which it was made. */
export const SERVER_WRITES = { ansiQuotes: false, noBackslashEscapes: false } as const

/** Every mode that could hold. */
export function modesOf(facts: SessionFacts): readonly LexMode[] {
  const choices = (known: boolean | undefined) => (known === undefined ? [false, true] : [known])
  return choices(facts.ansiQuotes).flatMap((ansiQuotes) =>
    choices(facts.noBackslashEscapes).map((noBackslashEscapes) => ({
      ansiQuotes,
      noBackslashEscapes,
    })),
  )
}

export const EVERY_MODE: readonly LexMode[] = modesOf({ characterSet: '', database: null })

const UTF8 = new Set(['utf8', 'utf8mb3', 'utf8mb4'])

/**
 * Sets of one byte a character, ASCII below 0x80. In gbk, big5, sjis, cp932 and gb18030 a byte of a
 * character can be a quote or a backslash; in swe7 a letter is one.
 */
const SINGLE_BYTE = new Set(['ascii', 'binary', 'latin1'])

export type Encoding = 'utf8' | 'single-byte' | 'unsafe'

/** How bytes above 0x7f stand together in a character set. */
export function encodingOf(characterSet: string): Encoding {
  const name = characterSet.toLowerCase()
  if (UTF8.has(name)) return 'utf8'
  return SINGLE_BYTE.has(name) ? 'single-byte' : 'unsafe'
}
