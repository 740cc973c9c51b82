import type { DialogueOptions } from '../dialogue.ts'
import type { Conversation } from './conversation.ts'
import type { ServerReply } from './owed-replies.ts'

/** A reply is over: the next one is due, and who waits for it hears of it. */
export function endReply<X>(
  options: DialogueOptions<X>,
  talk: Conversation<X>,
  reply: ServerReply<X>,
  done: boolean,
): void {
  talk.owed.shift()
  reply.settle?.(done)
  reply.own?.answered(reply.own)
  if (!reply.own) options.listener.ready(talk.transaction)
}
