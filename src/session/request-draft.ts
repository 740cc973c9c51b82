import type { RequestDraft } from '../approval/request.ts'
import type { Principal } from '../identity/principal.ts'
import { fitsAny } from '../lib/pattern.ts'
import type { RequireApproval } from '../policy/decision.ts'
import type { Classification } from '../sql/statement.ts'
import { sha256 } from './binding.ts'
import { textWithoutConstants } from './chat-text.ts'
import { type Exchange, verbOf } from './exchange.ts'
import { shownEffects } from './shown-effects.ts'

/** All of a request that can be told without asking anybody. */
export type DraftOf = Omit<RequestDraft, 'binding' | 'shape' | 'estimatedRows' | 'impact'>

export interface DraftFacts {
  readonly principal: Principal
  /** The id of the session. */
  readonly session: string
  readonly inTransaction: boolean
  /** How long the statement is held on its connection. */
  readonly holdMs: number
}

/** What people are shown of a statement that waits for them. */
export function draftOf(
  exchange: Exchange,
  decision: RequireApproval,
  { principal, session, inTransaction, holdMs }: DraftFacts,
): DraftOf {
  const { agent } = principal
  const { statements } = exchange
  return {
    agent: agent.name,
    owners: agent.owners,
    credentialCreatedBy: agent.credentialCreatedBy,
    database: principal.database,
    environment: principal.environment,
    onBehalfOf: principal.onBehalfOf,
    claim: principal.claim,
    applicationName: principal.applicationName,
    session,
    verb: verbOf(exchange),
    statement: exchange.sql,
    statementSha256: sha256(exchange.sql),
    withoutConstants: textWithoutConstants(statements),
    fingerprint: statements.map((statement) => statement.fingerprint).join(';'),
    parameters: exchange.shownParameters(),
    effects: shownEffects(exchange),
    tables: statements.flatMap(tablesOf),
    classes: [...new Set(statements.flatMap((statement) => statement.classes))],
    ...clearance(exchange, decision),
    inTransaction,
    requirements: decision.requirements,
    holdMs,
    expiresMs: decision.expiresMs,
  }
}

function tablesOf({ tables }: Classification): DraftOf['tables'] {
  return tables.map((table) => ({
    name: table.schema === null ? table.name : `${table.schema}.${table.name}`,
    access: table.access,
    classes: [...new Set(Object.values(table.classes))],
  }))
}

/** What leaves in clear once it is signed, and what else could by whoever signs it. */
function clearance(
  { statements, rowsBegan }: Exchange,
  { clear: asksClear = [], unmask }: RequireApproval,
): Pick<RequestDraft, 'asksClear' | 'clearable'> {
  const shown = [...asksClear, ...unmask]
  const classes = [...new Set(statements.flatMap(({ classes }) => classes))]
  // How rows are masked that have begun to leave isn't changed on their way.
  const clearable = rowsBegan ? [] : classes.filter((one) => !fitsAny(shown, one))
  return { asksClear, clearable }
}
