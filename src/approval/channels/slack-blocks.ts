import type { KnownBlock } from '@slack/types'
import type { ApprovalRequest } from '../request.ts'
import { chatCard } from './chat-card.ts'
import { type Company, companyOf } from './chat-company.ts'
import { excerptOf, HIDDEN, hasTooManyLines, tooLong } from './chat-excerpt.ts'
import { summaryOf } from './chat-summary.ts'
import type { ChatView } from './chat-view.ts'
import type { Card } from './rendering.ts'
import { buttons } from './slack-buttons.ts'
import { cardBlocks } from './slack-card.ts'
import { blocksOf, bold, link, list, plain, richText, section, sizeOf } from './slack-elements.ts'

/**
 * Characters of JSON that the blocks of a message may have. Slack refuses messages whose blocks
 * pass some 13,200 characters (msg_blocks_too_long), whatever the documented limits say.
 */
const BLOCKS_BUDGET = 12_000
/** What the list of others may take beside that. */
const OTHERS_ROOM = 1_000

export interface SlackMessage {
  /** Of the request that it shows. */
  readonly id: string
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
  view: ChatView,
  others: readonly ApprovalRequest[] = [],
): SlackMessage {
  const { card, hidden } = chatCard(request, view)
  const all = message(request, view, { card, hidden, note: null, others })
  // Others come and go; they are no reason why a request can be signed now and not then.
  const room = BLOCKS_BUDGET + (others.length > 0 ? OTHERS_ROOM : 0)
  if (isWhole(request, view) && sizeOf(all) <= room) {
    return { ...said(request, all), approvable: !hidden, attach: false }
  }
  const note = hidden ? HIDDEN : tooLong(request, 'It is in the file below')
  const excerpt = { card: excerptOf(card), hidden, note }
  const part = message(request, view, { ...excerpt, others })
  const fits = sizeOf(part) <= room ? part : message(request, view, { ...excerpt, others: [] })
  return { ...said(request, fits), approvable: false, attach: !hidden }
}

/** Whether a message can show all of a request: only then it can be signed there. */
export function isApprovable(request: ApprovalRequest, view: ChatView): boolean {
  return !chatCard(request, view).hidden && isWhole(request, view)
}

function isWhole(request: ApprovalRequest, view: ChatView): boolean {
  const { card, hidden } = chatCard(request, view)
  if (hasTooManyLines(card) || view.shortened.has(request.id)) return false
  return sizeOf(message(request, view, { card, hidden, note: null, others: [] })) <= BLOCKS_BUDGET
}

function message(
  request: ApprovalRequest,
  view: ChatView,
  shown: {
    readonly card: Card
    readonly hidden: boolean
    readonly note: string | null
    readonly others: readonly ApprovalRequest[]
  },
): readonly unknown[] {
  const { card, hidden, note, others } = shown
  const waiting = others.some(({ state }) => state === 'pending')
  const behind = companyOf(others, view.urlOf)
  const url = view.urlOf(request.id)
  const approvable = note === null && !hidden
  const options = { card, approvable, hidden, url, others: waiting }
  return [
    ...cardBlocks(request, card),
    ...(behind ? [company(behind)] : []),
    ...(hidden || note !== null ? [richText(section([[bold(note ?? HIDDEN)]]))] : []),
    ...(request.state === 'pending' ? [buttons(request, options)] : []),
  ]
}

function company({ title, listed, rest }: Company): unknown {
  const lines = listed.map(({ id, url, status }) => [
    url === null ? plain(id) : link(url, id),
    plain(`: ${status}`),
  ])
  const end = rest === null ? [] : [[plain(rest)]]
  return richText(section([[bold(title)]]), list([...lines, ...end]))
}

/** On a telephone the text is all that shows until it is opened. */
function said(request: ApprovalRequest, blocks: readonly unknown[]) {
  return { id: request.id, text: summaryOf(request), blocks: blocksOf(blocks) }
}
