import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { UnjudgedError } from '../judging-worker.ts'
import { lineageSize } from '../lineage-size.ts'
import type { CacheSize, Classifier, Parsed, SessionNames } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import { type Dialect, encodingOf, type SessionFacts } from './dialect.ts'
import { Judge, type Judgement, type JudgeOptions } from './judge-text.ts'
import { LargeTextJudge } from './large-text-judge.ts'
import type { MysqlSchema, MysqlSchemaSource } from './schema.ts'

export interface MysqlClassifierOptions {
  /** Keeps the newest reading of the database's schema; a catalog is one. */
  readonly catalog: MysqlSchemaSource
  /** Of the server as it is now; asked for each text. */
  readonly dialect: Dialect
  /** schema.function: no effect beyond reading, and results that may be seen. */
  readonly trustedFunctions?: readonly string[]
  /** For the watchdog over large texts; the system's by default. */
  readonly clock?: Clock
}

export interface MysqlClassifier {
  /**
   * A classifier for one session. `facts` is asked for each text: what it says has to be the
   * server's own word about the session at that moment.
   */
  forSession(facts: () => SessionFacts): Classifier
  /** The verdicts that are kept. */
  readonly cached: CacheSize
  /** Ends the worker that judges large texts. */
  close(): Promise<void>
}

/** A classifier for one MySQL or MariaDB server. It reads tokens; it needs no grammar. */
export function createMysqlClassifier(options: MysqlClassifierOptions): MysqlClassifier {
  const verdicts = new LRUCache<string, Verdict>({
    maxSize: CACHE_SIZE,
    sizeCalculation: ({ parsed }, key) => key.length * 4 + VERDICT_SIZE + lineageSize(parsed),
  })
  const trusted = new Set(options.trustedFunctions)
  const large = new LargeTextJudge(options.clock ?? systemClock)
  return {
    forSession: (facts) =>
      new SessionClassifier({ server: options, trusted, verdicts, large, facts }),
    get cached() {
      return { entries: verdicts.size, bytes: verdicts.calculatedSize }
    },
    close: () => large.close(),
  }
}

interface Verdict {
  /** Of the schema that it was made with. */
  readonly version: number
  readonly parsed: Parsed
}

/** Bytes of SQL text, and statements in it: longer ones are judged by a worker. */
const MAX_OWN_TEXT = 4 * 1024
const MAX_OWN_STATEMENTS = 16
const MAX_CACHED_TEXT = 16 * 1024
const CACHE_SIZE = 16 * 1024 * 1024
/** What a verdict costs beside its text. */
const VERDICT_SIZE = 1024

interface SessionOptions {
  readonly server: MysqlClassifierOptions
  readonly trusted: ReadonlySet<string>
  readonly verdicts: LRUCache<string, Verdict>
  readonly large: LargeTextJudge
  readonly facts: () => SessionFacts
}

class SessionClassifier implements Classifier {
  readonly #options: SessionOptions

  constructor(options: SessionOptions) {
    this.#options = options
  }

  textOf(sql: Buffer): string {
    const { characterSet } = this.#options.facts()
    return sql.toString(encodingOf(characterSet) === 'single-byte' ? 'latin1' : 'utf8')
  }

  classify(sql: Buffer, names: SessionNames): Parsed | Promise<Parsed> {
    const { server, verdicts } = this.#options
    const { catalog, dialect } = server
    const facts = this.#options.facts()
    const key = sql.length > MAX_CACHED_TEXT ? null : keyOf(sql, facts, dialect)
    const known = key === null ? undefined : verdicts.get(key)
    if (known?.version === catalog.current.version) return known.parsed
    const text = { sql, facts, names, key }
    if (sql.length > MAX_OWN_TEXT || holdsMany(sql)) return this.#judgeLarge(text)
    const first = this.#judge(text, catalog.current)
    if (first.unknown) return this.#judgeAgain(text, first)
    this.#keep(text, first, catalog.current)
    return first.parsed
  }

  #keep({ key }: SessionText, judgement: Judgement, { version }: MysqlSchema): void {
    if (key === null || judgement.unknown || judgement.usesSession) return
    this.#options.verdicts.set(key, { version, parsed: judgement.parsed })
  }

  /** A name that the schema doesn't know may be newer than it: looks once more. */
  async #judgeAgain(text: SessionText, first: Judgement): Promise<Parsed> {
    try {
      const schema = await this.#options.server.catalog.refresh()
      return this.#judge(text, schema).parsed
    } catch {
      return first.parsed
    }
  }

  #judge({ sql, facts, names }: SessionText, schema: MysqlSchema): Judgement {
    return new Judge(this.#with(facts, schema)).text(sql, names, 0)
  }

  #with(facts: SessionFacts, schema: MysqlSchema): JudgeOptions {
    const { server, trusted } = this.#options
    return { facts, schema, dialect: server.dialect, trusted }
  }

  async #judgeLarge(text: SessionText): Promise<Parsed> {
    const { server, large } = this.#options
    const { sql, facts, names } = text
    const judge = (schema: MysqlSchema) =>
      large.judge({ sql, names, options: this.#with(facts, schema) })
    try {
      const schema = server.catalog.current
      const first = await judge(schema)
      this.#keep(text, first, schema)
      if (!first.unknown) return first.parsed
      const newer = await server.catalog.refresh().catch(() => null)
      return newer ? (await judge(newer)).parsed : first.parsed
    } catch (error) {
      if (!(error instanceof UnjudgedError)) throw error
      return { kind: 'opaque', classification: unreadable(this.textOf(sql), error.message) }
    }
  }
}

interface SessionText {
  readonly sql: Buffer
  /** Of its verdict; null where that isn't kept. */
  readonly key: string | null
  readonly facts: SessionFacts
  readonly names: SessionNames
}

const SEMICOLON = 0x3b

function holdsMany(sql: Buffer): boolean {
  let count = 0
  for (let at = sql.indexOf(SEMICOLON); at >= 0; at = sql.indexOf(SEMICOLON, at + 1)) count++
  return count > MAX_OWN_STATEMENTS
}

function keyOf(sql: Buffer, facts: SessionFacts, { version }: Dialect): string {
  let context = contexts.get(facts)
  if (context?.version !== version) {
    context = { version, text: contextOf(facts, version) }
    contexts.set(facts, context)
  }
  return `${context.text} ${sql.toString('latin1')}`
}

/** Of all that a session's texts are read by; the facts are the same object until they change. */
const contexts = new WeakMap<
  SessionFacts,
  { readonly version: Dialect['version']; readonly text: string }
>()

function contextOf(facts: SessionFacts, version: Dialect['version']): string {
  const { characterSet, database, ansiQuotes, noBackslashEscapes, oracle } = facts
  return JSON.stringify([
    ...[characterSet, database, ansiQuotes, noBackslashEscapes, oracle].map((fact) => fact ?? null),
    version,
  ])
}
