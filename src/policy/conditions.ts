import { fits, fitsAny, partFits } from '../lib/pattern.ts'
import type { Classification, Effect, TableUse } from '../sql/statement.ts'
import type { RuleCondition } from './rule.ts'

/** Who asks, and when. */
export interface Asker {
  /** The agent's name. */
  readonly agent: string
  /** Groups that the agent belongs to: those of its owners and those that own it. */
  readonly groups: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** What a decision on a statement depends on. */
export interface DecisionInput extends Asker {
  readonly classification: Classification
  readonly database: string
  readonly environment: string | null
  readonly inTransaction: boolean
}

/**
 * How a rule's tables, columns and classes are held against the statement's. A rule that lets
 * something pass must cover all that the statement touches; one that stops it must meet any.
 */
export type Reach = 'covers' | 'meets'

/** Whether a rule's conditions hold for one effect of a statement. */
export function holds(
  when: RuleCondition,
  effect: Effect,
  input: DecisionInput,
  reach: Reach,
): boolean {
  if (when.effect && !when.effect.includes(effect)) return false
  return holdsForSession(when, input) && holdsForStatement(when, input, reach)
}

/** The conditions on who asks, where and when. What is said of actions is said of no statement. */
export function holdsForSession(when: RuleCondition, input: DecisionInput): boolean {
  const { database, environment, inTransaction } = input
  if (when.action || !holdsForAsker(when, input)) return false
  if (when.database && !when.database.some((pattern) => partFits(pattern, database))) return false
  if (when.environment) {
    if (environment === null) return false
    if (!when.environment.some((pattern) => partFits(pattern, environment))) return false
  }
  return when.inTransaction === undefined || when.inTransaction === inTransaction
}

/** The conditions on who asks, and when. */
export function holdsForAsker(when: RuleCondition, { agent, groups, now }: Asker): boolean {
  if (when.agent && !when.agent.some((pattern) => partFits(pattern, agent))) return false
  if (when.group && !groups.some((group) => when.group?.some((one) => partFits(one, group)))) {
    return false
  }
  return when.hours === undefined || isWithin(when.hours, now)
}

/** The conditions on what the statement is and touches. */
export function holdsForStatement(
  when: RuleCondition,
  input: DecisionInput,
  reach: Reach,
): boolean {
  const { verb, tables, classes } = input.classification
  if (when.verb && !when.verb.some((one) => partFits(one.toUpperCase(), verb))) return false
  if (when.tables && !reaches(reach, tables, (use) => isNamed(when.tables ?? [], use, reach))) {
    return false
  }
  if (when.columns && !reachesColumns(when.columns, tables, reach)) return false
  if (when.classes && !reaches(reach, classes, (own) => fitsAny(when.classes ?? [], own))) {
    return false
  }
  const bounded = when.tables ?? when.columns ?? when.classes
  return reach === 'meets' || bounded === undefined || isKnown(input.classification)
}

/** What an opaque statement touches isn't known, so nothing can cover it. */
function isKnown(classification: Classification): boolean {
  return !classification.effects.some(({ effect }) => effect === 'opaque')
}

/** Nothing is covered where nothing is touched: such a rule was meant for something else. */
function reaches<T>(reach: Reach, items: readonly T[], test: (item: T) => boolean): boolean {
  if (reach === 'meets') return items.some(test)
  return items.length > 0 && items.every(test)
}

function isNamed(patterns: readonly string[], use: TableUse, reach: Reach): boolean {
  return patterns.some((pattern) => tableFits(pattern, use, reach))
}

/** `orders` means any schema. A table that the catalog doesn't know can be the one that is meant. */
function tableFits(pattern: string, use: TableUse, reach: Reach): boolean {
  if (!pattern.includes('.')) return partFits(pattern, use.name)
  const [schema = '', name = ''] = splitLast(pattern)
  if (!partFits(name, use.name)) return false
  return use.schema === null ? reach === 'meets' : partFits(schema, use.schema)
}

function reachesColumns(
  patterns: readonly string[],
  tables: readonly TableUse[],
  reach: Reach,
): boolean {
  return reaches(reach, tables, (use) => {
    const own = patterns.flatMap((pattern) => {
      const [table = '', column = ''] = splitLast(pattern)
      return tableFits(table, use, reach) ? [column] : []
    })
    if (own.length === 0) return false
    // A write that names no column concerns all of them.
    if (use.columns.length === 0 && use.access === 'write') {
      return reach === 'meets' || own.includes('*')
    }
    const named = (column: string) => own.some((pattern) => fits(pattern, column))
    return reach === 'meets' ? use.columns.some(named) : use.columns.every(named)
  })
}

function splitLast(name: string): readonly [string, string] {
  const dot = name.lastIndexOf('.')
  return [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)]
}

/** "22:00-06:00" wraps midnight; the end doesn't belong to it. UTC. */
export function isWithin(hours: string, now: number): boolean {
  const match = /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(hours)
  if (!match) return false
  const [, fromHour, fromMinute, toHour, toMinute] = match.map(Number)
  const from = (fromHour ?? 0) * 60 + (fromMinute ?? 0)
  const to = (toHour ?? 0) * 60 + (toMinute ?? 0)
  const minute = Math.floor(now / 60_000) % 1440
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to
}
