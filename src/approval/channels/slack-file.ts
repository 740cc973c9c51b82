import type { WebClient } from '@slack/web-api'
import { messageOf } from '../../lib/errors.ts'
import type { ApprovalRequest } from '../request.ts'
import type { Place } from './chat-board.ts'
import { renderRequest } from './rendering.ts'

/**
 * Puts a statement that is too long for a message into the message's thread, with every character
 * visible. It is there to be read; it is signed in the inbox. Where Slack refuses the file (an app
 * without files:write), that is logged and all.
 */
export async function attachStatement(
  request: ApprovalRequest,
  options: {
    readonly client: Pick<WebClient, 'files'>
    readonly place: Place
    readonly log: (text: string) => void
  },
): Promise<void> {
  const { client, place, log } = options
  const { statement, parameters, footer } = renderRequest(request)
  const content = [statement, ...parameters.map((line) => `-- ${line}`), `-- ${footer}`].join('\n')
  const filename = `request-${request.id}.sql`
  try {
    await client.files.uploadV2({
      ...{ channel_id: place.channel, thread_ts: place.ts },
      ...{ filename, title: `Request ${request.id}, all of it`, content, snippet_type: 'sql' },
    })
  } catch (error) {
    // What Slack answers it answers again; what it doesn't is tried again with the message.
    if (!isAnswer(error)) throw error
    log(`Slack takes no file for request ${request.id}: ${messageOf(error)}`)
  }
}

function isAnswer(error: unknown): boolean {
  const data = (error as { data?: { ok?: unknown } } | null)?.data
  return data?.ok === false
}
