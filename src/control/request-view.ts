import { z } from 'zod'
import { type Regulations, regulationsOf } from '../approval/regulations.ts'
import {
  type ApprovalRequest,
  type Outcome,
  REQUEST_STATES,
  type Vote,
} from '../approval/request.ts'
import { EFFECTS } from '../sql/statement.ts'

/** A request as the HTTP API shows it. Times are ISO 8601, UTC. */
export function requestView(
  request: ApprovalRequest,
  url: string,
  regulations: Regulations = {},
  rule: string | null = null,
): Record<string, unknown> {
  return {
    id: request.id,
    state: request.state,
    url,
    kind: request.action ? 'action' : 'statement',
    resource: request.action?.resource ?? null,
    agent: request.agent,
    owners: request.owners,
    on_behalf_of: request.onBehalfOf,
    claim: request.claim,
    application_name: request.applicationName,
    database: request.database,
    environment: request.environment,
    session: request.session,
    verb: request.verb,
    statement: request.statement,
    statement_sha256: request.statementSha256,
    fingerprint: request.fingerprint,
    parameters: request.parameters,
    effects: [...new Set(request.effects.map(({ effect }) => effect))],
    reasons: request.effects,
    tables: request.tables,
    classes: request.classes,
    class_regulations: regulationsOf(request.classes, regulations),
    asks_clear: request.asksClear,
    clearable: request.clearable,
    cleared: request.cleared,
    grantable: request.shape !== null,
    grant: request.grant && { id: request.grant.id, max_rows: request.grant.maxRows },
    estimated_rows: request.estimatedRows,
    impact: request.impact ?? null,
    in_transaction: request.inTransaction,
    requirements: request.requirements.map(({ escalate, stepUpMs, ...one }) => ({
      ...one,
      step_up_ms: stepUpMs ?? null,
      escalate: escalate ? { to: escalate.to, after_ms: escalate.afterMs } : null,
    })),
    escalated: request.escalated,
    reminded_at: request.remindedAt,
    waiting: request.waiting,
    votes: request.votes.map(({ grant, breakGlass, authenticatedAt, acr, ...vote }) => ({
      ...vote,
      authenticated_at: authenticatedAt ?? null,
      acr: acr ?? null,
      break_glass: breakGlass ?? null,
      scope: grant ? 'shape' : 'once',
      ...(grant && { minutes: grant.minutes, max_rows: grant.maxRows }),
    })),
    withdrawn_cause: request.withdrawnCause,
    spent_at: request.spentAt,
    outcome: request.outcome,
    history: { approved: request.history.approved, last_by: request.history.lastBy },
    proposed_rule: rule,
    created_at: request.createdAt,
    updated_at: request.updatedAt,
    expires_at: request.expiresAt,
  }
}

const text = z.string()
const texts = z.array(text)

/** A request as the API shows it. A client passes over what it doesn't know. */
export const ApprovalView = z.object({
  id: text,
  state: z.enum(REQUEST_STATES),
  url: text.default(''),
  /** What is asked for: that a statement runs, or an action that isn't SQL. */
  kind: z.enum(['statement', 'action']).default('statement'),
  resource: text.nullable().default(null),
  agent: text,
  owners: texts,
  on_behalf_of: text.nullable(),
  claim: text.nullable(),
  application_name: text,
  database: text,
  environment: text.nullable(),
  session: text,
  verb: text,
  statement: text,
  statement_sha256: text,
  fingerprint: text,
  parameters: z.array(z.object({ type: text.nullable(), value: text.nullable() })),
  effects: z.array(z.enum(EFFECTS)).default([]),
  reasons: z.array(
    z.object({ effect: z.enum(EFFECTS), reason: text, at: z.number().int().optional() }),
  ),
  tables: z.array(z.object({ name: text, access: z.enum(['read', 'write']), classes: texts })),
  classes: texts,
  /** Data class -> what it falls under. */
  class_regulations: z.record(text, text).default({}),
  asks_clear: texts.default([]),
  clearable: texts.default([]),
  cleared: texts.default([]),
  grantable: z.boolean().default(false),
  grant: z.object({ id: text, max_rows: z.number() }).nullable().default(null),
  estimated_rows: z.number().nullable(),
  /** What it would change, where a rule has it counted; rows: null where that could not be done. */
  impact: z
    .object({
      rows: z.number().nullable(),
      columns: texts,
      sample: z.array(z.array(text.nullable())),
    })
    .nullable()
    .default(null),
  in_transaction: z.boolean(),
  requirements: z.array(
    z.object({
      ...{ rule: text, by: texts, count: z.number() },
      step_up_ms: z.number().nullable().default(null),
      escalate: z.object({ to: texts, after_ms: z.number() }).nullable().default(null),
    }),
  ),
  /** Rules whose second group may decide now, too. */
  escalated: texts.default([]),
  reminded_at: text.nullable().default(null),
  waiting: z.enum(['connection', 'ticket']).nullable(),
  votes: z.array(
    z.object({
      person: text,
      decision: z.enum(['approve', 'deny']),
      reason: text,
      channel: z.enum(['api', 'cli', 'inbox', 'slack', 'teams']),
      clears: texts.default([]),
      scope: z.enum(['once', 'shape']).default('once'),
      break_glass: z.object({ ticket: text }).nullable().default(null),
      /** When they had proved to the identity provider who they are, and how. */
      authenticated_at: text.nullable().default(null),
      acr: text.nullable().default(null),
      minutes: z.number().optional(),
      max_rows: z.number().optional(),
      at: text,
    }),
  ),
  withdrawn_cause: z.enum(['cancelled', 'disconnected', 'shutdown', 'changed', 'owner']).nullable(),
  spent_at: text.nullable(),
  outcome: z
    .object({
      rows: z.number().nullable(),
      ms: z.number(),
      sqlState: text.nullable(),
      detail: text.optional(),
    })
    .nullable(),
  history: z.object({ approved: z.number(), last_by: text.nullable() }),
  proposed_rule: text
    .nullable()
    .default(null)
    .describe('YAML to copy, after the fifth approval of the same shape; nothing applies it.'),
  created_at: text,
  updated_at: text,
  expires_at: text,
})

/** What a view says of the regulations that its classes fall under. */
export function regulationsFromView(raw: unknown): Regulations {
  return z.object({ class_regulations: z.record(text, text).default({}) }).parse(raw)
    .class_regulations
}

/** Reads a view back, so that a client shows a request as every channel does. Throws on others. */
export function requestFromView(raw: unknown): ApprovalRequest {
  const view = ApprovalView.parse(raw)
  return {
    binding: '',
    ...(view.resource !== null && { action: { name: view.verb, resource: view.resource } }),
    // What could be granted is no secret; by what it would be is.
    shape: view.grantable ? '' : null,
    grant: view.grant && { id: view.grant.id, maxRows: view.grant.max_rows },
    agent: view.agent,
    owners: view.owners,
    credentialCreatedBy: null,
    database: view.database,
    environment: view.environment,
    onBehalfOf: view.on_behalf_of,
    claim: view.claim,
    applicationName: view.application_name,
    session: view.session,
    verb: view.verb,
    statement: view.statement,
    statementSha256: view.statement_sha256,
    // Whoever reads a view reads the statement.
    withoutConstants: null,
    fingerprint: view.fingerprint,
    parameters: view.parameters,
    effects: view.reasons.map(({ at, ...reason }) =>
      at === undefined ? reason : { ...reason, at },
    ),
    tables: view.tables,
    classes: view.classes,
    asksClear: view.asks_clear,
    clearable: view.clearable,
    cleared: view.cleared,
    estimatedRows: view.estimated_rows,
    ...(view.impact && { impact: view.impact }),
    inTransaction: view.in_transaction,
    requirements: view.requirements.map(({ escalate, step_up_ms: stepUpMs, ...one }) => ({
      ...one,
      ...(stepUpMs !== null && { stepUpMs }),
      ...(escalate && { escalate: { to: escalate.to, afterMs: escalate.after_ms } }),
    })),
    escalated: view.escalated,
    remindedAt: view.reminded_at,
    holdMs: 0,
    expiresMs: 0,
    id: view.id,
    state: view.state,
    createdAt: view.created_at,
    updatedAt: view.updated_at,
    expiresAt: view.expires_at,
    spentAt: view.spent_at,
    votes: view.votes.map(voteFrom),
    waiting: view.waiting,
    withdrawnCause: view.withdrawn_cause,
    outcome: view.outcome && outcomeFrom(view.outcome),
    history: { approved: view.history.approved, lastBy: view.history.last_by },
  }
}

function voteFrom({
  minutes,
  max_rows: maxRows,
  scope: _,
  break_glass,
  authenticated_at,
  acr,
  ...vote
}: z.output<typeof ApprovalView>['votes'][number]): Vote {
  return {
    ...vote,
    ...(break_glass && { breakGlass: break_glass }),
    ...(authenticated_at !== null && { authenticatedAt: authenticated_at }),
    ...(acr !== null && { acr }),
    grant: minutes === undefined || maxRows === undefined ? null : { minutes, maxRows },
  }
}

function outcomeFrom({
  detail,
  ...outcome
}: NonNullable<z.output<typeof ApprovalView>['outcome']>): Outcome {
  return detail === undefined ? outcome : { ...outcome, detail }
}
