import type { StatementRecord } from '../audit/events.ts'
import type { Classification } from '../sql/statement.ts'
import type { TransactionState } from '../wire/replies.ts'
import { sha256 } from './binding.ts'
import { type Exchange, verbOf } from './exchange.ts'

import type { Services } from './services.ts'
import { shownEffects } from './shown-effects.ts'

type AuditSql = ReturnType<Services['auditSql']>

interface Known {
  readonly transaction: TransactionState
  readonly mode: AuditSql
  readonly text: string
  readonly record: StatementRecord
}

/** Verdicts are shared by all sessions, and so is what the trail says of them. */
const known = new WeakMap<Classification, Known>()

/**
 * What the trail says of a statement: the same object for every run of it, so that it is made and
 * written out once.
 */
export function statementRecord(
  exchange: Exchange,
  transaction: TransactionState,
  mode: AuditSql,
): StatementRecord {
  const [only] = exchange.statements
  if (!only || exchange.statements.length > 1) return newRecord(exchange, transaction, mode)
  const before = known.get(only)
  const { sql: text } = exchange
  if (before?.transaction === transaction && before.mode === mode && before.text === text) {
    return before.record
  }
  const record = newRecord(exchange, transaction, mode)
  known.set(only, { transaction, mode, text, record })
  return record
}

function newRecord(
  exchange: Exchange,
  transaction: TransactionState,
  mode: AuditSql,
): StatementRecord {
  const { statements } = exchange
  return {
    verb: verbOf(exchange),
    sql: shownSql(exchange, mode),
    sha256: sha256(exchange.sql),
    fingerprint: statements.map((statement) => statement.fingerprint).join(';'),
    effects: shownEffects(exchange),
    tables: statements.flatMap(({ tables }) =>
      tables.map((table) => (table.schema ? `${table.schema}.${table.name}` : table.name)),
    ),
    classes: [...new Set(statements.flatMap((statement) => statement.classes))],
    transaction,
  }
}

function shownSql({ statements }: Exchange, mode: AuditSql): string | null {
  switch (mode) {
    case 'full':
      return statements.map((statement) => statement.redacted).join(';\n')
    case 'redacted':
      return statements.map((statement) => statement.withoutLiterals).join(';\n')
    case 'fingerprint':
      return null
  }
}
