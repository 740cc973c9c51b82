import { DENY_REASONS } from '../deny-reasons.ts'
import { DEFAULT_TERMS } from '../grant.ts'
import type { ApprovalRequest } from '../request.ts'
import { clearanceForm } from './chat-clearance.ts'
import { denyOthers, isAddress } from './chat-company.ts'
import { isGrantable, MINUTES, meaningOf, minutesText } from './chat-terms.ts'
import { ticketOf } from './chat-ticket.ts'
import type { Card } from './rendering.ts'
import type { Audience } from './teams-audience.ts'
import { bold, line, plain } from './teams-elements.ts'

/** Every button of ours; Teams names it when it is used. */
export const VERBS = {
  approve: 'countersign_approve',
  grant: 'countersign_grant',
  clear: 'countersign_clear',
  deny: 'countersign_deny',
  next: 'countersign_next',
  /** Asks for the card as one person sees it; Teams asks by itself for those that a card names. */
  view: 'countersign_view',
  /** Says by a code of the inbox whose account this is. */
  link: 'countersign_link',
} as const

/** What is filled in, by the field that asks for it. */
export const FIELDS = {
  minutes: 'grant_minutes',
  rows: 'grant_rows',
  why: 'grant_why',
  classes: 'clear_classes',
  clearWhy: 'clear_why',
  chosen: 'deny_chosen',
  written: 'deny_written',
  others: 'deny_others',
  code: 'link_code',
} as const

const LONGEST_REASON = 500
/** As somebody types it, with blanks and a dash. */
export const LONGEST_CODE = 20

export interface ActionsOptions extends Audience {
  readonly card: Card
  /** True where constants are left out. */
  readonly hidden: boolean
  /** Where the request is in the inbox. */
  readonly url: string
  /** So many like it wait behind it in the same message. */
  readonly waiting: number
  /** True where Teams doesn't ask by itself for all who may answer, or become known. */
  readonly onDemand: boolean
}

/** What can be done about a request that waits. */
export function actions(request: ApprovalRequest, options: ActionsOptions): readonly unknown[] {
  const { approves, denies, clears, unknown, card, hidden, url, waiting, onDemand } = options
  const data = ticketOf(request, hidden)
  return [
    ...(approves ? [execute('Approve once', VERBS.approve, { data, style: 'positive' })] : []),
    ...(approves && isGrantable(request) ? [grantForm(request, card, data)] : []),
    ...(approves && clears.length > 0 ? [clearForm(request, options, data)] : []),
    ...(denies ? [denyForm(card, waiting, data)] : []),
    ...(denies && waiting > 0 ? [execute('Show the next', VERBS.next, { data })] : []),
    ...(unknown === true ? [linkForm({ id: request.id })] : []),
    ...(onDemand && !denies && !unknown ? [execute('Answer...', VERBS.view, { data })] : []),
    ...opening(url),
  ]
}

/** A button that only leads somewhere. Without a control address there is none. */
export function opening(url: string): readonly unknown[] {
  return isAddress(url) ? [{ type: 'Action.OpenUrl', title: 'Open in inbox', url }] : []
}

function grantForm(request: ApprovalRequest, card: Card, data: object): unknown {
  const choices = MINUTES.map((each) => ({ title: minutesText(each), value: String(each) }))
  return form(
    'Approve this shape for 30 minutes...',
    [
      line([bold(card.title)]),
      line([plain(meaningOf(request))]),
      {
        ...{ type: 'Input.ChoiceSet', id: FIELDS.minutes, label: 'For how long', choices },
        ...{ value: String(DEFAULT_TERMS.minutes), style: 'compact' },
      },
      {
        ...{ type: 'Input.Number', id: FIELDS.rows, min: 1, value: DEFAULT_TERMS.maxRows },
        label: 'Rows that each run may read or change, at most',
      },
      written(FIELDS.why, 'Why'),
    ],
    execute('Approve this shape', VERBS.grant, { data, style: 'positive' }),
  )
}

function clearForm(
  request: ApprovalRequest,
  { card, clears }: ActionsOptions,
  data: object,
): unknown {
  const { classes, lines } = clearanceForm(request, clears)
  const choices = classes.map((one) => ({ title: one, value: one }))
  return form(
    'Approve and unmask...',
    [
      line([bold(card.title)]),
      ...lines.map((one) => line([plain(one)])),
      {
        ...{ type: 'Input.ChoiceSet', id: FIELDS.classes, label: 'Show in clear, this once' },
        ...{ choices, isMultiSelect: true, style: 'expanded' },
      },
      written(FIELDS.clearWhy, 'Why'),
    ],
    execute('Approve and unmask', VERBS.clear, { data, style: 'positive' }),
  )
}

function denyForm(card: Card, waiting: number, data: object): unknown {
  const choices = DENY_REASONS.map((title, at) => ({ title, value: String(at) }))
  return form(
    'Deny...',
    [
      line([bold(card.title)]),
      {
        ...{
          type: 'Input.ChoiceSet',
          id: FIELDS.chosen,
          label: 'Why? The agent is told.',
          choices,
        },
        style: 'expanded',
      },
      written(FIELDS.written, 'In your own words'),
      ...(waiting > 0
        ? [{ type: 'Input.Toggle', id: FIELDS.others, title: denyOthers(waiting) }]
        : []),
    ],
    execute('Deny', VERBS.deny, { data, style: 'destructive' }),
  )
}

/** For somebody whom nobody knows. The code comes from the inbox; none is ever given out here. */
function linkForm(data: object): unknown {
  const how =
    'Sign in to the inbox, open the page Me and press Link Teams: it shows a code that is good once, for ten minutes. Type in no code that somebody else has given you.'
  const code = { type: 'Input.Text', id: FIELDS.code, label: 'Code', maxLength: LONGEST_CODE }
  return form(
    'Link my account...',
    [line([plain(how)]), code],
    execute('Link my account', VERBS.link, { data }),
  )
}

function form(title: string, body: readonly unknown[], submit: unknown): unknown {
  return { type: 'Action.ShowCard', title, card: { type: 'AdaptiveCard', body, actions: [submit] } }
}

function written(id: string, label: string): unknown {
  return { type: 'Input.Text', id, label, isMultiline: true, maxLength: LONGEST_REASON }
}

function execute(title: string, verb: string, more: object): unknown {
  return { type: 'Action.Execute', title, verb, ...more }
}
