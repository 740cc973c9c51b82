import { cannedReason, DENY_REASONS } from '../deny-reasons.ts'
import { DEFAULT_TERMS, type GrantTerms } from '../grant.ts'
import type { ApprovalRequest } from '../request.ts'
import type { Place } from './chat-board.ts'
import { clearanceForm } from './chat-clearance.ts'
import { denyOthers } from './chat-company.ts'
import { MINUTES, meaningOf, minutesText, termsIn } from './chat-terms.ts'
import { renderRequest } from './rendering.ts'
import type { FormValues } from './slack-click.ts'
import { bold, plain, plainText, richText, section } from './slack-elements.ts'
import { ACTIONS, formValue } from './slack-value.ts'
import { visibleLine } from './visible.ts'

/** The modal that asks why; the reason is sent to the agent. */
export function denyView(
  request: ApprovalRequest,
  options: { readonly hidden: boolean; readonly place: Place; readonly others: number },
): unknown {
  const { others } = options
  const chosen = {
    type: 'radio_buttons',
    action_id: 'value',
    options: DENY_REASONS.map((text, at) => option(text, String(at))),
  }
  const all = [option(denyOthers(others), 'all')]
  return modal(request, options, {
    callback: ACTIONS.deny,
    title: 'Deny the request',
    submit: 'Deny',
    blocks: [
      about(request, []),
      input('chosen', 'Why? The agent is told.', chosen, true),
      input('written', 'In your own words', text(), true),
      ...(others > 0
        ? [
            input(
              'others',
              'Others',
              { type: 'checkboxes', action_id: 'value', options: all },
              true,
            ),
          ]
        : []),
    ],
  })
}

/** What the person said in it, or what is missing. */
export function readDenial(values: FormValues): {
  readonly chosen: string | null
  readonly written: string
  readonly others: boolean
} {
  return {
    chosen: cannedReason(values.value('chosen')),
    written: values.value('written') ?? '',
    others: values.many('others').includes('all'),
  }
}

/** The modal that asks for how long, and for how many rows. */
export function grantView(request: ApprovalRequest, place: Place): unknown {
  const minutes = {
    type: 'static_select',
    action_id: 'value',
    options: MINUTES.map((each) => option(minutesText(each), String(each))),
    initial_option: option(minutesText(DEFAULT_TERMS.minutes), String(DEFAULT_TERMS.minutes)),
  }
  const rows = {
    type: 'number_input',
    action_id: 'value',
    is_decimal_allowed: false,
    min_value: '1',
    initial_value: String(DEFAULT_TERMS.maxRows),
  }
  return modal(
    request,
    { hidden: false, place },
    {
      callback: ACTIONS.grant,
      title: 'Approve this shape',
      submit: 'Approve',
      blocks: [
        about(request, [meaningOf(request)]),
        input('minutes', 'For how long', minutes),
        input('rows', 'Rows that each run may read or change, at most', rows),
        input('written', 'Why', text(), true),
      ],
    },
  )
}

/** What a form says, or what is wrong with it by the block that asks for it. */
export type Terms =
  | { readonly ok: true; readonly grant: GrantTerms }
  | { readonly ok: false; readonly errors: Readonly<Record<string, string>> }

export function readTerms(values: FormValues): Terms {
  const terms = termsIn({ minutes: values.value('minutes'), rows: values.value('rows') })
  if (terms.ok) return terms
  return { ok: false, errors: Object.fromEntries(terms.wrong.map((one) => [one, WRONG[one]])) }
}

const WRONG = { minutes: 'Choose one of these.', rows: 'Give a whole number above 0.' } as const

/** The modal that asks what may leave in clear; `mine`: what this person may clear. */
export function clearView(
  request: ApprovalRequest,
  place: Place,
  mine: readonly string[],
): unknown {
  const { classes, lines } = clearanceForm(request, mine)
  const options = classes.map((one) => option(one, one))
  const boxes = { type: 'checkboxes', action_id: 'value', options }
  return modal(
    request,
    { hidden: false, place },
    {
      callback: ACTIONS.clear,
      title: 'Approve and unmask',
      submit: 'Approve',
      blocks: [
        about(request, lines),
        input('classes', 'Show in clear, this once', boxes),
        input('written', 'Why', text(), true),
      ],
    },
  )
}

function modal(
  request: ApprovalRequest,
  { hidden, place }: { readonly hidden: boolean; readonly place: Place },
  form: {
    readonly callback: string
    readonly title: string
    readonly submit: string
    readonly blocks: readonly unknown[]
  },
): unknown {
  return {
    type: 'modal',
    callback_id: form.callback,
    private_metadata: formValue(request, hidden, place),
    title: plainText(form.title),
    submit: plainText(form.submit),
    close: plainText('Back'),
    blocks: form.blocks,
  }
}

/** Which request it is about: somebody may have opened several. */
function about(request: ApprovalRequest, lines: readonly string[]): unknown {
  const { title } = renderRequest(request)
  const who = `${visibleLine(request.agent)}, request ${request.id}`
  return richText(section([[bold(title)], [plain(who)], ...lines.map((line) => [plain(line)])]))
}

function input(block: string, label: string, element: unknown, optional = false): unknown {
  return { type: 'input', block_id: block, label: plainText(label), element, optional }
}

function text(): unknown {
  return { type: 'plain_text_input', action_id: 'value', multiline: true, max_length: 500 }
}

function option(text: string, value: string): unknown {
  return { text: plainText(text), value }
}
