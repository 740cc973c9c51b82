import { visibleLine } from '../../approval/channels/visible.ts'
import { DENY_REASONS } from '../../approval/deny-reasons.ts'
import { approversOf } from '../../approval/desk-events.ts'
import type { ApprovalRequest } from '../../approval/request.ts'
import { authorizeDecision, isOwner } from '../../identity/authorize-decision.ts'
import { type Directory, sameName } from '../../identity/directory.ts'
import type { Person } from '../../identity/principal.ts'
import { type Html, html } from './html.ts'
import { countdown } from './moments.ts'
import { named, titleOf } from './request-words.ts'

/** What the fields' names begin with that say which class leaves in clear. */
export const CLEAR = 'clear:'

/** What became of what the reader has just sent. */
export interface Notice {
  readonly kind: 'good' | 'bad'
  readonly text: string
}

export interface DecideContext {
  readonly request: ApprovalRequest
  readonly directory: Directory
  readonly viewer: Person
  readonly formToken: string
  /** One decision of this page: sent twice, it counts once. */
  readonly idempotencyKey: string
  readonly notice: Notice | null
  readonly now: number
}

/**
 * Where a person decides, or why they can't. What is shown here grants nothing: the desk asks
 * `authorizeDecision` again. Its version is that of the request, for its key differs each time.
 */
export function decideBar(context: DecideContext): Html {
  const { request } = context
  return html`<div id="decide" data-live="${request.state}-${request.votes.length}-${context.viewer.email}">${
    request.state === 'pending' ? pendingBar(context) : null
  }</div>`
}

function pendingBar(context: DecideContext): Html {
  const { request, directory, viewer } = context
  const may = (decision: 'approve' | 'deny') =>
    authorizeDecision({ person: viewer, request, decision, directory })
  const [approve, deny] = [may('approve'), may('deny')]
  const signed = approversOf(request).some((email) => sameName(email) === sameName(viewer.email))
  const canApprove = approve.ok && !signed
  if (!canApprove && !deny.ok) return cannot(context, approve.ok ? '' : approve.message)
  return html`<form class="bar" id="decision" method="post" action="/inbox/requests/${request.id}/decision" aria-label="Your decision" data-step="choose" data-what="${whatOf(request)}">
${hidden(context)}
${signed && html`<p class="fine">You have signed; somebody else has to sign too.</p>`}
<p class="ask" id="ask" hidden></p>
${deny.ok && cannedReasons()}
<div class="reason"><label for="reason">Reason <span class="fine">optional; kept with your decision</span></label>
<textarea id="reason" name="reason" rows="2" maxlength="2000" autocomplete="off"></textarea></div>
${canApprove && clearances(context)}
<div class="buttons">
<span class="left">${countdown(request.expiresAt, context.now)} <span class="fine">left</span></span>
<button class="deny" name="decision" value="deny" aria-keyshortcuts="d" aria-describedby="ask">Deny</button>
${canApprove && html`<button class="approve" name="decision" value="approve" aria-keyshortcuts="a" aria-describedby="ask">Approve once</button>`}
<button class="back" type="button" hidden>Back</button>
</div></form>`
}

/** What is said most often by those who say no; of no account to who approves. */
function cannedReasons(): Html {
  return html`<div class="reason canned"><label for="canned">If you deny <span class="fine">the agent is told</span></label>
<select id="canned" name="canned" autocomplete="off"><option value="">in your own words</option>${DENY_REASONS.map(
    (reason) => html`<option>${reason}</option>`,
  )}</select></div>`
}

/** What this person may let leave in clear beside what is asked for; nothing is chosen for them. */
function clearances({ request, directory, viewer }: DecideContext): Html | null {
  const mine = request.clearable.filter((dataClass) => directory.clears(viewer, dataClass))
  if (mine.length === 0) return null
  return html`<fieldset class="clear"><legend>Unmask for this once</legend>${mine.map(
    (dataClass) =>
      html`<label><input type="checkbox" name="${CLEAR}${dataClass}" autocomplete="off"> ${named(dataClass)}</label>`,
  )}</fieldset>`
}

function cannot(context: DecideContext, why: string): Html {
  const { request, viewer } = context
  return html`<div class="bar"><p><strong>Not yours to sign.</strong> ${why}</p>${
    isOwner(request, viewer) &&
    html`<form id="decision" method="post" action="/inbox/requests/${request.id}/decision" aria-label="Withdraw the request" data-step="choose" data-what="${whatOf(request)}">${hidden(context)}
<div class="buttons"><p class="ask" id="ask" hidden></p><button class="withdraw" name="decision" value="withdraw">Withdraw the request</button><button class="back" type="button" hidden>Back</button></div></form>`
  }</div>`
}

/** What is decided on, in the question that is asked before it is sent. */
function whatOf(request: ApprovalRequest): string {
  const { database, environment } = request
  if (request.action) return titleOf(request)
  const where = environment === null ? database : `${database} (${environment})`
  return `${titleOf(request)}, ${visibleLine(where)}`
}

function hidden({ request, formToken, idempotencyKey }: DecideContext): Html {
  return html`<input type="hidden" name="form" value="${formToken}">
<input type="hidden" name="statement_sha256" value="${request.statementSha256}">
<input type="hidden" name="idempotency_key" value="${idempotencyKey}">`
}
