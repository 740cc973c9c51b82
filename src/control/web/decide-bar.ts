import { visibleLine } from '../../approval/channels/visible.ts'
import { DENY_REASONS } from '../../approval/deny-reasons.ts'
import { approversOf } from '../../approval/desk-events.ts'
import { DEFAULT_TERMS, LONGEST_GRANT_MINUTES } from '../../approval/grant.ts'
import type { ApprovalRequest } from '../../approval/request.ts'
import { authorizeDecision, isOwner } from '../../identity/authorize-decision.ts'
import { type Directory, sameName } from '../../identity/directory.ts'
import type { Person } from '../../identity/principal.ts'
import type { Notice } from './decision-notice.ts'
import { type Html, html } from './html.ts'
import type { KeptAnswer } from './kept-answers.ts'
import { countdown } from './moments.ts'
import { named, titleOf } from './request-words.ts'

/** What the fields' names begin with that say which class leaves in clear. */
export const CLEAR = 'clear:'
/** The button that approves the shape of a statement for a time. */
export const SHAPE = 'approve-shape'

export interface DecideContext {
  readonly request: ApprovalRequest
  readonly directory: Directory
  readonly viewer: Person
  readonly formToken: string
  /** One decision of this page: sent twice, it counts once. */
  readonly idempotencyKey: string
  readonly notice: Notice | null
  /** What they had typed in before they signed in again; null for nothing. */
  readonly kept: KeptAnswer | null
  /** Whether they can sign in at an identity provider, which proves anew who they are. */
  readonly canProve: boolean
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
  // Who signed in too long ago may press it: they are sent to sign in again first.
  const provable = !approve.ok && approve.code === 'step_up_required' && context.canProve
  const canApprove = (approve.ok || provable) && !signed
  if (!canApprove && !deny.ok) return cannot(context, approve.ok ? '' : approve.message)
  return html`<form class="bar" id="decision" method="post" action="/inbox/requests/${request.id}/decision" aria-label="Your decision" data-step="choose" data-what="${whatOf(request)}">
${hidden(context)}
${context.kept && html`<p class="notice good" role="status">You have signed in again. What you had typed in is here; nothing was sent yet.</p>`}
${provable && !signed && html`<p class="fine" id="step-up">To approve this you may have to sign in again first; what you type in is kept.</p>`}
${!approve.ok && approve.code === 'step_up_required' && !provable && html`<p class="fine">${approve.message}</p>`}
${signed && html`<p class="fine">You have signed; somebody else has to sign too.</p>`}
<p class="ask" id="ask" hidden></p>
${deny.ok && cannedReasons()}
<div class="reason"><label for="reason">Reason <span class="fine">optional; kept with your decision</span></label>
<textarea id="reason" name="reason" rows="2" maxlength="2000" autocomplete="off">${context.kept?.reason ?? null}</textarea></div>
${canApprove && clearances(context)}
${canApprove && shapeTerms(request)}
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

/** Where what differs in its constants only can be approved for a time. */
function shapeTerms({ shape, asksClear }: ApprovalRequest): Html | null {
  if (shape === null || asksClear.length > 0) return null
  const { minutes, maxRows } = DEFAULT_TERMS
  return html`<details class="shape"><summary>Approve this shape for a time</summary>
<p class="fine" id="shape-help">What this agent then sends on this database runs, where it differs from this statement in its constants only.</p>
<div class="terms"><label>Minutes <input type="number" name="minutes" min="1" max="${LONGEST_GRANT_MINUTES}" value="${minutes}" autocomplete="off" required></label>
<label>Rows each, at most <input type="number" name="max_rows" min="1" max="999999999" value="${maxRows}" autocomplete="off" required></label>
<button class="approve" name="decision" value="${SHAPE}" aria-describedby="shape-help ask">Approve the shape</button></div></details>`
}

/** What this person may let leave in clear beside what is asked for; nothing is chosen for them. */
function clearances({ request, directory, viewer, kept }: DecideContext): Html | null {
  const mine = request.clearable.filter((dataClass) => directory.clears(viewer, dataClass))
  if (mine.length === 0) return null
  return html`<fieldset class="clear"><legend>Unmask for this once</legend>${mine.map(
    (dataClass) =>
      html`<label><input type="checkbox" name="${CLEAR}${dataClass}" autocomplete="off"${kept?.clears.includes(dataClass) === true && html` checked`}> ${named(dataClass)}</label>`,
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
