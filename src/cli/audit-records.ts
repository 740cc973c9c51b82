import { visibleLine } from '../approval/channels/visible.ts'
import type { TrailRecord } from '../audit/read-records.ts'
import type { Clock } from '../lib/clock.ts'
import { inRecords, timeOf } from './time-of.ts'
import { UsageError } from './usage-error.ts'

export interface SearchOptions {
  readonly agent?: string
  readonly database?: string
  readonly verb?: string
  readonly table?: string
  readonly decision?: string
  readonly since?: string
  readonly until?: string
  readonly text?: string
}

/** What of a record is searched and shown, wherever its type keeps it. */
export interface Subject {
  readonly agent: string | null
  readonly database: string | null
  readonly verb: string | null
  readonly tables: readonly string[]
  readonly decision: string | null
  readonly sql: string | null
}

const DECISIONS = ['allowed', 'approved', 'shadow', 'refused']

/** @throws UsageError where an option can't be understood */
export function matcherOf(options: SearchOptions, clock: Clock): (found: TrailRecord) => boolean {
  if (options.decision !== undefined && !DECISIONS.includes(options.decision)) {
    throw new UsageError(`--decision is one of ${DECISIONS.join(', ')}`)
  }
  const time = (text: string | undefined, option: string) =>
    text === undefined ? null : inRecords(timeOf(text, option, clock))
  const since = time(options.since, '--since')
  const until = time(options.until, '--until')
  const text = options.text?.toLowerCase()
  const patterns = {
    agent: patternOf(options.agent),
    database: patternOf(options.database),
    verb: patternOf(options.verb),
    table: patternOf(options.table),
  }
  return ({ record, line }) => {
    if (since !== null && record.time < since) return false
    if (until !== null && record.time > until) return false
    if (text !== undefined && !line.toLowerCase().includes(text)) return false
    const subject = subjectOf(record)
    return (
      fits(patterns.agent, subject.agent) &&
      fits(patterns.database, subject.database) &&
      fits(patterns.verb, subject.verb) &&
      (patterns.table === null || subject.tables.some((table) => fits(patterns.table, table))) &&
      (options.decision === undefined || options.decision === subject.decision)
    )
  }
}

/** One line for a person: no character of the record can move the cursor or hide another. */
export function showRecord({ chain, record }: TrailRecord): string {
  const { agent, database, decision, verb, sql } = subjectOf(record)
  const { reason, person, chat, account, why, cause, outcome } = record
  const said = [reason, person, chat, account, why, cause, outcome].filter(
    (value) => typeof value === 'string' && value !== '',
  )
  const parts = [agent, database, decision, verb, sql, ...said].filter(Boolean)
  return visibleLine([record.time, `${chain}/${record.seq}`, record.type, ...parts].join('  '))
}

export function subjectOf(record: Readonly<Record<string, unknown>>): Subject {
  const actor = block(record.actor)
  const target = block(record.target)
  const stmt = block(record.stmt)
  const refused = record.type === 'statement.refused' ? 'refused' : null
  return {
    agent: textOf(actor.agent ?? record.agent),
    database: textOf(target.database ?? record.database),
    verb: textOf(stmt.verb ?? record.verb ?? record.action),
    tables: Array.isArray(stmt.tables) ? stmt.tables.filter((one) => typeof one === 'string') : [],
    decision: refused ?? textOf(record.decision),
    sql: textOf(stmt.sql),
  }
}

function block(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function patternOf(pattern: string | undefined): RegExp | null {
  if (pattern === undefined) return null
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 'isu')
}

function fits(pattern: RegExp | null, value: string | null): boolean {
  return pattern === null || (value !== null && pattern.test(value))
}

/** As records spell time, so that texts compare as times do. */
