import type { ApprovalRequest } from '../request.ts'
import { isAddress } from './chat-company.ts'
import { isGrantable } from './chat-terms.ts'
import { cut } from './cut.ts'
import type { Card } from './rendering.ts'
import { plainText } from './slack-elements.ts'
import { ACTIONS, buttonValue } from './slack-value.ts'

/** Slack: the text of a confirmation has 300 characters at most, an address 3,000. */
const CONFIRM_MAX = 300
const URL_MAX = 3_000

export interface ButtonsOptions {
  readonly card: Card
  /** True where all that is signed can be read in the message. */
  readonly approvable: boolean
  /** True where constants are left out. */
  readonly hidden: boolean
  /** Where the request is in the inbox. */
  readonly url: string
  /** Others like it wait behind it in the same message. */
  readonly others: boolean
}

/** What can be done about a request that waits. Approving needs that it is shown whole. */
export function buttons(request: ApprovalRequest, options: ButtonsOptions): unknown {
  const value = buttonValue(request, options.hidden)
  const elements = [
    ...(options.approvable ? approving(request, value, options.card) : []),
    button('Deny...', ACTIONS.deny, { style: 'danger', value }),
    ...(options.others ? [button('Show the next', ACTIONS.next, { value })] : []),
    ...(isAddress(options.url) && options.url.length <= URL_MAX
      ? [button('Open in inbox', ACTIONS.open, { url: options.url, value })]
      : []),
  ]
  return { type: 'actions', block_id: `request_${request.id}`, elements }
}

function approving(request: ApprovalRequest, value: string, card: Card): readonly unknown[] {
  const confirm = {
    title: plainText('Approve once?'),
    text: plainText(cut(card.title, CONFIRM_MAX)),
    confirm: plainText('Approve once'),
    deny: plainText('Back'),
  }
  return [
    button('Approve once', ACTIONS.approve, { style: 'primary', value, confirm }),
    ...(isGrantable(request)
      ? [button('Approve this shape for 30 minutes...', ACTIONS.grant, { value })]
      : []),
    ...(request.clearable.length > 0
      ? [button('Approve and unmask...', ACTIONS.clear, { value })]
      : []),
  ]
}

function button(text: string, action: string, more: object): unknown {
  return { type: 'button', action_id: action, text: plainText(text), ...more }
}
