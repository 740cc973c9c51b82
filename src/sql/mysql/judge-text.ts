import { createHash } from 'node:crypto'
import { messageOf } from '../../lib/errors.ts'
import { NamesSoFar } from '../names-so-far.ts'
import type { OutputLineage } from '../output-lineage.ts'
import type { Classification, Effect, Parsed, SessionNames } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import { type Analysis, MAX_WITHIN } from './analysis.ts'
import { commonTablesOf } from './common-tables.ts'
import { copiesOf } from './copies.ts'
import { type Dialect, type LexMode, SERVER_WRITES, type SessionFacts } from './dialect.ts'
import { Findings } from './findings.ts'
import { checkHints } from './hints.ts'
import { lineageOfStatement } from './lineage/lineage.ts'
import { namedSchemas } from './named-schemas.ts'
import { judgeProgram } from './program.ts'
import { type Reading, type ReadOutcome, readText } from './read-text.ts'
import { redact } from './redact.ts'
import type { MysqlSchema } from './schema.ts'
import {
  codeOf,
  fingerprintOf,
  type StatementText,
  sqlOf,
  tokensOf,
  withoutLiterals,
} from './statement-text.ts'
import { judge } from './statements.ts'

/** What a text of any number of statements comes to. */
export interface Judgement {
  readonly parsed: Parsed
  /** It names something that the schema doesn't know. */
  readonly unknown: boolean
  /** It depends on names of the session, so it holds for this moment only. */
  readonly usesSession: boolean
}

export interface JudgeOptions {
  readonly facts: SessionFacts
  readonly schema: MysqlSchema
  readonly dialect: Dialect
  readonly trusted: ReadonlySet<string>
  /** Its parameters are given by the session's variables, whatever is in them. */
  readonly fromVariables?: boolean
}

/** Judges one text against one reading of the schema. */
export class Judge {
  readonly #options: JudgeOptions
  #unknown = false
  #usesSession = false

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  text(sql: Buffer, names: SessionNames, depth: number): Judgement {
    const { facts, dialect } = this.#options
    const outcome = readText(sql, facts, dialect)
    const parsed = this.#outcome(outcome, sql, names, depth)
    return { parsed, unknown: this.#unknown, usesSession: this.#usesSession }
  }

  #outcome(outcome: ReadOutcome, sql: Buffer, names: SessionNames, depth: number): Parsed {
    if (outcome.kind === 'opaque') return opaque(sql, outcome.reason)
    const [first, ...others] = outcome.readings.map((one) => this.#reading(one, names, depth))
    if (!first) return opaque(sql, 'it was not read')
    if (others.some((other) => signature(other) !== signature(first))) {
      return opaque(sql, 'what it does depends on a mode of the session that is not known')
    }
    if (first.length > 1 && first.some(changesReading)) {
      return opaque(sql, 'one of its statements changes how the next is read')
    }
    let statements = first.map((statement, index) =>
      others.every((other) => same(other[index]?.lineage, statement.lineage))
        ? statement
        : withoutLineage(statement),
    )
    for (const one of outcome.conditional) {
      const run = this.#reading(one, names, depth)
      if (run.length !== statements.length) {
        if (statements.length === 0 && run.every(isMild)) continue
        return opaque(sql, 'a comment that runs only on other servers holds a statement')
      }
      statements = statements.map((skipped, index) => stricter(skipped, run[index]))
    }
    return { kind: 'statements', statements }
  }

  #reading(reading: Reading, names: SessionNames, depth: number): readonly Classification[] {
    const soFar = new NamesSoFar(names)
    let { facts } = this.#options
    return reading.statements.map((text) => {
      const classification = this.#statement({ text, facts, mode: reading.mode }, soFar, depth)
      soFar.follow(classification)
      facts = { ...facts, database: databaseBehind(classification, facts.database) }
      return classification
    })
  }

  #statement(read: ReadStatement, names: SessionNames, depth: number): Classification {
    const { text, facts, mode } = read
    const findings = new Findings()
    const analysis: Analysis = {
      ...this.#options,
      facts,
      mode,
      names,
      findings,
      within: [],
      judged: new Set(),
      inner: (sql) => this.#inner(sql, facts, names, depth + 1),
      parameters: () => parametersOf(text),
      program: judgeProgram,
      read: (sql, writtenBy) => this.#read(sql, writtenBy),
    }
    try {
      const code = codeOf(text)
      const { fromVariables = false } = this.#options
      if (fromVariables && code.tokens.some(({ kind }) => kind === 'param')) {
        findings.classified = true
      }
      const verb = judge(analysis, code)
      checkHints(analysis, text.tokens)
      this.#unknown ||= findings.unknown.size > 0
      this.#usesSession ||= findings.names.some(({ kind }) => kind === 'execute')
      for (const schema of namedSchemas(analysis, code)) findings.schemas.add(schema)
      if (findings.schemas.size > MOST_SCHEMAS) findings.opaque('it names too many schemas')
      const lineage = lineageOf(analysis, code, fromVariables)
      const copies = copiesOf(analysis, code)
      return {
        ...classificationOf(text, verb, findings, names),
        ...(lineage && { lineage }),
        ...(copies.length > 0 && { copies }),
      }
    } catch (error) {
      const reason = error instanceof RangeError ? 'it is too deep' : messageOf(error)
      return unreadable(sqlOf(text), reason)
    }
  }

  /** The text of a PREPARE: one statement, read as the session's others are. */
  #inner(
    sql: string,
    facts: SessionFacts,
    names: SessionNames,
    depth: number,
  ): Classification | null {
    if (depth > MAX_WITHIN) return null
    const judge = new Judge({ ...this.#options, facts, fromVariables: true })
    const { parsed, unknown, usesSession } = judge.text(Buffer.from(sql), names, depth)
    this.#unknown ||= unknown
    this.#usesSession ||= usesSession
    if (parsed.kind === 'opaque') return parsed.classification
    if (parsed.kind === 'syntax-error' || parsed.statements.length !== 1) return null
    return parsed.statements[0] ?? null
  }

  #read(sql: string, writtenBy: 'somebody' | 'server'): StatementText | null {
    const { dialect, facts } = this.#options
    const anyMode: SessionFacts = { characterSet: 'utf8mb4', database: facts.database }
    const read = writtenBy === 'server' ? { ...anyMode, ...SERVER_WRITES } : anyMode
    const outcome = readText(Buffer.from(sql), read, dialect)
    if (outcome.kind === 'opaque' || outcome.conditional.length > 0) return null
    const [first, ...others] = outcome.readings.map(({ statements }) => whole(statements))
    if (!first || others.some((other) => JSON.stringify(other) !== JSON.stringify(first)))
      return null
    return first
  }
}

const parameters = new WeakMap<StatementText, ReadonlyMap<number, number>>()

function parametersOf(text: StatementText): ReadonlyMap<number, number> {
  let known = parameters.get(text)
  if (!known) {
    const params = text.tokens.filter(({ kind }) => kind === 'param')
    known = new Map(params.map(({ start }, index) => [start, index + 1]))
    parameters.set(text, known)
  }
  return known
}

/** Where columns are masked: what each of them is computed from. */
function lineageOf(
  { findings, schema, facts, dialect, trusted }: Analysis,
  code: StatementText,
  fromVariables: boolean,
): readonly OutputLineage[] | null {
  if (findings.has('opaque')) return null
  const notTables = findings.classified ? [] : namesOfTables(code, schema)
  if (!findings.classified && notTables.length === 0) return null
  if (findings.lineage) return findings.lineage
  const { database } = facts
  const lineage = lineageOfStatement(code, { schema, database, dialect, trusted, fromVariables })
  return lineage && notTables.length > 0 ? lineage.map((line) => ({ ...line, notTables })) : lineage
}

/** Names that WITH makes and that classified tables have too. */
function namesOfTables({ tokens }: StatementText, schema: MysqlSchema): readonly string[] {
  const names = commonTablesOf(tokens).map(({ name }) => name)
  return names.filter((name) => schema.tablesNamed(name).some(({ classified }) => classified))
}

const MOST_SCHEMAS = 1000

/** One statement, and what decides how it is read. */
interface ReadStatement {
  readonly text: StatementText
  readonly facts: SessionFacts
  readonly mode: LexMode
}

/** The default schema of the next statement; null where what ran may have chosen any. */
function databaseBehind(statement: Classification, before: string | null): string | null {
  if (statement.uses !== undefined) return statement.uses
  const computed =
    statement.anyResults && statement.effects.some(({ effect }) => effect === 'opaque')
  return computed ? null : before
}

/** The statements of a body as one text again, the semicolons between them included. */
function whole(statements: readonly StatementText[]): StatementText | null {
  const [first] = statements
  if (!first) return null
  const tokens = statements.flatMap(({ tokens }, index) =>
    index === 0
      ? tokens
      : [{ ...SEMICOLON, start: tokens[0]?.start ?? 0, end: tokens[0]?.start ?? 0 }, ...tokens],
  )
  return { ...first, tokens }
}

const SEMICOLON = { kind: 'op', text: ';', keyword: '', adjacent: false } as const

function opaque(sql: Buffer, reason: string): Parsed {
  return { kind: 'opaque', classification: unreadable(sql.toString('utf8'), reason) }
}

const MILD: ReadonlySet<Effect> = new Set(['read', 'session', 'transaction'])

/** It would do no harm on the servers that run it either. */
function isMild({ effects }: Classification): boolean {
  return effects.every(({ effect }) => MILD.has(effect))
}

/** Text settings that hold for the next statement of the same text. */
function changesReading({ effects, names }: Classification): boolean {
  const sets = names.some(
    (use) => use.kind === 'set' && /^(?:names|sql_mode|character_set|collation)/.test(use.name),
  )
  return sets && effects.some(({ effect }) => effect === 'opaque')
}

function signature(statements: readonly Classification[]): string {
  return JSON.stringify(
    statements.map((statement) => [
      statement.verb,
      statement.effects,
      statement.tables,
      statement.functions,
      statement.lookups,
      statement.output,
      statement.connectionBound,
      statement.names,
      statement.anyResults,
      statement.kill,
      statement.schemas,
      statement.uses,
      statement.copies,
      statement.keeps,
      statement.usesKept,
    ]),
  )
}

/** What either reading does, each with its reasons. */
function stricter(one: Classification, other: Classification | undefined): Classification {
  if (!other) return one
  const seen = new Set(one.effects.map(({ effect, reason }) => `${effect} ${reason}`))
  const more = other.effects.filter(({ effect, reason }) => !seen.has(`${effect} ${reason}`))
  const classified = one.output === 'classified' || other.output === 'classified'
  const uses = other.uses ?? one.uses
  const { kill: _kill, ...rest } = same(one.lineage, other.lineage) ? one : withoutLineage(one)
  return {
    ...rest,
    effects: [...one.effects, ...more],
    tables: [
      ...one.tables,
      ...other.tables.filter((use) => !one.tables.some((own) => same(own, use))),
    ],
    functions: [...new Set([...one.functions, ...other.functions])],
    classes: [...new Set([...one.classes, ...other.classes])].sort(),
    ...(one.lookups || other.lookups
      ? { lookups: [...(one.lookups ?? []), ...(other.lookups ?? [])] }
      : {}),
    ...(one.copies || other.copies
      ? { copies: [...(one.copies ?? []), ...(other.copies ?? [])] }
      : {}),
    output: classified ? 'classified' : 'clear',
    safeOutputs: [],
    connectionBound: one.connectionBound || other.connectionBound,
    schemas: [...new Set([...(one.schemas ?? []), ...(other.schemas ?? [])])],
    ...(one.anyResults || other.anyResults ? { anyResults: true as const } : {}),
    ...(one.foreignNames || other.foreignNames ? { foreignNames: true as const } : {}),
    ...(uses === undefined ? {} : { uses }),
    ...(one.keeps || other.keeps ? { keeps: [...(one.keeps ?? []), ...(other.keeps ?? [])] } : {}),
    ...(one.usesKept || other.usesKept ? { usesKept: 'variables' as const } : {}),
    ...(one.kill && same(one.kill, other.kill) ? { kill: one.kill } : {}),
  }
}

/** Every column is masked where readings differ in what the columns are. */
function withoutLineage({ lineage: _lineage, ...rest }: Classification): Classification {
  return rest
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function classificationOf(
  text: StatementText,
  verb: string,
  findings: Findings,
  names: SessionNames,
): Classification {
  return {
    verb,
    sql: sqlOf(text),
    tokens: digestOf(text, findings, names),
    fingerprint: fingerprintOf(text),
    redacted: redact(text, findings.secret),
    withoutLiterals: withoutLiterals(text),
    effects: findings.effectsIn(text),
    tables: findings.tables,
    functions: [...findings.functions],
    classes: findings.classes,
    ...(findings.lookups.length > 0 ? { lookups: findings.lookups } : {}),
    output: findings.classified ? 'classified' : 'clear',
    safeOutputs: [],
    connectionBound: findings.connectionBound,
    names: findings.names,
    schemas: [...findings.schemas],
    ...(findings.anyResults ? { anyResults: true as const } : {}),
    ...(findings.uses === null ? {} : { uses: findings.uses }),
    ...(findings.kill ? { kill: findings.kill } : {}),
    ...(findings.diagnostics ? { diagnostics: true as const } : {}),
    ...(findings.keeps ? { keeps: findings.classes } : {}),
    ...(findings.usesKept ? { usesKept: 'variables' as const } : {}),
    ...(findings.anyResults && findings.has('opaque') ? { foreignNames: true as const } : {}),
  }
}

/** EXECUTE p is the same statement only while p stands for the same one. */
function digestOf(text: StatementText, findings: Findings, names: SessionNames): string {
  const own = tokensOf(text)
  const meant = findings.names.flatMap((name) =>
    name.kind === 'execute' ? (names.prepared(name.name)?.tokens ?? []) : [],
  )
  if (meant.length === 0) return own
  return createHash('sha256')
    .update([own, ...meant].join(' '))
    .digest('hex')
}
