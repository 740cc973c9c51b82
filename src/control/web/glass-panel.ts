import type { ApprovalRequest } from '../../approval/request.ts'
import { authorizeBreakGlass } from '../../identity/authorize-decision.ts'
import type { Directory } from '../../identity/directory.ts'
import type { Person } from '../../identity/principal.ts'
import { type Html, html } from './html.ts'

/** What has to be typed to confirm it. */
export const WORD = 'break glass'
export const LONGEST_TICKET = 200
export const LONGEST_REASON = 2_000

/** What somebody has typed into the form. */
export interface GlassFields {
  readonly reason: string
  readonly ticket: string
}

export interface GlassContext {
  readonly request: ApprovalRequest
  readonly directory: Directory
  readonly viewer: Person
  readonly formToken: string
  /** What they had typed in before; null for nothing. */
  readonly glass: GlassFields | null
  /** Whether they have to have signed in a moment ago. */
  readonly canProve: boolean
}

/**
 * Where somebody lets a request pass alone: shown to who may, folded up, and apart from where
 * people decide. What is shown here grants nothing: the desk asks `authorizeBreakGlass` again.
 */
export function glassPanel(context: GlassContext): Html {
  const { request, viewer } = context
  return html`<div id="glass" data-live="${request.state}-${viewer.email}">${
    request.state === 'pending' && mayBreak(context) ? form(context) : null
  }</div>`
}

function mayBreak({ request, directory, viewer }: GlassContext): boolean {
  return authorizeBreakGlass({ person: viewer, request, directory }).ok
}

function form({ request, formToken, glass, canProve }: GlassContext): Html {
  return html`<details class="glass"${glass !== null && html` open`}><summary class="glass-lid">It can't wait: break the glass</summary>
<form class="glass-form" method="post" action="/inbox/requests/${request.id}/break-glass" aria-label="Let it pass alone">
<p>You let this ${request.action ? 'action go ahead' : 'statement run'} <strong>alone</strong>, once, without those who are asked. Everybody is told at once, by name, and it stays on record. Nothing leaves in clear by it.${
    canProve && html` It takes a sign-in of at most 5 minutes ago; what you type in is kept.`
  }</p>
<input type="hidden" name="form" value="${formToken}">
<input type="hidden" name="statement_sha256" value="${request.statementSha256}">
<label class="glass-label" for="glass-reason">Why it can't wait</label>
<textarea id="glass-reason" name="reason" rows="2" maxlength="${LONGEST_REASON}" autocomplete="off" required>${glass?.reason ?? null}</textarea>
<label class="glass-label" for="glass-ticket">Ticket of the incident</label>
<input type="text" id="glass-ticket" name="ticket" maxlength="${LONGEST_TICKET}" autocomplete="off" required value="${glass?.ticket ?? ''}">
<label class="glass-label" for="glass-word">To confirm, type <b>${WORD}</b></label>
<input type="text" id="glass-word" name="word" maxlength="40" autocomplete="off" autocapitalize="off" spellcheck="false" required>
<button class="break">Break the glass</button>
</form></details>`
}
