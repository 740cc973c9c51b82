import type { Place } from './chat-board.ts'
import { at, textAt } from './chat-payload.ts'
import type { Ticket } from './chat-ticket.ts'

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
  const user = textAt(body, 'user', 'id')
  const value = textAt(body, 'actions', 0, 'value') ?? textAt(body, 'view', 'private_metadata')
  const about = value === null || value.length > LONGEST_VALUE ? null : parsed(value)
  const id = textAt(about, 'id')
  const channel = textAt(body, 'channel', 'id') ?? textAt(about, 'channel')
  const ts =
    textAt(body, 'container', 'message_ts') ?? textAt(body, 'message', 'ts') ?? textAt(about, 'ts')
  if (user === null || id === null || channel === null || ts === null) return null
  return {
    user,
    // In a shared channel `team` is where the app lives and `user.team_id` where the person does.
    team: textAt(body, 'user', 'team_id') ?? textAt(body, 'team', 'id'),
    place: { channel, ts },
    ticket: { id, sha: textAt(about, 'sha') },
    trigger: textAt(body, 'trigger_id'),
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
    return textAt(element, 'value') ?? textAt(element, 'selected_option', 'value')
  }

  /** The boxes that were checked. */
  many(block: string): readonly string[] {
    const options = at(this.#values, block, 'value', 'selected_options')
    if (!Array.isArray(options)) return []
    return options.flatMap((option) => textAt(option, 'value') ?? [])
  }
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return null
  }
}
