import type { KnownBlock } from '@slack/types'
import type { Regulations } from '../regulations.ts'
import type { ApprovalRequest } from '../request.ts'
import { type ChatText, chatCard } from './chat-card.ts'
import { type Card, statusOf } from './rendering.ts'
import { buttons } from './slack-buttons.ts'
import { cardBlocks, excerptOf } from './slack-card.ts'
import {
  blocksOf,
  bold,
  type Element,
  link,
  list,
  plain,
  richText,
  section,
  sizeOf,
} from './slack-elements.ts'

/**
 * Characters of JSON that the blocks of a message may have. Slack refuses messages whose blocks
 * pass some 13,200 characters (msg_blocks_too_long), whatever the documented limits say.
 */
const BLOCKS_BUDGET = 12_000
/** Nobody reads more of them between two messages; Slack may fold them, too. */
const MOST_LINES = 100
/** What the list of others may take beside that. */
const OTHERS_ROOM = 1_000
const OTHERS_LISTED = 5

/** How messages are to show requests. */
export interface SlackView {
  readonly text: ChatText
  readonly regulations: Regulations
  /** Requests that Slack has found too long, whatever they were measured to be. */
  readonly shortened: Set<string>
  /** Where a request is to be read; nothing is decided by following it. */
  readonly urlOf: (id: string) => string
}

export interface SlackMessage {
  /** For notifications. Slack reads it as markup, so nothing but letters, digits and commas is in it. */
  readonly text: string
  readonly blocks: readonly KnownBlock[]
  /** True where the whole request can be read, so that the buttons to approve stand. */
  readonly approvable: boolean
  /** True where it is too long for a message and goes into a file beside it. */
  readonly attach: boolean
}

/** A request as a Slack message; `others` are like it and share the message. */
export function slackMessage(
  request: ApprovalRequest,
  view: SlackView,
  others: readonly ApprovalRequest[] = [],
): SlackMessage {
  const { card, hidden } = chatCard(request, view)
  const all = message(request, view, { card, hidden, note: null, others })
  // Others come and go; they are no reason why a request can be signed now and not then.
  const room = BLOCKS_BUDGET + (others.length > 0 ? OTHERS_ROOM : 0)
  if (isWhole(request, view) && sizeOf(all) <= room) {
    return { ...said(request, all), approvable: !hidden, attach: false }
  }
  const note = hidden ? HIDDEN : tooLong(request)
  const part = message(request, view, { card: excerptOf(card), hidden, note, others })
  return { ...said(request, part), approvable: false, attach: !hidden }
}

/** Whether a message can show all of a request: only then it can be signed there. */
export function isApprovable(request: ApprovalRequest, view: SlackView): boolean {
  return !chatCard(request, view).hidden && isWhole(request, view)
}

function isWhole(request: ApprovalRequest, view: SlackView): boolean {
  const { card, hidden } = chatCard(request, view)
  const lines = card.statement.split('\n').length + card.parameters.length
  if (lines > MOST_LINES || view.shortened.has(request.id)) return false
  return sizeOf(message(request, view, { card, hidden, note: null, others: [] })) <= BLOCKS_BUDGET
}

const HIDDEN = 'Constants are not shown here. To approve it, read it in the inbox.'

function tooLong(request: ApprovalRequest): string {
  const { id, statement, parameters } = request
  const lines = statement.split('\n').length
  return `This is not all of it: the statement has ${statement.length} characters in ${lines} lines and ${parameters.length} parameters, too many for a message. It is in the file below; to approve it, read it in the inbox, or by: countersign approvals show ${id}`
}

function message(
  request: ApprovalRequest,
  view: SlackView,
  shown: {
    readonly card: Card
    readonly hidden: boolean
    readonly note: string | null
    readonly others: readonly ApprovalRequest[]
  },
): readonly unknown[] {
  const { card, hidden, note, others } = shown
  const waiting = others.some(({ state }) => state === 'pending')
  const url = view.urlOf(request.id)
  const approvable = note === null && !hidden
  const options = { card, approvable, hidden, url, others: waiting }
  return [
    ...cardBlocks(request, card),
    ...(others.length > 0 ? [company(others, view)] : []),
    ...(hidden || note !== null ? [richText(section([[bold(note ?? HIDDEN)]]))] : []),
    ...(request.state === 'pending' ? [buttons(request, options)] : []),
  ]
}

/** "and 3 more like it", those that wait first, each with where to read it. */
function company(others: readonly ApprovalRequest[], view: SlackView): unknown {
  const waiting = others.filter(({ state }) => state === 'pending')
  const rest = others.filter(({ state }) => state !== 'pending').reverse()
  const listed = [...waiting, ...rest].slice(0, OTHERS_LISTED)
  const title = `and ${others.length} more like it, ${waiting.length} of them waiting`
  const unlisted = others.length - listed.length
  const lines = listed.map((each) => [named(each, view), plain(`: ${shortStatus(each)}`)])
  const end = unlisted > 0 ? [[plain(`and ${unlisted} more in the inbox`)]] : []
  return richText(section([[bold(title)]]), list([...lines, ...end]))
}

function named({ id }: ApprovalRequest, view: SlackView): Element {
  const url = view.urlOf(id)
  return url.startsWith('http') ? link(url, id) : plain(id)
}

function shortStatus(request: ApprovalRequest): string {
  const status = statusOf({ ...request, votes: request.votes.map((v) => ({ ...v, reason: '' })) })
  return [...status].slice(0, 60).join('')
}

/** On a telephone this is all that shows until it is opened. */
function said(request: ApprovalRequest, blocks: readonly unknown[]) {
  const { id, state, agent, verb, database, environment } = request
  const where = environment === null ? database : `${database}, ${environment}`
  const place = where === '' ? '' : ` on ${words(where)}`
  const text = `Request ${id}: ${state}. ${words(agent)}: ${words(verb)}${place}`
  return { text, blocks: blocksOf(blocks) }
}

function words(text: string): string {
  return [...text.replace(/[^\w,-]+/g, ' ')].slice(0, 80).join('').replace(/_/g, ' ').trim()
}
