import { createHash } from 'node:crypto'
import { messageOf } from '../../lib/errors.ts'
import { NamesSoFar } from '../names-so-far.ts'
import type {
  Classification,
  EffectReason,
  Parsed,
  SessionName,
  SessionNames,
} from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import { type AnalysisSettings, newAnalysis, safeOutputsOf } from './analyze.ts'
import type { Findings } from './findings.ts'
import type { Judged } from './judged.ts'
import { lineageOfOutputs } from './output-lineage-of.ts'
import type { ParseOutcome } from './parser.ts'
import type { ReadStatement } from './read-text.ts'
import { redact } from './redact.ts'
import { judge, placeStatement } from './statements.ts'

/** What a text of any number of statements comes to. */
export interface Judgement {
  readonly parsed: Parsed
  /** It names something that the schema doesn't know. */
  readonly unknown: boolean
  /** It depends on names of the session, so it holds for this moment only. */
  readonly usesSession: boolean
  /** It was too deep for this thread's stack: one with a larger one may know more. */
  readonly deep?: true
}

/** Judges what was read of a text. */
export function judgeText(
  outcome: ParseOutcome,
  settings: AnalysisSettings,
  names: SessionNames,
): Judgement {
  if (outcome.kind === 'read') return classifyAll(outcome.statements, settings, names)
  const parsed: Parsed =
    outcome.kind === 'opaque'
      ? { kind: 'opaque', classification: unreadable(outcome.sql, outcome.reason) }
      : outcome
  const deep = outcome.kind === 'opaque' && outcome.deep === true
  return { parsed, unknown: false, usesSession: true, ...(deep && { deep }) }
}

function classifyAll(
  statements: readonly ReadStatement[],
  settings: AnalysisSettings,
  names: SessionNames,
): Judgement {
  let unknown = false
  let deep: true | undefined
  const soFar = new NamesSoFar(names)
  const classifications = statements.map((read) => {
    const one = classifyOne(read, read.node, settings, soFar)
    unknown ||= one.unknown
    if (one.deep) deep = true
    soFar.follow(one.classification)
    return one.classification
  })
  const usesSession = classifications.some(({ names: own }) => own.some(isLookup))
  const parsed = { kind: 'statements', statements: classifications } as const
  return { parsed, unknown, usesSession, ...(deep ? { deep } : {}) }
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
    if (node === read.node) placeStatement(analysis, node, read.start)
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
      ...outputsOf(findings, judged),
      connectionBound: findings.connectionBound,
      names: judged.names,
      lookups: findings.lookups,
      ...(findings.copies.length > 0 && { copies: findings.copies }),
      ...(hasForeignNames(judged) && { foreignNames: true as const }),
      ...(mayKeep(findings) && { keeps: findings.classes }),
      ...(findings.usesKept && { usesKept: 'settings' as const }),
      ...(node === read.node && read.copy ? { copy: read.copy } : {}),
    }
    return { classification, analysis, unknown: findings.unknown.size > 0, deep: false }
  } catch (error) {
    // Too deep for this thread's stack, or a shape that isn't known: nothing is certain.
    const deep = error instanceof RangeError
    const reason = deep ? 'it is too deep' : messageOf(error)
    findings.effect('opaque', `the statement can't be judged: ${reason}`)
    findings.classified = true
    return { classification: unreadable(read.sql, reason), analysis, unknown: false, deep }
  }
}

const SHOWS_ANOTHER = new Set(['EXECUTE', 'FETCH'])

/** Nothing is known of the statement whose rows it gives, or that one's own names aren't. */
function hasForeignNames({ verb, shows }: Judged): boolean {
  return shows ? shows.foreignNames === true : SHOWS_ANOTHER.has(verb)
}

/** To set what is computed is opaque, and code that can't be read may do it with all that it reads. */
function mayKeep({ classified, effects }: Findings): boolean {
  return classified && effects.some(({ effect }) => effect === 'opaque')
}

/**
 * What is known of the columns of its result. EXECUTE and FETCH give those of the statement before
 * them, and run nothing else that gives rows.
 */
function outputsOf(
  { classified, ownOutputs }: Findings,
  { outputs, shows }: Judged,
): Pick<Classification, 'safeOutputs' | 'lineage'> {
  if (!classified || !ownOutputs) return { safeOutputs: [] }
  if (shows) {
    const { safeOutputs, lineage } = shows
    return { safeOutputs, ...(lineage ? { lineage } : {}) }
  }
  const lineage = lineageOfOutputs(outputs)
  return { safeOutputs: safeOutputsOf(outputs), ...(lineage ? { lineage } : {}) }
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
