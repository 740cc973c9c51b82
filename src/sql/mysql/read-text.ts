import { isUtf8 } from 'node:buffer'
import { messageOf } from '../../lib/errors.ts'
import {
  type Dialect,
  EVERY_MODE,
  encodingOf,
  type LexMode,
  modesOf,
  type SessionFacts,
} from './dialect.ts'
import { LexError, lex } from './lexer.ts'
import type { StatementText } from './statement-text.ts'
import { isCode, isOp, type Token } from './token.ts'

/** One way in which the server may read a text. */
export interface Reading {
  readonly mode: LexMode
  readonly statements: readonly StatementText[]
}

export type ReadOutcome =
  /** Of which at least one is what the server reads; all have to come to one verdict. */
  | {
      readonly kind: 'read'
      readonly readings: readonly Reading[]
      readonly conditional: readonly Reading[]
    }
  | { readonly kind: 'opaque'; readonly reason: string }

/** A longer text isn't read: it would keep other sessions waiting. */
const MAX_BYTES = 4 * 1024 * 1024
const MAX_STATEMENTS = 1000
/** Parentheses in one another; the servers' own parsers end near here too. */
const MAX_DEPTH = 200

/** What could change how the statements behind it are read. */
const CHANGES_LEXING = /sql_mode|names|charset|character/i

/** Reads a text in every way that the session's facts leave open. Never throws. */
export function readText(bytes: Buffer, facts: SessionFacts, dialect: Dialect): ReadOutcome {
  const refusal = refusalOf(bytes, facts)
  if (refusal !== null) return { kind: 'opaque', reason: refusal }
  const text = bytes.toString('latin1')
  const encoding = encodingOf(facts.characterSet) === 'utf8' ? 'utf8' : 'latin1'
  const modes = text.includes(';') && CHANGES_LEXING.test(text) ? EVERY_MODE : modesOf(facts)
  try {
    return readModes({ text, bytes, encoding }, distinct(text, modes), dialect)
  } catch (error) {
    return { kind: 'opaque', reason: messageOf(error) }
  }
}

function refusalOf(bytes: Buffer, facts: SessionFacts): string | null {
  if (bytes.length > MAX_BYTES) return `it is longer than ${MAX_BYTES} bytes`
  if (facts.oracle) return 'sql_mode ORACLE has another grammar'
  if (bytes.includes(0)) return 'it holds a NUL'
  const encoding = encodingOf(facts.characterSet)
  if (encoding === 'unsafe') return `a character of ${facts.characterSet} can hold a quote`
  return null
}

/** A text without double quotes reads the same with ANSI_QUOTES; one without backslashes alike. */
function distinct(text: string, modes: readonly LexMode[]): readonly LexMode[] {
  const quotes = text.includes('"')
  const backslashes = text.includes('\\')
  const seen = new Map<string, LexMode>()
  for (const mode of modes) {
    const key = `${quotes && mode.ansiQuotes} ${backslashes && mode.noBackslashEscapes}`
    if (!seen.has(key)) seen.set(key, mode)
  }
  return [...seen.values()]
}

interface Source {
  readonly text: string
  readonly bytes: Buffer
  readonly encoding: 'utf8' | 'latin1'
}

function readModes(source: Source, modes: readonly LexMode[], dialect: Dialect): ReadOutcome {
  const readings: Reading[] = []
  const conditional: Reading[] = []
  const read = (mode: LexMode, doubtful: 'run' | 'skip') => {
    const lexed = lex(source.text, { ...mode, dialect, doubtful })
    if (lexed.doubt !== null) throw new LexError(lexed.doubt)
    checkBytes(source, lexed.tokens)
    const to = doubtful === 'skip' ? readings : conditional
    to.push({ mode, statements: split(source, lexed.tokens) })
    return lexed.conditional
  }
  for (const mode of modes) if (read(mode, 'skip')) read(mode, 'run')
  return { kind: 'read', readings, conditional }
}

/**
 * Drivers write bytes into a text behind _binary; anything else has to be what its character set
 * says, for a name that isn't can't be found, and a person can't read it.
 */
function checkBytes({ text, bytes, encoding }: Source, tokens: readonly Token[]): void {
  if (encoding === 'utf8' && isUtf8(bytes)) {
    if (tokens.some(({ kind, text }) => kind === 'word' && text.includes('\u00f0'))) {
      throw new LexError('a name holds a character beyond U+FFFF')
    }
    return
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every byte of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return
  const plain = Buffer.from(bytes)
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1]
    const own = encoding === 'latin1' || before?.text.toLowerCase() === '_binary'
    if (token.kind === 'string' && own) plain.fill(0x20, token.start, token.end)
  }
  if (encoding === 'utf8' ? isUtf8(plain) : plain.every((byte) => byte < 0x80)) return
  throw new LexError(`it holds bytes that aren't text in its character set`)
}

/**
 * Cuts at semicolons. A stored program keeps its own: from where one begins, the rest of the text is
 * one statement, whatever follows.
 */
function split({ text, encoding }: Source, tokens: readonly Token[]): readonly StatementText[] {
  const statements: StatementText[] = []
  let current: Token[] = []
  let program = false
  let depth = 0
  const end = () => {
    if (current.some(isCode)) statements.push({ source: text, tokens: current, encoding })
    if (statements.length > MAX_STATEMENTS) throw new LexError('it holds too many statements')
    current = []
  }
  for (const token of tokens) {
    if (isOp(token, '(') && ++depth > MAX_DEPTH) throw new LexError('it is too deep')
    if (isOp(token, ')')) depth--
    if (isOp(token, ';') && !program) {
      end()
      depth = 0
      continue
    }
    current.push(token)
    program ||= beginsProgram(current)
  }
  end()
  return statements
}

const PROGRAM_OBJECTS = new Set(['PROCEDURE', 'FUNCTION', 'TRIGGER', 'EVENT', 'PACKAGE', 'LIBRARY'])
const COMPOUND = new Set(['IF', 'CASE', 'LOOP', 'WHILE', 'REPEAT', 'FOR', 'DECLARE'])
/** How far from its start a CREATE says what it creates: behind OR REPLACE and DEFINER = user. */
const CREATE_WORDS = 40

/** Whether a statement, of which these are the tokens so far, may hold semicolons of its own. */
function beginsProgram(tokens: readonly Token[]): boolean {
  if (tokens.length > CREATE_WORDS) return false
  const last = tokens.at(-1) as Token
  if (!isCode(last)) return false
  const code = tokens.filter(isCode)
  const first = code[0]?.keyword ?? ''
  if (code.length === 1) return COMPOUND.has(first)
  if (first === 'CREATE' || first === 'ALTER') return PROGRAM_OBJECTS.has(last.keyword)
  if (first === 'BEGIN') return code.length === 2 && last.keyword === 'NOT'
  // SET STATEMENT ... FOR may be followed by a block, and a block may have a label.
  if (first === 'SET') return code[1]?.keyword === 'STATEMENT'
  return code.length === 2 && isOp(last, ':')
}
