import { cannedReason } from '../deny-reasons.ts'
import type { GrantTerms } from '../grant.ts'
import { at } from './chat-payload.ts'
import { termsIn } from './chat-terms.ts'
import { FIELDS } from './teams-actions.ts'

/** What the Bot Connector says of somebody who used a button, read and checked in its shape. */
export interface TeamsClick {
  /** Of the invoke itself; null where it says none. */
  readonly key: string | null
  readonly verb: string
  readonly request: string
  /** SHA-256 (hex) of the statement that was shown; null where it wasn't shown whole. */
  readonly sha: string | null
  /** Entra object id of who clicked; null where Teams doesn't say. */
  readonly person: string | null
  /** Every tenant that the activity names. */
  readonly tenants: readonly string[]
  /** Without the thread in it. */
  readonly conversation: string
  /** The message whose button it is. */
  readonly message: string | null
  readonly fields: Readonly<Record<string, unknown>>
}

/** Ids and hashes are far shorter. */
const LONGEST_ID = 200
const LONGEST_CHOICE = 1_000

/** Reads an activity; null where it isn't a use of a button of ours. */
export function clickOf(activity: unknown): TeamsClick | null {
  const data = at(activity, 'value', 'action', 'data')
  const verb = idIn(activity, 'value', 'action', 'verb')
  const request = idIn(data, 'id')
  const conversation = idIn(activity, 'conversation', 'id')
  if (verb === null || request === null || conversation === null) return null
  return {
    key: idIn(activity, 'id'),
    verb,
    request,
    sha: idIn(data, 'sha'),
    person: idIn(activity, 'from', 'aadObjectId'),
    tenants: tenantsOf(activity),
    conversation: conversation.split(';')[0] ?? '',
    message: idIn(activity, 'replyToId'),
    fields: data as Readonly<Record<string, unknown>>,
  }
}

/** The conversation's, the person's, and the one in which the app is installed. */
function tenantsOf(activity: unknown): readonly string[] {
  const places = [
    ['channelData', 'tenant', 'id'],
    ['conversation', 'tenantId'],
    ['from', 'tenantId'],
  ] as const
  return places.flatMap((path) => {
    const found = at(activity, ...path)
    return found === undefined ? [] : [typeof found === 'string' ? found.toLowerCase() : '']
  })
}

/** What the person said as they denied. */
export function readDenial({ fields }: TeamsClick): {
  readonly chosen: string | null
  readonly written: string
  /** Those like it that wait behind it, too. */
  readonly others: boolean
} {
  return {
    chosen: cannedReason(fields[FIELDS.chosen]),
    written: textOf(fields[FIELDS.written]),
    others: fields[FIELDS.others] === 'true',
  }
}

/** For how long and for how many rows, or what is wrong with it. */
export function readTerms({ fields }: TeamsClick): GrantTerms | string {
  const terms = termsIn({
    minutes: numberOf(fields[FIELDS.minutes]),
    rows: numberOf(fields[FIELDS.rows]),
  })
  if (terms.ok) return terms.grant
  const [first] = terms.wrong
  return first === 'minutes' ? 'Choose for how long.' : 'Give the rows as a whole number above 0.'
}

export function readWhy({ fields }: TeamsClick): string {
  return textOf(fields[FIELDS.why])
}

/** Classes that are to leave in clear. Several are sent as one text, with commas between them. */
export function readClearance({ fields }: TeamsClick): {
  readonly classes: readonly string[]
  readonly why: string
} {
  const chosen = fields[FIELDS.classes]
  const fits = typeof chosen === 'string' && chosen.length <= LONGEST_CHOICE
  const classes = fits ? chosen.split(',').filter((one) => one !== '') : []
  return { classes: [...new Set(classes)], why: textOf(fields[FIELDS.clearWhy]) }
}

/** The field has room for 500; whoever sends more has not used it. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? [...value].slice(0, 500).join('').trim() : ''
}

/** A number field is sent as a number or as text. */
function numberOf(value: unknown): string | null {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : null
}

function idIn(value: unknown, ...path: readonly string[]): string | null {
  const found = at(value, ...path)
  return typeof found === 'string' && found !== '' && found.length <= LONGEST_ID ? found : null
}
