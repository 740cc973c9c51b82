import type { FastifyRequest } from 'fastify'
import type { DecideResult } from '../../approval/decide-result.ts'
import { authorizeBreakGlass } from '../../identity/authorize-decision.ts'
import { bad, type Notice, noticeOf, statusFor } from './decision-notice.ts'
import { fieldsOf } from './form-fields.ts'
import { type GlassFields, LONGEST_REASON, LONGEST_TICKET, WORD } from './glass-panel.ts'
import { provedLately } from './proved-lately.ts'
import type { InboxOptions } from './web-options.ts'
import type { Viewer } from './who.ts'

const SHA256 = /^[0-9a-f]{64}$/

/** What became of a form that lets a request pass alone. */
export interface Broken {
  readonly status: number
  readonly notice: Notice | null
  /** What was typed in, to be shown again where nothing came of it. */
  readonly typed: GlassFields
  /** They have to sign in again before it can count. */
  readonly again: boolean
}

/** Lets a request pass alone, as a form says. Where an account can be proved anew, it has to be. */
export async function breakByForm(
  request: FastifyRequest,
  { id, viewer }: { readonly id: string; readonly viewer: Viewer },
  options: InboxOptions,
): Promise<Broken> {
  const { reason = '', ticket = '', word = '', statement_sha256: sha = '' } = fieldsOf(request)
  const typed = { reason: reason.trim(), ticket: ticket.trim() }
  const missing = whatIsMissing({ ...typed, word, sha })
  if (missing !== null) return { status: 422, notice: bad(missing), typed, again: false }
  if (hasToProve(id, viewer, options)) return { status: 403, notice: null, typed, again: true }
  const person = viewer.person.email
  const by = { ...typed, person, channel: 'inbox', statementSha256: sha } as const
  const result = await options.desk.breakGlass(id, by)
  // A button that is pressed twice: the page shows what the first time has done.
  if (isTheirs(result, by)) return { status: 200, notice: null, typed, again: false }
  return { status: statusFor(result), notice: noticeOf(result), typed, again: false }
}

function isTheirs(result: DecideResult, { person, ticket }: { person: string; ticket: string }) {
  if (result.kind !== 'already') return false
  const last = result.request.votes.at(-1)
  return last?.person === person && last.breakGlass?.ticket === ticket
}

function whatIsMissing({
  reason,
  ticket,
  word,
  sha,
}: GlassFields & { readonly word: string; readonly sha: string }): string | null {
  const nothing = 'Nothing was decided.'
  if (!SHA256.test(sha)) return `${nothing} The form names no statement.`
  if (reason === '' || ticket === '') return `${nothing} It takes a reason and a ticket.`
  if (reason.length > LONGEST_REASON) return `${nothing} The reason is too long.`
  if (ticket.length > LONGEST_TICKET) return `${nothing} The ticket is too long.`
  if (word.trim().toLowerCase() === WORD) return null
  return `${nothing} To confirm it, type: ${WORD}`
}

/** Who may not do it anyway is told that instead, by the desk, which records it. */
function hasToProve(id: string, viewer: Viewer, options: InboxOptions): boolean {
  const request = options.desk.get(id)
  if (request?.state !== 'pending') return false
  const { person } = viewer
  const may = authorizeBreakGlass({ person, request, directory: options.directory() }).ok
  return may && !provedLately(viewer, options)
}
