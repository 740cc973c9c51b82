import type { Regulations } from '../regulations.ts'
import type { ApprovalRequest } from '../request.ts'
import { type ChatText, chatCard } from './chat-card.ts'
import type { Card } from './rendering.ts'
import { excerptOf } from './slack-card.ts'
import { actions, opening, ticketOf, VERBS } from './teams-actions.ts'
import type { Audience } from './teams-audience.ts'
import { cardBody } from './teams-card.ts'
import { bold, line } from './teams-elements.ts'

/**
 * Bytes of JSON that a card may have. Teams takes messages of about 28 KB from a workflow and 40 KB
 * from a bot, and counts what it puts around them.
 */
const BUDGET = 24_000
/** Nobody reads more of them between two messages. */
const MOST_LINES = 100
/** "Maximum 60 different users can see a different version of the card." (User Specific Views) */
export const MOST_VIEWERS = 60

const TYPE = 'application/vnd.microsoft.card.adaptive'
const SCHEMA = 'http://adaptivecards.io/schemas/adaptive-card.json'

/** How cards are to show requests. */
export interface TeamsView {
  readonly text: ChatText
  readonly regulations: Regulations
  /** Requests that Teams has found too long, whatever they were measured to be. */
  readonly shortened: Set<string>
  /** Where a request is to be read; nothing is decided by following it. */
  readonly urlOf: (id: string) => string
}

/** Who may answer, by the ids that Teams knows them by in this conversation. */
export interface Viewers {
  readonly ids: readonly string[]
  /** True where these are all of them. */
  readonly all: boolean
}

export type AdaptiveCard = Readonly<Record<string, unknown>>

/** A request as one who looks at it sees it. */
export function teamsCard(
  request: ApprovalRequest,
  view: TeamsView,
  { audience, viewers }: { readonly audience: Audience; readonly viewers: Viewers },
): AdaptiveCard {
  const { card, hidden } = chatCard(request, view)
  const whole = isWhole(request, view)
  const approves = audience.approves && whole && !hidden
  const fresh = audience.afterSignIn === true ? SIGN_IN : null
  const note = whole ? (hidden ? HIDDEN : fresh) : tooLong(request)
  const shown = { card: whole ? card : excerptOf(card), hidden, note }
  return cardOf(request, view, { ...shown, audience: { ...audience, approves }, viewers })
}

/** Whether a card can show all of a request: only then it can be signed there. */
export function isApprovable(request: ApprovalRequest, view: TeamsView): boolean {
  return !chatCard(request, view).hidden && isWhole(request, view)
}

/** Measured with every button and every viewer, so that all people see as much of it. */
function isWhole(request: ApprovalRequest, view: TeamsView): boolean {
  const { card, hidden } = chatCard(request, view)
  const count = card.statement.split('\n').length + card.parameters.length
  if (count > MOST_LINES || view.shortened.has(request.id)) return false
  const audience = { approves: true, denies: true }
  const viewers = { ids: Array.from({ length: MOST_VIEWERS }, () => LONG_ID), all: false }
  return sizeOf(cardOf(request, view, { card, hidden, note: null, audience, viewers })) <= BUDGET
}

const LONG_ID = `29:${'x'.repeat(90)}`

const SIGN_IN = 'This takes a fresh sign-in. To approve it, go to the inbox, which asks for one.'

const HIDDEN = 'Constants are not shown here. To approve it, read it in the inbox.'

function tooLong({ id, statement, parameters }: ApprovalRequest): string {
  const count = statement.split('\n').length
  return `This is not all of it: the statement has ${statement.length} characters in ${count} lines and ${parameters.length} parameters, too many for a message. To approve it, read it in the inbox, or by: countersign approvals show ${id}`
}

function cardOf(
  request: ApprovalRequest,
  view: TeamsView,
  shown: {
    readonly card: Card
    readonly hidden: boolean
    readonly note: string | null
    readonly audience: Audience
    readonly viewers: Viewers
  },
): AdaptiveCard {
  const { card, hidden, note, audience, viewers } = shown
  const url = view.urlOf(request.id)
  const waits = request.state === 'pending'
  const more = { card, hidden, url, onDemand: !viewers.all }
  return {
    ...{ type: 'AdaptiveCard', $schema: SCHEMA, version: '1.5', msteams: { width: 'Full' } },
    body: [...cardBody(request, card), ...(note === null ? [] : [line([bold(note)])])],
    actions: waits ? actions(request, { ...audience, ...more }) : opening(url),
    ...(waits && viewers.ids.length > 0 ? { refresh: refreshFor(request, viewers) } : {}),
  }
}

/** Teams asks for these people's own cards by itself, and again whenever the card changes. */
function refreshFor(request: ApprovalRequest, { ids }: Viewers): unknown {
  const data = ticketOf(request, true)
  const action = { type: 'Action.Execute', title: 'Refresh', verb: VERBS.view, data }
  return { action, userIds: ids.slice(0, MOST_VIEWERS) }
}

/** A card as a message; `summary` is all that a notification shows. */
export function messageWith(card: AdaptiveCard, request: ApprovalRequest) {
  return {
    type: 'message',
    summary: summaryOf(request),
    attachments: [{ contentType: TYPE, content: card }],
  } as const
}

/** Words alone: nothing in it is markup, whoever chose the names. */
function summaryOf({ id, state, agent, verb, database, environment }: ApprovalRequest): string {
  const where = environment === null ? database : `${database}, ${environment}`
  const place = where === '' ? '' : ` on ${words(where)}`
  return `Request ${id}: ${state}. ${words(agent)}: ${words(verb)}${place}`
}

function words(text: string): string {
  return [...text.replace(/[^\w,-]+/g, ' ')].slice(0, 80).join('').replace(/_/g, ' ').trim()
}

export function sizeOf(card: AdaptiveCard): number {
  return Buffer.byteLength(JSON.stringify(card))
}
