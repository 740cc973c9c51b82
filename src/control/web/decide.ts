import type { FastifyRequest } from 'fastify'
import { statusOf } from '../../approval/channels/rendering.ts'
import { type DecideResult, winnerOf } from '../../approval/decide-result.ts'
import { denyReason } from '../../approval/deny-reasons.ts'
import { assertNever } from '../../lib/assert-never.ts'
import { ApiError } from '../api-error.ts'
import type { IdempotentAnswers } from '../idempotency.ts'
import { CLEAR, type Notice } from './decide-bar.ts'
import { fieldsOf } from './form-fields.ts'
import type { InboxOptions } from './web-options.ts'
import type { Viewer } from './who.ts'

const LONGEST_REASON = 2_000
const SHA256 = /^[0-9a-f]{64}$/

/** What became of a decision; no notice where the request itself says it. */
export interface Decided {
  readonly status: number
  readonly notice: Notice | null
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
  const scope = { person, path: request.url, body: { decision, reason, sha, clears } }
  const answer = await options.answers.once(idempotency_key, scope, async () => {
    const result = await takenBy(options, { id, person, decision, reason, sha, clears })
    return { status: statusFor(result), body: noticeOf(result) }
  })
  return { status: answer.status, notice: answer.body as Notice | null }
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
  },
): Promise<DecideResult> {
  const { id, person, decision, reason, sha, clears } = answer
  const channel = 'inbox'
  if (decision === 'withdraw') return desk.withdrawByOwner(id, { person, channel })
  if (decision !== 'approve' && decision !== 'deny') throw unreadable('Approve or deny.')
  return desk.decide(id, { person, channel, decision, reason, clears, statementSha256: sha })
}

function statusFor({ kind }: DecideResult): number {
  const statuses = {
    decided: 200,
    counted: 200,
    unknown: 404,
    already: 409,
    gone: 410,
    changed: 412,
    refused: 403,
  } as const
  return statuses[kind]
}

function noticeOf(result: DecideResult): Notice | null {
  switch (result.kind) {
    case 'decided':
      return null
    case 'counted':
      return { kind: 'good', text: 'Your signature counts; more people have to sign.' }
    case 'unknown':
      return bad('There is no such request.')
    case 'already':
      return bad(`Nothing of yours was counted: it was ${winnerOf(result.request)} already.`)
    case 'gone':
      return bad(`Nothing was decided: it is over. ${statusOf(result.request)}.`)
    case 'changed':
      return bad('Nothing was decided: this page showed another statement. Read it again.')
    case 'refused':
      return bad(`Nothing was decided. ${result.message}`)
    default:
      return assertNever(result)
  }
}

function bad(text: string): Notice {
  return { kind: 'bad', text }
}

function unreadable(message: string): ApiError {
  return new ApiError(422, 'unprocessable', `${message} Nothing was decided.`)
}
