import type { KnownBlock } from '@slack/types'
import type { ApprovalRequest } from '../request.ts'
import { type Card, type CardField, renderRequest } from './rendering.ts'

/**
 * Characters of JSON that the blocks of a message may have. Slack refuses messages whose blocks
 * pass some 13,200 characters (msg_blocks_too_long), whatever the documented limits say.
 */
const BLOCKS_BUDGET = 12_000
/** Characters of a statement that doesn't fit which are shown all the same. */
const EXCERPT = 1_000
const FIELD_EXCERPT = 100
const LINES_EXCERPT = 5
/** Slack: the plain_text of a header has 150 characters at most. */
const HEADER_MAX = 150

export const APPROVE_ACTION = 'countersign_approve'
export const DENY_ACTION = 'countersign_deny'

export interface SlackMessage {
  /** For notifications. Slack reads it as markup, so nothing of an agent's making is in it. */
  readonly text: string
  readonly blocks: readonly KnownBlock[]
  /** True where the whole request can be read, so that the button to approve stands. */
  readonly approvable: boolean
}

interface TextElement {
  readonly type: 'text'
  readonly text: string
  readonly style?: { readonly bold?: boolean; readonly italic?: boolean }
}

/**
 * A request as a Slack message. Whatever an agent has made stands in plain_text or in the text
 * elements of rich_text, which Slack shows as they are: no mention, link or format comes of them.
 */
export function slackMessage(request: ApprovalRequest): SlackMessage {
  const card = renderRequest(request)
  const whole = blocksOf(request, card, null)
  if (sizeOf(whole) <= BLOCKS_BUDGET) return message(request, whole, true)
  const note = `This is not all of it: the statement has ${request.statement.length} characters and ${request.parameters.length} parameters, too many for chat. To approve it read it whole: countersign approvals show ${request.id}, or GET /v1/approvals/${request.id}.`
  return message(request, blocksOf(request, excerptOf(card), note), false)
}

function message(
  request: ApprovalRequest,
  blocks: readonly KnownBlock[],
  approvable: boolean,
): SlackMessage {
  return { text: `Request ${request.id}: ${request.state}`, blocks, approvable }
}

/** What of a card that is too large is shown; each part of it is bounded, so that the sum is. */
function excerptOf(card: Card): Card {
  return {
    ...card,
    status: cut(card.status, FIELD_EXCERPT),
    fields: card.fields.map((field) => ({ ...field, value: cut(field.value, FIELD_EXCERPT) })),
    reasons: card.reasons.slice(0, LINES_EXCERPT).map((line) => cut(line, FIELD_EXCERPT)),
    statement: cut(card.statement, EXCERPT),
    parameters: card.parameters.slice(0, LINES_EXCERPT).map((line) => cut(line, FIELD_EXCERPT)),
  }
}

function blocksOf(
  request: ApprovalRequest,
  card: Card,
  note: string | null,
): readonly KnownBlock[] {
  const blocks: unknown[] = [
    {
      type: 'header',
      text: { type: 'plain_text', text: cut(card.title, HEADER_MAX), emoji: false },
    },
    richText(section([bold(`${card.status}\n`), ...card.fields.flatMap(fieldText)])),
    richText(section(card.reasons.map((reason) => plain(`- ${reason}\n`)))),
    richText(preformatted(card.statement, 'sql')),
  ]
  if (card.parameters.length > 0) blocks.push(richText(preformatted(card.parameters.join('\n'))))
  if (note !== null) blocks.push(richText(section([bold(note)])))
  blocks.push({
    type: 'context',
    elements: [{ type: 'plain_text', text: card.footer, emoji: false }],
  })
  if (request.state === 'pending') blocks.push(buttons(request, note === null))
  return blocks as readonly KnownBlock[]
}

function fieldText(field: CardField): readonly TextElement[] {
  const by: readonly TextElement[] = field.claimed
    ? [{ type: 'text', text: ' (says the agent)', style: { italic: true } }]
    : []
  return [bold(`${field.label}: `), plain(field.value), ...by, plain('\n')]
}

function buttons(request: ApprovalRequest, approvable: boolean): unknown {
  // Nothing but which request and which text: all else is looked up when the click arrives.
  const value = JSON.stringify({ id: request.id, sha: request.statementSha256 })
  const approve = button('Approve once', APPROVE_ACTION, 'primary', value)
  const deny = button('Deny...', DENY_ACTION, 'danger', value)
  const elements = approvable ? [approve, deny] : [deny]
  return { type: 'actions', block_id: `request_${request.id}`, elements }
}

function button(text: string, action: string, style: string, value: string): unknown {
  const label = { type: 'plain_text', text, emoji: false }
  return { type: 'button', action_id: action, style, value, text: label }
}

function richText(element: unknown): unknown {
  return { type: 'rich_text', elements: [element] }
}

function section(elements: readonly TextElement[]): unknown {
  // Slack refuses a section without elements, and a text of no characters.
  return { type: 'rich_text_section', elements: elements.length > 0 ? elements : [plain(' ')] }
}

function preformatted(text: string, language?: string): unknown {
  const elements = [plain(text === '' ? ' ' : text)]
  return { type: 'rich_text_preformatted', elements, ...(language ? { language } : {}) }
}

function plain(text: string): TextElement {
  return { type: 'text', text }
}

function bold(text: string): TextElement {
  return { type: 'text', text, style: { bold: true } }
}

function cut(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 3).join('')}...`
}

function sizeOf(blocks: readonly KnownBlock[]): number {
  return JSON.stringify(blocks).length
}

/** The modal that asks why; the reason is sent to the agent. */
export function denyView(request: ApprovalRequest, channel: string): unknown {
  const { id, statementSha256: sha } = request
  return {
    type: 'modal',
    callback_id: DENY_ACTION,
    private_metadata: JSON.stringify({ id, sha, channel }),
    title: { type: 'plain_text', text: 'Deny the request' },
    submit: { type: 'plain_text', text: 'Deny' },
    close: { type: 'plain_text', text: 'Back' },
    blocks: [
      {
        type: 'input',
        block_id: 'why',
        label: { type: 'plain_text', text: 'Why? The agent is told.' },
        element: {
          type: 'plain_text_input',
          action_id: 'reason',
          multiline: true,
          max_length: 500,
        },
      },
    ],
  }
}
