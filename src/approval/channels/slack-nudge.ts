import type { WebClient } from '@slack/web-api'
import { messageOf } from '../../lib/errors.ts'
import type { DeskEvent } from '../desk-events.ts'
import type { ApprovalStore } from '../store.ts'

/** What is said in the thread of a request's message, in words of our own only. */
const SAYS: Partial<Readonly<Record<DeskEvent['type'], string>>> = {
  reminder: 'Half of the time is over, and nobody has decided.',
  escalated: 'Nobody has decided in time: a second group may, too. The message above says which.',
  'break-glass':
    'ALERT: one person let this pass alone, by break-glass. The message above says who and why.',
}

/**
 * Says in a thread what an edited message doesn't call anybody for. Once, and best effort: the
 * message itself shows how the request stands.
 */
export async function nudge(
  { type, request }: DeskEvent,
  options: {
    readonly client: Pick<WebClient, 'chat'>
    readonly store: ApprovalStore
    readonly log: (text: string) => void
  },
): Promise<void> {
  const text = SAYS[type]
  const posted = options.store.message(request.id)
  if (text === undefined || !posted) return
  const { channel, ts } = posted
  try {
    await options.client.chat.postMessage({
      ...{ channel, thread_ts: ts, text, mrkdwn: false, parse: 'none', link_names: false },
      // A reminder is for those who have seen it; the others are for everybody.
      reply_broadcast: type !== 'reminder',
    })
  } catch (error) {
    options.log(`Slack: ${messageOf(error)}`)
  }
}
