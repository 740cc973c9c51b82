import type { Place, Ticket } from './slack-value.ts'

/** Who clicked where, as far as it matters. All of it is what Slack says; nothing is proved by it. */
export interface Click {
  /** Member id. */
  readonly user: string
  readonly team: string | null
  readonly place: Place
  readonly ticket: Ticket
  /** Names this use of a button; opens one modal, for three seconds. */
  readonly trigger: string | null
}

/** Longer texts than any of ours are none of ours. */
const LONGEST_VALUE = 3_000

/**
 * Reads a payload. For a button the request is in its value, for a modal in its private metadata;
 * both went out with our own message. Null where anything of it isn't there.
 */
export function clickOf(body: unknown): Click | null {
  const user = textIn(body, 'user', 'id')
  const value = textIn(body, 'actions', 0, 'value') ?? textIn(body, 'view', 'private_metadata')
  const about = value === null || value.length > LONGEST_VALUE ? null : parsed(value)
  const id = textIn(about, 'id')
  const channel = textIn(body, 'channel', 'id') ?? textIn(about, 'channel')
  const ts =
    textIn(body, 'container', 'message_ts') ?? textIn(body, 'message', 'ts') ?? textIn(about, 'ts')
  if (user === null || id === null || channel === null || ts === null) return null
  return {
    user,
    // In a shared channel `team` is where the app lives and `user.team_id` where the person does.
    team: textIn(body, 'user', 'team_id') ?? textIn(body, 'team', 'id'),
    place: { channel, ts },
    ticket: { id, sha: textIn(about, 'sha') },
    trigger: textIn(body, 'trigger_id'),
  }
}

/** What was filled into a modal, by the block that asks for it. */
export class FormValues {
  readonly #values: unknown

  /** `view`: of a view_submission. */
  constructor(view: unknown) {
    this.#values = at(view, 'state', 'values')
  }

  /** A text, a number as text, or what was chosen; null where nothing was. */
  value(block: string): string | null {
    const element = at(this.#values, block, 'value')
    return textIn(element, 'value') ?? textIn(element, 'selected_option', 'value')
  }

  /** The boxes that were checked. */
  many(block: string): readonly string[] {
    const options = at(this.#values, block, 'value', 'selected_options')
    if (!Array.isArray(options)) return []
    return options.flatMap((option) => textIn(option, 'value') ?? [])
  }
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return null
  }
}

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let inner = value
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined
    inner = (inner as Record<string | number, unknown>)[key]
  }
  return inner
}

function textIn(value: unknown, ...path: readonly (string | number)[]): string | null {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : null
}
