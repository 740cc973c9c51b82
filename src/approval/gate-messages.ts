import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../lib/errors.ts'
import { EFFECTS } from '../sql/statement.ts'
import type { OwnRequest } from './own-request.ts'
import type { Outcome, RequestDraft, Resolution, WithdrawCause } from './request.ts'

/** What the data plane says of itself, for /readyz and /metrics. */
export interface DataPlaneReport {
  /** Why it isn't ready: the audit trail, an upstream. Empty when all is well. */
  readonly troubles: readonly string[]
  /** Metric name (snake_case, without prefix) -> value. */
  readonly counters: Readonly<Record<string, number>>
}

/** From the data plane. `ref` pairs an answer with its question. */
export type DataMessage =
  /** First on every line: all that is held now. */
  | {
      readonly type: 'announce'
      readonly holds: readonly { readonly id: string; readonly binding: string }[]
    }
  | { readonly type: 'open'; readonly ref: number; readonly draft: RequestDraft }
  | { readonly type: 'withdraw'; readonly id: string; readonly cause: WithdrawCause }
  /** `holding`: other sessions of this process still wait for it. */
  | { readonly type: 'ticket'; readonly id: string; readonly holding: boolean }
  | {
      readonly type: 'spend'
      readonly ref: number
      readonly id: string
      readonly binding: string
    }
  | { readonly type: 'settle'; readonly id: string; readonly outcome: Outcome }
  | {
      readonly type: 'list'
      readonly ref: number
      readonly agent: string
      readonly id: string | null
    }
  | { readonly type: 'report'; readonly report: DataPlaneReport }
  /** The configuration's text to start or go on with, and the file it came from. */
  | {
      readonly type: 'configure'
      readonly text: string
      readonly path: string
      /** Where to listen again after a restart, so that addresses given out stay good. */
      readonly listen: { readonly host: string; readonly port: number } | null
    }
  | { readonly type: 'reload'; readonly text: string }
  | { readonly type: 'ping'; readonly ref: number }

/** From the control plane. */
export type ControlMessage =
  | {
      readonly type: 'opened'
      readonly ref: number
      readonly id: string
      readonly url: string
      readonly how: 'new' | 'joined' | 'reopened'
    }
  | { readonly type: 'resolved'; readonly resolution: Resolution }
  | { readonly type: 'spent'; readonly ref: number; readonly ok: boolean }
  | {
      readonly type: 'listed'
      readonly ref: number
      readonly requests: readonly OwnRequest[]
    }
  /** An open, a spend or a list that couldn't be done. */
  | {
      readonly type: 'refused'
      readonly ref: number
      readonly code: ErrorCode
      readonly message: string
      readonly hint: string | null
    }
  /** host and port of the HTTP API; null where none is configured. */
  | {
      readonly type: 'ready'
      readonly listen: { readonly host: string; readonly port: number } | null
    }
  /** It can't start; it exits behind this. */
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'reloaded'; readonly problems: readonly string[] }
  | { readonly type: 'pong'; readonly ref: number }

const text = z.string()
const texts = z.array(text)
const maybeText = text.nullable()
const ref = z.int().nonnegative()
const id = text.min(1).max(64)
const binding = text.min(1).max(128)
const cause = z.enum(['cancelled', 'disconnected', 'shutdown', 'changed', 'owner'])
const listen = z.strictObject({ host: text, port: z.int().min(0).max(65535) }).nullable()

const requirement = z.strictObject({
  rule: text,
  by: texts,
  count: z.int().positive(),
  escalate: z.strictObject({ to: texts, afterMs: z.number().positive() }).exactOptional(),
  stepUpMs: z.number().positive().exactOptional(),
})

const draft = z.strictObject({
  binding,
  shape: binding.nullable(),
  agent: text,
  owners: texts,
  credentialCreatedBy: z.union([maybeText, texts]),
  database: text,
  environment: maybeText,
  onBehalfOf: maybeText,
  claim: maybeText,
  applicationName: text,
  session: text,
  verb: text,
  statement: text,
  statementSha256: text.regex(/^[0-9a-f]{64}$/),
  withoutConstants: maybeText,
  fingerprint: text,
  parameters: z.array(z.strictObject({ type: maybeText, value: maybeText })),
  effects: z.array(
    z.strictObject({
      effect: z.enum(EFFECTS),
      reason: text,
      at: z.int().nonnegative().exactOptional(),
    }),
  ),
  tables: z.array(
    z.strictObject({ name: text, access: z.enum(['read', 'write']), classes: texts }),
  ),
  classes: texts,
  asksClear: texts,
  clearable: texts,
  estimatedRows: z.number().nullable(),
  impact: z
    .strictObject({
      rows: z.int().nonnegative().nullable(),
      columns: texts,
      sample: z.array(z.array(maybeText)),
    })
    .exactOptional(),
  inTransaction: z.boolean(),
  requirements: z.array(requirement),
  holdMs: z.number().nonnegative(),
  expiresMs: z.number().positive(),
})

const outcome = z.strictObject({
  rows: z.number().nullable(),
  ms: z.number().nonnegative(),
  sqlState: text.max(5).nullable(),
})

const dataMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('announce'),
    holds: z.array(z.strictObject({ id, binding })),
  }),
  z.strictObject({ type: z.literal('open'), ref, draft }),
  z.strictObject({ type: z.literal('withdraw'), id, cause }),
  z.strictObject({ type: z.literal('ticket'), id, holding: z.boolean() }),
  z.strictObject({ type: z.literal('spend'), ref, id, binding }),
  z.strictObject({ type: z.literal('settle'), id, outcome }),
  z.strictObject({
    type: z.literal('list'),
    ref,
    agent: text.max(256),
    id: id.nullable(),
  }),
  z.strictObject({
    type: z.literal('report'),
    report: z.strictObject({
      troubles: texts,
      counters: z.record(text.regex(/^[a-z][a-z0-9_]*$/), z.number()),
    }),
  }),
  z.strictObject({ type: z.literal('configure'), text, path: text, listen }),
  z.strictObject({ type: z.literal('reload'), text }),
  z.strictObject({ type: z.literal('ping'), ref }),
])

const resolution = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('approved'),
    id,
    by: texts,
    cleared: texts,
    grant: z.strictObject({ id, maxRows: z.int().positive() }).nullable(),
    counted: z.int().nonnegative().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('rejected'), id, by: text, reason: text }),
  z.strictObject({ kind: z.literal('expired'), id }),
  z.strictObject({ kind: z.literal('withdrawn'), id, cause }),
])

const ownRequest = z.strictObject({
  id,
  state: text,
  statement: text,
  database: text,
  createdAt: text,
  expiresAt: text,
  url: text,
  message: text,
})

const controlMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('opened'),
    ref,
    id,
    url: text,
    how: z.enum(['new', 'joined', 'reopened']),
  }),
  z.strictObject({ type: z.literal('resolved'), resolution }),
  z.strictObject({ type: z.literal('spent'), ref, ok: z.boolean() }),
  z.strictObject({ type: z.literal('listed'), ref, requests: z.array(ownRequest).max(100) }),
  z.strictObject({
    type: z.literal('refused'),
    ref,
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    message: text,
    hint: maybeText,
  }),
  z.strictObject({ type: z.literal('ready'), listen }),
  z.strictObject({ type: z.literal('failed'), message: text }),
  z.strictObject({ type: z.literal('reloaded'), problems: texts }),
  z.strictObject({ type: z.literal('pong'), ref }),
])

/** The message, or null where it isn't one; such a message is never acted upon. */
export function parseDataMessage(raw: unknown): DataMessage | null {
  return dataMessage.safeParse(raw).data ?? null
}

/** The message, or null where it isn't one. */
export function parseControlMessage(raw: unknown): ControlMessage | null {
  return controlMessage.safeParse(raw).data ?? null
}
