export type Json = Readonly<Record<string, unknown>>

/** Bytes: what is larger the connector answers with 413. */
const LARGEST = 28 * 1024
const ELEMENTS = new Set([
  ...['TextBlock', 'RichTextBlock', 'TextRun', 'Container', 'ColumnSet', 'Column', 'FactSet'],
  ...['Input.Text', 'Input.ChoiceSet', 'Input.Number', 'CodeBlock', 'ActionSet'],
  ...['Input.Toggle'],
])
const ACTIONS = new Set(['Action.Execute', 'Action.OpenUrl', 'Action.ShowCard'])
/** Teams shows six actions of a card and drops the others. */
const MOST_ACTIONS = 6
const MOST_VIEWERS = 60

export interface Wrong {
  readonly status: number
  readonly code: string
}

/** Why the connector wouldn't take an activity, or null. */
export function wrongWith(activity: Json, text: string): Wrong | null {
  if (Buffer.byteLength(text) > LARGEST) return { status: 413, code: 'MessageSizeTooBig' }
  if (activity.type !== 'message') return bad('no message')
  const { from, conversation, attachments } = activity
  if (typeof (from as Json | undefined)?.id !== 'string') return bad('from nobody')
  if (typeof (conversation as Json | undefined)?.id !== 'string') return bad('in no conversation')
  if (attachments === undefined) return typeof activity.text === 'string' ? null : bad('empty')
  const [attachment, ...more] = attachments as readonly Json[]
  if (attachment?.contentType !== 'application/vnd.microsoft.card.adaptive' || more.length > 0) {
    return bad('not one card')
  }
  const why = wrongWithCard(attachment.content as Json)
  return why === null ? null : bad(why)
}

/** Why Teams wouldn't draw all of a card as it is meant, or null. */
export function wrongWithCard(card: Json): string | null {
  if (card.type !== 'AdaptiveCard') return 'not a card'
  if (card.version !== '1.5') return 'another version'
  const refresh = card.refresh as Json | undefined
  const users = (refresh?.userIds ?? []) as readonly unknown[]
  if (users.length > MOST_VIEWERS) return 'too many viewers'
  if (users.some((id) => typeof id !== 'string' || !id.startsWith('29:'))) return 'not a user'
  return wrongWithParts(card)
}

function wrongWithParts(card: Json): string | null {
  const actions = (card.actions ?? []) as readonly Json[]
  if (actions.length > MOST_ACTIONS) return 'too many actions'
  for (const action of actions) {
    if (!ACTIONS.has(String(action.type))) return `no action: ${action.type}`
    if (action.type === 'Action.Execute' && typeof action.verb !== 'string') return 'no verb'
    if (action.type === 'Action.OpenUrl' && !URL.canParse(String(action.url))) return 'no address'
    const inner = action.card === undefined ? null : wrongWithParts(action.card as Json)
    if (inner !== null) return inner
  }
  return wrongWithElements((card.body ?? []) as readonly Json[])
}

function wrongWithElements(elements: readonly Json[]): string | null {
  for (const element of elements) {
    if (!ELEMENTS.has(String(element.type))) return `no element: ${element.type}`
    if (element.type === 'TextRun' && (typeof element.text !== 'string' || element.text === '')) {
      return 'an empty text'
    }
    const inner = [...((element.items ?? []) as Json[]), ...((element.inlines ?? []) as Json[])]
    const wrong = wrongWithElements(inner)
    if (wrong !== null) return wrong
  }
  return null
}

function bad(code: string): Wrong {
  return { status: 400, code: `BadSyntax: ${code}` }
}
