import type { FastifyRequest } from 'fastify'
import type { Proof } from '../../approval/answer.ts'
import type { DecideResult } from '../../approval/decide-result.ts'
import { denyReason } from '../../approval/deny-reasons.ts'
import { type GrantTerms, LONGEST_GRANT_MINUTES } from '../../approval/grant.ts'
import { CLAIMS_MS } from '../../identity/accounts.ts'
import { ApiError } from '../api-error.ts'
import type { IdempotentAnswers } from '../idempotency.ts'
import { CLEAR, SHAPE } from './decide-bar.ts'
import { type Notice, noticeOf, statusFor } from './decision-notice.ts'
import { type Fields, fieldsOf } from './form-fields.ts'
import type { KeptAnswer } from './kept-answers.ts'
import type { InboxOptions } from './web-options.ts'
import { proofOf, type Viewer } from './who.ts'

const LONGEST_REASON = 2_000
const SHA256 = /^[0-9a-f]{64}$/

/** What became of a decision; no notice where the request itself says it. */
export interface Decided {
  readonly status: number
  readonly notice: Notice | null
  /** What the person typed in, where they have to sign in again before it can count. */
  readonly again: KeptAnswer | null
}

/** Takes the decision that a form carries, once for each form. Throws 422 for one that isn't ours. */
export async function decideByForm(
  request: FastifyRequest,
  { id, viewer }: { readonly id: string; readonly viewer: Viewer },
  options: InboxOptions & { readonly answers: IdempotentAnswers },
): Promise<Decided> {
  const fields = fieldsOf(request)
  const { decision, statement_sha256: sha, idempotency_key } = fields
  const written = fields.reason ?? ''
  const reason = decision === 'deny' ? denyReason(fields.canned, written) : written
  const clears = Object.keys(fields).flatMap((name) =>
    name.startsWith(CLEAR) ? name.slice(CLEAR.length) : [],
  )
  if (reason.length > LONGEST_REASON) throw unreadable('The reason is too long.')
  if (sha === undefined || !SHA256.test(sha)) throw unreadable('The form names no statement.')
  if (!idempotency_key) throw unreadable('The form has no key.')
  const person = viewer.person.email
  const grant = decision === SHAPE ? termsIn(fields) : null
  const scope = { person, path: request.url, body: { decision, reason, sha, clears, grant } }
  let again: KeptAnswer | null = null
  const answer = await options.answers.once(idempotency_key, scope, async () => {
    const proof = proofOf(viewer)
    const result = await takenBy(options, {
      ...{ id, person, decision, reason, sha, clears, grant, proof },
    })
    if (result.kind === 'refused' && needsProof(result.code, viewer, options)) {
      again = { reason, clears, ticket: null }
    }
    return { status: statusFor(result), body: noticeOf(result) }
  })
  return { status: answer.status, notice: answer.body as Notice | null, again }
}

/** Whether another sign-in could make of this no a yes. */
function needsProof(code: string, { account, person }: Viewer, { web, clock }: InboxOptions) {
  const client = web.oidc?.client()
  if (!web.oidc || !client) return false
  if (code === 'step_up_required') return true
  const named = web.oidc.accounts.namedAt(person.email)
  const lapsed = client.namesGroups && clock.now() - named >= CLAIMS_MS
  return code === 'not_an_approver' && account !== null && lapsed
}

function termsIn({ minutes = '', max_rows: rows = '' }: Fields): GrantTerms {
  const terms = { minutes: Number(minutes), maxRows: Number(rows) }
  if (!/^\d{1,4}$/.test(minutes) || terms.minutes < 1 || terms.minutes > LONGEST_GRANT_MINUTES) {
    throw unreadable(`Minutes are a number from 1 to ${LONGEST_GRANT_MINUTES}.`)
  }
  if (!/^\d{1,9}$/.test(rows) || terms.maxRows < 1) throw unreadable('Rows are a number from 1 on.')
  return terms
}

function takenBy(
  { desk }: InboxOptions,
  answer: {
    readonly id: string
    readonly person: string
    readonly decision: string | undefined
    readonly reason: string
    readonly sha: string
    readonly clears: readonly string[]
    readonly grant: GrantTerms | null
    readonly proof: Proof | null
  },
): Promise<DecideResult> {
  const { id, person, reason, sha, clears, grant, proof } = answer
  const decision = answer.decision === SHAPE ? 'approve' : answer.decision
  const channel = 'inbox'
  if (decision === 'withdraw') return desk.withdrawByOwner(id, { person, channel })
  if (decision !== 'approve' && decision !== 'deny') throw unreadable('Approve or deny.')
  return desk.decide(id, {
    ...{ person, channel, decision, reason, clears, grant, proof },
    statementSha256: sha,
  })
}

function unreadable(message: string): ApiError {
  return new ApiError(422, 'unprocessable', `${message} Nothing was decided.`)
}
