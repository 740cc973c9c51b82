import type { ApprovalRequest } from '../request.ts'
import type { ChatView } from './chat-view.ts'
import { type Card, renderRequest, statusOf, withoutDetail } from './rendering.ts'
import { visibleStatement } from './visible.ts'

export interface ChatCard {
  readonly card: Card
  /** True where something of the request is left out, so that it can't be signed by this card. */
  readonly hidden: boolean
}

/** A request as a chat may show it. */
export function chatCard(
  request: ApprovalRequest,
  options: Pick<ChatView, 'text' | 'regulations' | 'ruleFor'>,
): ChatCard {
  const rendered = renderRequest(request, options.regulations)
  const proposes = options.ruleFor !== undefined && options.ruleFor(request) !== null
  const card = proposes ? { ...rendered, fields: [...rendered.fields, RULE] } : rendered
  if (options.text === 'full' || showsNothingClassified(request)) return { card, hidden: false }
  return { card: withoutConstants(card, request), hidden: true }
}

/** The rule itself is text to copy, and nothing to be pressed in passing. */
const RULE = {
  label: 'Make it a rule?',
  value: 'it was approved so often that its page in the inbox shows one',
  claimed: false,
  part: 'more',
} as const

/** What can't be read, or runs code that isn't, may touch anything. */
function showsNothingClassified({ classes, effects, withoutConstants }: ApprovalRequest): boolean {
  const read = withoutConstants !== null && !effects.some(({ effect }) => effect === 'opaque')
  return read && classes.length === 0
}

/**
 * Reasons quote constants, what the agent says may repeat them, and a hash of a text tells a
 * constant to whoever tries all that it could be.
 */
function withoutConstants(card: Card, request: ApprovalRequest): Card {
  const { parameters, effects, id } = request
  return {
    ...card,
    status: statusOf(withoutDetail(request)),
    fields: card.fields.filter(({ claimed }) => !claimed),
    reasons: [...new Set(effects.map(({ effect }) => effect))],
    lookAlikes: [],
    statement:
      request.withoutConstants === null
        ? '(not shown here)'
        : visibleStatement(request.withoutConstants),
    parameters: parameters.length === 0 ? [] : [`${parameters.length} values, not shown here`],
    footer: `request ${id}`,
  }
}
