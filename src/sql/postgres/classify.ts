import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { lineageSize } from '../lineage-size.ts'
import type { CacheSize, Classifier, Parsed, SessionNames } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import { type Judgement, judgeText } from './classify-text.ts'
import { LargeTextJudge } from './large-text-judge.ts'
import { type LargeText, type ParseOutcome, PostgresParser } from './parser.ts'
import type { Schema, SchemaSource } from './schema.ts'

export interface PostgresClassifierOptions {
  /** Keeps the newest reading of the database's schema; a catalog is one. */
  readonly catalog: SchemaSource
  /** schema.function: no effect beyond reading, and results that may be seen. */
  readonly trustedFunctions?: readonly string[]
  readonly clock?: Clock
}

export interface PostgresClassifier extends Classifier {
  /** The verdicts that are kept. */
  readonly cached: CacheSize
  /** Ends the worker that judges large statements. */
  close(): Promise<void>
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

/** A classifier for one PostgreSQL database. Loads the grammar before it returns. */
export async function createPostgresClassifier(
  options: PostgresClassifierOptions,
): Promise<PostgresClassifier> {
  const parser = new PostgresParser()
  await parser.open()
  return new CachedClassifier(parser, options)
}

/** A text, and what its grammar makes of it on this thread. */
interface Text {
  readonly read: ParseOutcome | LargeText
  readonly sql: Buffer
}

/** Judges a text once, with one reading of the schema. */
type Judge = (schema: Schema) => Judgement | Promise<Judgement>

class CachedClassifier implements PostgresClassifier {
  readonly #parser: PostgresParser
  readonly #large: LargeTextJudge
  readonly #source: SchemaSource
  readonly #trusted: ReadonlySet<string>
  readonly #verdicts = new LRUCache<string, Verdict>({
    maxSize: CACHE_SIZE,
    sizeCalculation: ({ parsed }, sql) => sql.length * 4 + VERDICT_SIZE + lineageSize(parsed),
  })

  constructor(parser: PostgresParser, options: PostgresClassifierOptions) {
    this.#parser = parser
    this.#large = new LargeTextJudge(options.clock ?? systemClock)
    this.#source = options.catalog
    this.#trusted = new Set(options.trustedFunctions)
  }

  classify(sql: Buffer, names: SessionNames): Parsed | Promise<Parsed> {
    const cacheable = sql.length <= MAX_CACHED_TEXT
    const key = cacheable ? sql.toString('latin1') : ''
    const known = cacheable ? this.#verdicts.get(key) : undefined
    if (known && known.version === this.#source.current.version) return known.parsed
    const outcome = this.#parser.parse(sql)
    if (outcome instanceof Promise) {
      return outcome.then((read) => this.#judge({ read, sql }, key, names))
    }
    return this.#judge({ read: outcome, sql }, key, names)
  }

  get cached(): CacheSize {
    return { entries: this.#verdicts.size, bytes: this.#verdicts.calculatedSize }
  }

  close(): Promise<void> {
    return this.#large.close()
  }

  #judge(text: Text, key: string, names: SessionNames): Parsed | Promise<Parsed> {
    const judge: Judge = (schema) => this.#judgeWith(text, schema, names)
    const schema = this.#source.current
    const first = judge(schema)
    if (first instanceof Promise) return first.then((made) => this.#settled(made, judge))
    if (first.unknown) return this.#settled(first, judge)
    if (key !== '' && !first.usesSession) {
      this.#verdicts.set(key, { version: schema.version, parsed: first.parsed })
    }
    return first.parsed
  }

  /** A name that the schema doesn't know may be newer than it: looks once more. */
  async #settled(first: Judgement, judge: Judge): Promise<Parsed> {
    if (!first.unknown) return first.parsed
    let schema: Schema
    try {
      schema = await this.#source.refresh()
    } catch {
      return first.parsed
    }
    return (await judge(schema)).parsed
  }

  #judgeWith(
    { read, sql: bytes }: Text,
    schema: Schema,
    names: SessionNames,
  ): Judgement | Promise<Judgement> {
    const trusted = this.#trusted
    if (read.kind !== 'large') {
      const judged = judgeText(read, { schema, trusted, source: this.#parser }, names)
      if (!judged.deep) return judged
    }
    const sql = bytes.toString('utf8')
    return this.#large.judge({ sql, schema, trusted, names }).catch((error: unknown) => {
      const classification = unreadable(sql, `it can't be read: ${messageOf(error)}`)
      return { parsed: { kind: 'opaque', classification }, unknown: false, usesSession: true }
    })
  }
}
