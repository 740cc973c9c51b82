import { LRUCache } from 'lru-cache'
import type { Classifier, Parsed, SessionNames } from '../statement.ts'
import { type Dialect, encodingOf, type SessionFacts } from './dialect.ts'
import { Judge, type Judgement } from './judge-text.ts'
import type { MysqlSchema, MysqlSchemaSource } from './schema.ts'

export interface MysqlClassifierOptions {
  /** Keeps the newest reading of the database's schema; a catalog is one. */
  readonly catalog: MysqlSchemaSource
  /** Of the server as it is now; asked for each text. */
  readonly dialect: Dialect
  /** schema.function: no effect beyond reading, and results that may be seen. */
  readonly trustedFunctions?: readonly string[]
}

export interface MysqlClassifier {
  /**
   * A classifier for one session. `facts` is asked for each text: what it says has to be the
   * server's own word about the session at that moment.
   */
  forSession(facts: () => SessionFacts): Classifier
}

/** A classifier for one MySQL or MariaDB server. It reads tokens; it needs no grammar and no worker. */
export function createMysqlClassifier(options: MysqlClassifierOptions): MysqlClassifier {
  const verdicts = new LRUCache<string, Verdict>({
    maxSize: CACHE_SIZE,
    sizeCalculation: (_verdict, key) => key.length * 4 + VERDICT_SIZE,
  })
  const trusted = new Set(options.trustedFunctions)
  return {
    forSession: (facts) => new SessionClassifier({ server: options, trusted, verdicts, facts }),
  }
}

interface Verdict {
  /** Of the schema that it was made with. */
  readonly version: number
  readonly parsed: Parsed
}

/** Bytes of SQL text, kept and not. */
const MAX_CACHED_TEXT = 16 * 1024
const CACHE_SIZE = 16 * 1024 * 1024
/** What a verdict costs beside its text. */
const VERDICT_SIZE = 1024

interface SessionOptions {
  readonly server: MysqlClassifierOptions
  readonly trusted: ReadonlySet<string>
  readonly verdicts: LRUCache<string, Verdict>
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
    const key = sql.length <= MAX_CACHED_TEXT ? keyOf(sql, facts, dialect) : ''
    const known = key === '' ? undefined : verdicts.get(key)
    if (known?.version === catalog.current.version) return known.parsed
    const first = this.#judge(sql, facts, catalog.current, names)
    if (first.unknown) return this.#judgeAgain(sql, facts, first, names)
    if (key !== '' && !first.usesSession) {
      verdicts.set(key, { version: catalog.current.version, parsed: first.parsed })
    }
    return first.parsed
  }

  /** A name that the schema doesn't know may be newer than it: looks once more. */
  async #judgeAgain(
    sql: Buffer,
    facts: SessionFacts,
    first: Judgement,
    names: SessionNames,
  ): Promise<Parsed> {
    try {
      const schema = await this.#options.server.catalog.refresh()
      return this.#judge(sql, facts, schema, names).parsed
    } catch {
      return first.parsed
    }
  }

  #judge(sql: Buffer, facts: SessionFacts, schema: MysqlSchema, names: SessionNames): Judgement {
    const { server, trusted } = this.#options
    const { dialect } = server
    return new Judge({ facts, schema, dialect, trusted }).text(sql, names, 0)
  }
}

function keyOf(sql: Buffer, facts: SessionFacts, { version }: Dialect): string {
  const { characterSet, database, ansiQuotes, noBackslashEscapes, oracle } = facts
  const context = [characterSet, database, ansiQuotes, noBackslashEscapes, oracle, version]
  return `${JSON.stringify(context)} ${sql.toString('latin1')}`
}
