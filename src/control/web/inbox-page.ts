import { statusOf } from '../../approval/channels/rendering.ts'
import type { ApprovalRequest } from '../../approval/request.ts'
import { type Html, html } from './html.ts'
import { countdown, moment } from './moments.ts'
import { livePart } from './page-frame.ts'
import { addressOf, effectBadges, named, place, stateBadge, titleOf } from './request-words.ts'
import { statementCode } from './statement-panel.ts'

/** Characters and lines of a statement in the list, where nobody can sign it. */
const PREVIEW = 240
const PREVIEW_LINES = 4
/** Nobody reads more at once, and an agent may ask for thousands. */
const LISTED = 100

export interface InboxContent {
  /** The nearest deadline first. */
  readonly pending: readonly ApprovalRequest[]
  /** Newest first. */
  readonly past: readonly ApprovalRequest[]
  /** The cursor of what is older; null where nothing is. */
  readonly older: string | null
  /** True where `past` doesn't begin with the newest. */
  readonly isOlder: boolean
  readonly now: number
}

/** The list: what waits, then what was. */
export function inboxPage(content: InboxContent): Html {
  return html`${content.isOlder ? html`<p><a href="/inbox">← Inbox</a></p>` : livePart('pending', pendingSection(content))}
${livePart('history', historySection(content))}`
}

function pendingSection({ pending, now }: InboxContent): Html {
  const heading = html`<h1 id="pending-title">Waiting for a signature</h1>`
  if (pending.length === 0) {
    return html`<section aria-labelledby="pending-title">${heading}
<div class="empty"><p><strong>Nothing waits.</strong></p><p>When an agent sends a statement that needs a signature, it is held and appears here by itself.</p></div></section>`
  }
  return html`<section aria-labelledby="pending-title">${heading}
<ol class="requests">${pending.slice(0, LISTED).map((request) => pendingItem(request, now))}</ol>${
    pending.length > LISTED &&
    html`<p class="note">${pending.length - LISTED} more wait; their deadlines are later.</p>`
  }</section>`
}

function pendingItem(request: ApprovalRequest, now: number): Html {
  return html`<li class="request">
<div class="row"><h2><a class="open" id="open-${request.id}" href="${addressOf(request.id)}">${titleOf(request)}</a></h2>
<span class="left">${countdown(request.expiresAt, now)} <span class="fine">left</span></span></div>
<pre class="sql preview"><code>${preview(request.statement)}</code></pre>
<p class="about">${place(request)} <span class="by">${named(request.agent)}</span>${
    request.onBehalfOf !== null &&
    html` <span class="fine">says it acts for ${named(request.onBehalfOf)}</span>`
  } ${effectBadges(request)}${signedSoFar(request)}</p>
</li>`
}

/** The first lines as they are: on one line, a comment would seem to hold what follows it. */
function preview(statement: string): Html {
  const text = statement.trim()
  const cut = text.split('\n').slice(0, PREVIEW_LINES).join('\n').slice(0, PREVIEW)
  return html`${statementCode(cut)}${cut.length < text.length && html`<span class="fine"> …</span>`}`
}

function signedSoFar({ votes }: ApprovalRequest): Html | null {
  if (votes.length === 0) return null
  return html`<span class="fine">signed by ${votes.map(({ person }, at) => html`${at > 0 && ', '}${named(person)}`)}</span>`
}

function historySection({ past, older, isOlder }: InboxContent): Html {
  const title = isOlder ? 'Earlier' : 'History'
  if (past.length === 0) {
    return html`<section aria-labelledby="history-title" class="history"><h2 id="history-title">${title}</h2><p class="fine">Nothing yet.</p></section>`
  }
  return html`<section aria-labelledby="history-title" class="history">
<h2 id="history-title">${title}</h2>
<ol class="past">${past.map(pastItem)}</ol>
${older !== null && html`<p class="older"><a rel="next" href="/inbox?older=${older}">Older requests</a></p>`}
</section>`
}

export function pastItem(request: ApprovalRequest): Html {
  return html`<li class="request was">
${stateBadge(request)}
<div class="what"><a class="open" id="open-${request.id}" href="${addressOf(request.id)}">${titleOf(request)}</a>
<span class="fine">${request.action ? null : html`${named(request.database)}, `}${named(request.agent)}</span></div>
<p class="why">${statusOf(request)}</p>
${moment(request.updatedAt)}
</li>`
}
