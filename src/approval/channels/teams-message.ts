import type { ApprovalRequest } from '../request.ts'
import { chatCard } from './chat-card.ts'
import { type Company, companyOf } from './chat-company.ts'
import { excerptOf, HIDDEN, hasTooManyLines, tooLong } from './chat-excerpt.ts'
import { summaryOf } from './chat-summary.ts'
import { ticketOf } from './chat-ticket.ts'
import type { ChatView } from './chat-view.ts'
import type { Card } from './rendering.ts'
import { actions, opening, VERBS } from './teams-actions.ts'
import type { Audience } from './teams-audience.ts'
import { cardBody } from './teams-card.ts'
import { bold, line, link, listing, plain } from './teams-elements.ts'

/**
 * Bytes of JSON that a card may have. Teams takes messages of about 28 KB from a workflow and 40 KB
 * from a bot, and counts what it puts around them. What stands there of others like the request comes
 * on top, some 2,000 at the most.
 */
const BUDGET = 24_000
/** Past it nothing is said of others. */
const LARGEST = 27_000
/** "Maximum 60 different users can see a different version of the card." (User Specific Views) */
export const MOST_VIEWERS = 60

const TYPE = 'application/vnd.microsoft.card.adaptive'
const SCHEMA = 'http://adaptivecards.io/schemas/adaptive-card.json'

/** Who may answer, by the ids that Teams knows them by in this conversation. */
export interface Viewers {
  readonly ids: readonly string[]
  /** True where these are all of them. */
  readonly all: boolean
}

export type AdaptiveCard = Readonly<Record<string, unknown>>

/** A request as one who looks at it sees it; `others` are like it and share the message. */
export function teamsCard(
  request: ApprovalRequest,
  view: ChatView,
  {
    audience,
    viewers,
    others = [],
  }: {
    readonly audience: Audience
    readonly viewers: Viewers
    readonly others?: readonly ApprovalRequest[]
  },
): AdaptiveCard {
  const { card, hidden } = chatCard(request, view)
  const whole = isWhole(request, view)
  const approves = audience.approves && whole && !hidden
  const fresh = audience.afterSignIn === true ? SIGN_IN : null
  const note = whole ? (hidden ? HIDDEN : fresh) : tooLong(request)
  const shown = { card: whole ? card : excerptOf(card), hidden, note }
  const seen = { ...shown, audience: { ...audience, approves }, viewers }
  const all = cardOf(request, view, { ...seen, others })
  return sizeOf(all) <= LARGEST ? all : cardOf(request, view, { ...seen, others: [] })
}

/** Whether a card can show all of a request: only then it can be signed there. */
export function isApprovable(request: ApprovalRequest, view: ChatView): boolean {
  return !chatCard(request, view).hidden && isWhole(request, view)
}

/**
 * Measured with every button and every viewer, so that all people see as much of it, and without
 * others like it: they come and go.
 */
function isWhole(request: ApprovalRequest, view: ChatView): boolean {
  const { card, hidden } = chatCard(request, view)
  if (hasTooManyLines(card) || view.shortened.has(request.id)) return false
  const audience = { approves: true, denies: true, clears: request.clearable }
  const viewers = { ids: Array.from({ length: MOST_VIEWERS }, () => LONG_ID), all: false }
  const all = { card, hidden, note: null, audience, viewers, others: [] }
  return sizeOf(cardOf(request, view, all)) <= BUDGET
}

const LONG_ID = `29:${'x'.repeat(90)}`

const SIGN_IN = 'This takes a fresh sign-in. To approve it, go to the inbox, which asks for one.'

function cardOf(
  request: ApprovalRequest,
  view: ChatView,
  shown: {
    readonly card: Card
    readonly hidden: boolean
    readonly note: string | null
    readonly audience: Audience
    readonly viewers: Viewers
    readonly others: readonly ApprovalRequest[]
  },
): AdaptiveCard {
  const { card, hidden, note, audience, viewers, others } = shown
  const behind = companyOf(others, view.urlOf)
  const waiting = others.filter(({ state }) => state === 'pending').length
  const url = view.urlOf(request.id)
  const waits = request.state === 'pending'
  const more = { card, hidden, url, waiting, onDemand: !viewers.all || view.linking === true }
  const notes = [note, audience.note ?? null].filter((each) => each !== null)
  return {
    ...{ type: 'AdaptiveCard', $schema: SCHEMA, version: '1.5', msteams: { width: 'Full' } },
    body: [
      ...cardBody(request, card),
      ...(behind ? company(behind) : []),
      ...notes.map((each) => line([bold(each)])),
    ],
    actions: waits ? actions(request, { ...audience, ...more }) : opening(url),
    ...(waits && viewers.ids.length > 0 ? { refresh: refreshFor(request, viewers) } : {}),
  }
}

function company({ title, listed, rest }: Company): readonly unknown[] {
  const lines = listed.map(({ id, url, status }) => [
    url === null ? plain(id) : link(url, id),
    plain(`: ${status}`),
  ])
  const end = rest === null ? [] : [[plain(rest)]]
  return listing(title, [...lines, ...end])
}

/** Teams asks for these people's own cards by itself, and again whenever the card changes. */
function refreshFor(request: ApprovalRequest, { ids }: Viewers): unknown {
  const data = ticketOf(request, true)
  const action = { type: 'Action.Execute', title: 'Refresh', verb: VERBS.view, data }
  return { action, userIds: ids.slice(0, MOST_VIEWERS) }
}

export type TeamsMessage = ReturnType<typeof messageWith>

/** A card as a message; `summary` is all that a notification shows. */
export function messageWith(card: AdaptiveCard, request: ApprovalRequest) {
  return {
    type: 'message',
    summary: summaryOf(request),
    attachments: [{ contentType: TYPE, content: card }],
  } as const
}

export function sizeOf(card: AdaptiveCard): number {
  return Buffer.byteLength(JSON.stringify(card))
}
