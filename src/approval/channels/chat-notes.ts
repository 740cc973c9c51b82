import type { DeskEvent } from '../desk-events.ts'

/** A line in a message's thread: an edit of the message itself tells nobody. */
export interface ChatNote {
  /** Words of our own alone. */
  readonly text: string
  /** Whether the whole channel sees it. */
  readonly loud: boolean
}

/** What of an event is worth a line; null for what the message shows by itself. */
export function noteOf({ type, request: { id } }: DeskEvent): ChatNote | null {
  switch (type) {
    case 'reminder':
      return {
        text: `Half of the time is over, and nobody has decided request ${id}.`,
        loud: false,
      }
    case 'escalated':
      return { text: `Nobody has decided request ${id}: a second group may, too.`, loud: true }
    case 'break-glass':
      return {
        text: `ALERT: one person alone let request ${id} pass, by break-glass. The message says who and why.`,
        loud: true,
      }
    default:
      return null
  }
}
