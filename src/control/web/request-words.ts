import { visibleLine } from '../../approval/channels/visible.ts'
import type { ApprovalRequest, RequestState } from '../../approval/request.ts'
import { type Html, html } from './html.ts'
import { markedText } from './marked-text.ts'

/** Each state in a word or two; its colour is never the only sign of it. */
const STATE_WORDS: Record<RequestState, string> = {
  pending: 'waiting',
  approved: 'approved',
  denied: 'denied',
  expired: 'expired',
  withdrawn: 'withdrawn',
  executed: 'executed',
  failed: 'failed',
}

export function stateBadge({ state }: Pick<ApprovalRequest, 'state'>): Html {
  return html`<span class="badge state-${state}">${STATE_WORDS[state]}</span>`
}

/** "DROP TABLE on public.orders". Many tables are counted; the request itself names each. */
export function titleOf({ verb, tables, action }: ApprovalRequest): string {
  if (action) return visibleLine(`${verb} on ${action.resource}`)
  const names = [...new Set(tables.map((table) => table.name))]
  if (names.length === 0) return visibleLine(verb)
  const more = names.length > 2 ? ` and ${names.length - 2} more` : ''
  return visibleLine(`${verb} on ${names.slice(0, 2).join(', ')}${more}`)
}

export function place({ database, environment, action }: ApprovalRequest): Html {
  if (action) return html`<span class="place">an action, not SQL</span>`
  return html`<span class="place">${named(database)}${
    environment !== null && html` <span class="badge environment">${named(environment)}</span>`
  }</span>`
}

export function effectBadges(request: ApprovalRequest): Html {
  const effects = [...new Set(request.effects.map(({ effect }) => effect))]
  return html`<span class="effects">${effects.map((effect) => html`<span class="badge effect-${effect}">${effect}</span> `)}</span>`
}

/** Anything that somebody named: whole, on its own, and with nothing in it hidden. */
export function named(text: string): Html {
  return html`<bdi>${markedText(text)}</bdi>`
}

export function addressOf(id: string): string {
  return `/inbox/requests/${encodeURIComponent(id)}`
}
