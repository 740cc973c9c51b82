import type { Analysis } from './analysis.ts'
import { Cursor } from './cursor.ts'
import { fromClauses } from './from-clauses.ts'
import type { StatementText } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** Names with dots between them: the indexes of their tokens. */
interface Chain {
  readonly parts: readonly number[]
  /** A star is its last part. */
  readonly star: boolean
}

/**
 * Every schema that the text of a statement names, spelled as written, each once.
 *
 * A name of three parts begins with one; one of two parts does where a table or a routine stands.
 * Elsewhere x.y is a column of x, and x a schema only where nothing in the statement is called so.
 */
export function namedSchemas(analysis: Analysis, text: StatementText): readonly string[] {
  const found = new Set<string>()
  for (const part of cut(text)) new Reader(analysis, part).run(found)
  return [...found]
}

/** The statements of a stored program stand between semicolons. */
function cut(text: StatementText): readonly StatementText[] {
  const parts: Token[][] = [[]]
  for (const token of text.tokens) {
    if (isOp(token, ';')) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts.map((tokens) => ({ ...text, tokens }))
}

/** Statements of which every dotted name, up to a query in them, is one of an object. */
const OF_OBJECTS = new Set(
  `ALTER ANALYZE BACKUP CACHE CALL CHANGE CHECK CHECKSUM CREATE DESC DESCRIBE DROP EXPLAIN FLUSH GRANT HANDLER
   IMPORT LOAD LOCK OPTIMIZE RENAME REPAIR REVOKE SHOW TRUNCATE`
    .trim()
    .split(/\s+/),
)
/** Behind them an object is named, whatever the statement. */
const BEFORE_OBJECT = new Set(
  'CALL EVENT FUNCTION HANDLER INTO JOIN PROCEDURE REFERENCES SEQUENCE STRAIGHT_JOIN TABLE TABLES TRIGGER TRUNCATE VIEW'.split(
    ' ',
  ),
)
/** EXPLAIN and ANALYZE: what they are for begins here. */
const EXPLAINS = new Set(['ANALYZE', 'DESC', 'DESCRIBE', 'EXPLAIN'])
const CHANGES = new Set(['DELETE', 'INSERT', 'REPLACE', 'UPDATE'])
/** Where the body of stored code begins. */
const BODIES = new Set(
  'BEGIN CALL CASE DELETE DO EACH IF INSERT LOOP REPEAT RETURN SELECT SET UPDATE WHILE'.split(' '),
)
const STORED = new Set(['EVENT', 'FUNCTION', 'PACKAGE', 'PROCEDURE', 'TRIGGER'])
const MODIFIERS = new Set(['LOW_PRIORITY', 'HIGH_PRIORITY', 'DELAYED', 'IGNORE', 'QUICK', 'FROM'])
/** MariaDB: their argument is a sequence. */
const OF_SEQUENCES = new Set(['NEXTVAL', 'LASTVAL', 'SETVAL'])

/** Reads one statement. */
class Reader {
  readonly #analysis: Analysis
  readonly #text: StatementText
  /** Indexes of the last tokens of tables. */
  readonly #tables = new Set<number>()
  readonly #aliases = new Set<string>()
  /** Up to it, all dotted names are those of objects. */
  readonly #head: number

  constructor(analysis: Analysis, text: StatementText) {
    this.#analysis = analysis
    this.#text = text
    this.#head = headOf(text.tokens)
    this.#findTables()
  }

  run(found: Set<string>): void {
    for (const schema of this.#databases()) found.add(schema)
    for (const chain of this.#chains()) {
      const first = this.#text.tokens[chain.parts[0] as number] as Token
      if (this.#namesSchema(chain, first)) found.add(nameOf(first))
    }
  }

  #findTables(): void {
    const { dialect } = this.#analysis
    const starts = new Set([-1])
    const { tokens } = this.#text
    for (const [at, { keyword }] of tokens.entries()) {
      const before = tokens[at - 1]?.keyword ?? ''
      if (keyword === 'UPDATE' && before !== 'KEY' && before !== 'FOR' && before !== 'ON') {
        starts.add(this.#behindModifiers(at + 1))
      } else if (keyword === 'USING' && tokens.some((token) => token.keyword === 'DELETE')) {
        starts.add(at + 1)
      }
    }
    for (const start of [...starts].slice(0, MAX_STARTS)) {
      const { refs, derived } = fromClauses(this.#text, dialect, start)
      for (const { at, alias, name } of refs) {
        this.#tables.add(at)
        this.#aliases.add((alias ?? name).toLowerCase())
      }
      for (const alias of derived) this.#aliases.add(alias)
    }
    this.#findTargets()
    for (const [at, token] of tokens.entries()) {
      if (isName(token) && tokens[at - 1]?.keyword === 'AS') this.#alias(token)
    }
  }

  #alias(token: Token): void {
    this.#aliases.add(nameOf(token).toLowerCase())
  }

  #behindModifiers(at: number): number {
    const cursor = new Cursor(this.#text, at)
    cursor.skipAny(MODIFIERS)
    return cursor.at
  }

  /** INSERT t, REPLACE t, DELETE t1, t2 FROM: tables without a FROM before them. */
  #findTargets(): void {
    const { tokens } = this.#text
    for (const [at, { keyword }] of tokens.entries()) {
      if (keyword !== 'INSERT' && keyword !== 'REPLACE' && keyword !== 'DELETE') continue
      const cursor = new Cursor(this.#text, this.#behindModifiers(at + 1))
      cursor.skip('INTO')
      do {
        const name = cursor.name()
        if (!name) break
        this.#tables.add(name.last)
        if (name.schema === null) this.#aliases.add(name.name.toLowerCase())
        if (cursor.op('.') && isOp(cursor.peek(1), '*')) cursor.at += 2
      } while (cursor.skipOp(','))
    }
  }

  *#chains(): Generator<Chain> {
    const { tokens } = this.#text
    for (let at = 0; at < tokens.length; at++) {
      if (!isName(tokens[at]) || isOp(tokens[at - 1], '@@')) continue
      const parts = [at]
      while (isOp(tokens[at + 1], '.') && isName(tokens[at + 2])) {
        at += 2
        parts.push(at)
      }
      const star = isOp(tokens[at + 1], '.') && isOp(tokens[at + 2], '*')
      if (parts.length > 1 || star) yield { parts, star }
    }
  }

  #namesSchema({ parts, star }: Chain, first: Token): boolean {
    const { tokens } = this.#text
    const start = parts[0] as number
    const last = parts.at(-1) as number
    const verb = tokens[0]?.keyword
    // GRANT SELECT ON a.*
    if (parts.length === 1) return verb === 'GRANT' || verb === 'REVOKE'
    if (parts.length > 2 || star || isOp(tokens[last + 1], '(')) return true
    if (this.#tables.has(last) || this.#isObject(start)) return true
    const name = nameOf(first)
    if (start < this.#head) return true
    return !this.#aliases.has(name.toLowerCase()) && this.#analysis.schema.hasSchema(name)
  }

  /** Whether the words before an index say that an object is named there. */
  #isObject(at: number): boolean {
    const { tokens } = this.#text
    const before = tokens[at - 1]
    if (BEFORE_OBJECT.has(before?.keyword ?? '')) return true
    if (isOp(before, '(')) return OF_SEQUENCES.has(tokens[at - 2]?.keyword ?? '')
    return before?.keyword === 'FOR' && tokens[at - 2]?.keyword === 'VALUE'
  }

  /** CREATE DATABASE a, USE a, SHOW TABLES FROM a, EXPLAIN FOR SCHEMA a. */
  *#databases(): Generator<string> {
    const { tokens } = this.#text
    const verb = tokens[0]?.keyword
    for (const at of tokens.slice(0, verb === 'USE' ? 1 : this.#head).keys()) {
      const cursor = new Cursor(this.#text, at + 1)
      if (!isDatabaseWord(tokens, at)) continue
      cursor.skip('IF', 'NOT', 'EXISTS')
      cursor.skip('IF', 'EXISTS')
      const name = cursor.peek()
      if (verb === 'ALTER' && NO_DATABASE.has(name?.keyword ?? '')) continue
      if (isName(name) && !isOp(cursor.peek(1), '.')) yield nameOf(name)
    }
  }
}

/** UPDATE and USING in one statement; a program may hold more. */
const MAX_STARTS = 20
/** ALTER DATABASE CHARACTER SET utf8mb4 is for the default schema. */
const NO_DATABASE = new Set([
  'CHARACTER',
  'CHARSET',
  'COLLATE',
  'COMMENT',
  'DEFAULT',
  'ENCRYPTION',
  'READ',
])
const BEFORE_DATABASE = new Set(['ALTER', 'CREATE', 'DROP', 'FOR', 'REPLACE'])
/** SHOW what FROM t: their first FROM is behind a table, their second behind a schema. */
const SHOWN_OF_TABLE = new Set(['COLUMNS', 'FIELDS', 'INDEX', 'INDEXES', 'KEYS'])
const SHOWN_OF_SCHEMA = new Set(['TABLES', 'EVENTS', 'TRIGGERS', 'STATUS'])

/** The index up to which a statement names objects; 0 where it is a query, or changes rows. */
function headOf(tokens: readonly Token[]): number {
  const verb = tokens[0]?.keyword ?? ''
  if (!OF_OBJECTS.has(verb)) return 0
  // GRANT SELECT has no query.
  if (verb === 'GRANT' || verb === 'REVOKE') return tokens.length
  let stored = false
  for (const [at, { keyword }] of tokens.entries()) {
    if (keyword === 'SELECT' || keyword === 'WHERE') return at
    if (EXPLAINS.has(verb) && at > 0 && CHANGES.has(keyword)) return at
    if (verb === 'LOAD' && keyword === 'SET') return at
    // BEFORE INSERT ON t is the event of a trigger.
    const event = isName(tokens[at + 1]) && tokens[at + 1]?.keyword === 'ON'
    if (stored && BODIES.has(keyword) && !event) return at
    stored ||= verb === 'CREATE' && at < STORED_WITHIN && STORED.has(keyword)
  }
  return tokens.length
}

/** How far from its start a CREATE says what it creates. */
const STORED_WITHIN = 40

/** Whether a schema's name comes behind the word at an index. */
function isDatabaseWord(tokens: readonly Token[], at: number): boolean {
  const word = tokens[at]?.keyword
  const verb = tokens[0]?.keyword
  if (word === 'USE') return at === 0
  if (word === 'DATABASE' || word === 'SCHEMA') {
    return BEFORE_DATABASE.has(tokens[at - 1]?.keyword ?? '')
  }
  if (verb !== 'SHOW' || (word !== 'FROM' && word !== 'IN')) return false
  const words = tokens.slice(1, at).map(({ keyword }) => keyword)
  if (words.some((other) => SHOWN_OF_TABLE.has(other))) {
    return words.some((other) => other === 'FROM' || other === 'IN')
  }
  return words.some((other) => SHOWN_OF_SCHEMA.has(other))
}
