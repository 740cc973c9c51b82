import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { NamesSoFar } from '../names-so-far.ts'
import type {
  Classification,
  Classifier,
  EffectReason,
  Parsed,
  SessionName,
  SessionNames,
} from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import { type AnalysisSettings, newAnalysis, safeOutputsOf } from './analyze.ts'
import { type ParseOutcome, PostgresParser } from './parser.ts'
import type { ReadStatement } from './read-text.ts'
import { redact } from './redact.ts'
import type { Schema, SchemaSource } from './schema.ts'
import { judge } from './statements.ts'

export interface PostgresClassifierOptions {
  /** Keeps the newest reading of the database's schema; a catalog is one. */
  readonly catalog: SchemaSource
  /** schema.function: no effect beyond reading, and results that may be seen. */
  readonly trustedFunctions?: readonly string[]
  readonly clock?: Clock
}

export interface PostgresClassifier extends Classifier {
  /** Ends the worker that reads large statements. */
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
  const parser = new PostgresParser(options.clock ?? systemClock)
  await parser.open()
  return new CachedClassifier(parser, options.catalog, new Set(options.trustedFunctions))
}

class CachedClassifier implements PostgresClassifier {
  readonly #parser: PostgresParser
  readonly #source: SchemaSource
  readonly #trusted: ReadonlySet<string>
  readonly #verdicts = new LRUCache<string, Verdict>({
    maxSize: CACHE_SIZE,
    sizeCalculation: (_verdict, sql) => sql.length * 4 + VERDICT_SIZE,
  })

  constructor(parser: PostgresParser, source: SchemaSource, trusted: ReadonlySet<string>) {
    this.#parser = parser
    this.#source = source
    this.#trusted = trusted
  }

  classify(sql: Buffer, names: SessionNames): Parsed | Promise<Parsed> {
    const cacheable = sql.length <= MAX_CACHED_TEXT
    const key = cacheable ? sql.toString('latin1') : ''
    const known = cacheable ? this.#verdicts.get(key) : undefined
    if (known && known.version === this.#source.current.version) return known.parsed
    const outcome = this.#parser.parse(sql)
    if (outcome instanceof Promise) return outcome.then((read) => this.#judge(read, key, names))
    return this.#judge(outcome, key, names)
  }

  close(): Promise<void> {
    return this.#parser.close()
  }

  #judge(outcome: ParseOutcome, key: string, names: SessionNames): Parsed | Promise<Parsed> {
    if (outcome.kind === 'syntax-error') return outcome
    if (outcome.kind === 'opaque') {
      return { kind: 'opaque', classification: unreadable(outcome.sql, outcome.reason) }
    }
    const schema = this.#source.current
    const first = this.#classifyAll(outcome.statements, schema, names)
    if (first.unknown) return this.#judgeAgain(outcome.statements, first, names)
    this.#keep(key, first, schema.version)
    return first.parsed
  }

  /** A name that the schema doesn't know may be newer than it: looks once more. */
  async #judgeAgain(
    statements: readonly ReadStatement[],
    first: Judgement,
    names: SessionNames,
  ): Promise<Parsed> {
    let schema: Schema
    try {
      schema = await this.#source.refresh()
    } catch {
      return first.parsed
    }
    const second = this.#classifyAll(statements, schema, names)
    return second.parsed
  }

  #keep(key: string, judgement: Judgement, version: number): void {
    if (key === '' || judgement.usesSession) return
    this.#verdicts.set(key, { version, parsed: judgement.parsed })
  }

  #classifyAll(
    statements: readonly ReadStatement[],
    schema: Schema,
    names: SessionNames,
  ): Judgement {
    const parser = this.#parser
    const settings: AnalysisSettings = {
      schema,
      trusted: this.#trusted,
      source: parser,
    }
    return classifyAll(statements, settings, names)
  }
}

/** What a text of any number of statements comes to. */
interface Judgement {
  readonly parsed: Parsed
  /** It names something that the schema doesn't know. */
  readonly unknown: boolean
  /** It depends on names of the session, so it holds for this moment only. */
  readonly usesSession: boolean
}

function classifyAll(
  statements: readonly ReadStatement[],
  settings: AnalysisSettings,
  names: SessionNames,
): Judgement {
  let unknown = false
  const soFar = new NamesSoFar(names)
  const classifications = statements.map((read) => {
    const one = classifyOne(read, read.node, settings, soFar)
    unknown ||= one.unknown
    soFar.follow(one.classification)
    return one.classification
  })
  const usesSession = classifications.some(({ names: own }) => own.some(isLookup))
  return { parsed: { kind: 'statements', statements: classifications }, unknown, usesSession }
}

function isLookup(name: SessionName): boolean {
  if (name.kind === 'execute' || name.kind === 'fetch') return true
  if (name.kind === 'prepare' || name.kind === 'declare') return name.inner.names.some(isLookup)
  return false
}

/** Judges `node`, which is `read`'s statement or stands inside it. */
function classifyOne(
  read: ReadStatement,
  node: unknown,
  settings: AnalysisSettings,
  names: SessionNames,
) {
  const analysis = newAnalysis(settings)
  const { findings } = analysis
  try {
    const judged = judge(analysis, node, {
      names,
      inner: (own) => classifyOne(read, own, settings, names),
    })
    const classification: Classification = {
      verb: judged.verb,
      sql: read.sql,
      tokens: tokensOf(read, judged.names, names),
      fingerprint: read.fingerprint,
      redacted: redact(read, judged.secret),
      withoutLiterals: read.withoutLiterals,
      effects: placedIn(read, findings.effects),
      tables: findings.tables,
      functions: [...findings.functions],
      classes: findings.classes,
      output: findings.classified ? 'classified' : 'clear',
      safeOutputs: findings.classified && findings.ownOutputs ? safeOutputsOf(judged.outputs) : [],
      connectionBound: findings.connectionBound,
      names: judged.names,
      lookups: findings.lookups,
      ...(node === read.node && read.copy ? { copy: read.copy } : {}),
    }
    return { classification, analysis, unknown: findings.unknown.size > 0 }
  } catch (error) {
    // Too deep for this thread's stack, or a shape that isn't known: nothing is certain.
    const reason = error instanceof RangeError ? 'it is too deep' : messageOf(error)
    findings.effect('opaque', `the statement can't be judged: ${reason}`)
    findings.classified = true
    return { classification: unreadable(read.sql, reason), analysis, unknown: false }
  }
}

/** Effects with their places in the statement's own text, in characters. */
function placedIn(
  { sql, start }: ReadStatement,
  effects: readonly EffectReason[],
): readonly EffectReason[] {
  let bytes: Buffer | null = null
  return effects.map((each) => {
    if (each.at === undefined) return each
    bytes ??= Buffer.from(sql)
    const { effect, reason } = each
    const offset = each.at - start
    if (offset < 0 || offset >= bytes.length) return { effect, reason }
    const plain = bytes.length === sql.length
    return { effect, reason, at: plain ? offset : bytes.toString('utf8', 0, offset).length }
  })
}

/** EXECUTE p is the same statement only while p stands for the same one; FETCH alike. */
function tokensOf(read: ReadStatement, own: readonly SessionName[], names: SessionNames): string {
  const meant = own.flatMap((name) => {
    if (name.kind === 'execute') return names.prepared(name.name)?.tokens ?? []
    return name.kind === 'fetch' ? (names.cursor(name.name)?.tokens ?? []) : []
  })
  if (meant.length === 0) return read.tokens
  return createHash('sha256')
    .update([read.tokens, ...meant].join(' '))
    .digest('hex')
}
