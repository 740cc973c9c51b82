import type { ApprovalRequest } from '../request.ts'
import type { Chat, PostedMessage } from '../store.ts'
import type { ChatNote } from './chat-notes.ts'

/** Where a message stands. */
export interface Place {
  readonly channel: string
  /** Of the message, within its channel. */
  readonly ts: string
}

/**
 * A channel of a chat, where messages are posted and edited. `Message` is what it shows, and can be
 * written as JSON; every call may reject.
 */
export interface ChatBoard<Message> {
  readonly chat: Chat
  /** Whether what was posted once stands where we post today. */
  isHere(posted: PostedMessage): boolean
  /** `others` are like the request and share its message. */
  render(request: ApprovalRequest, others: readonly ApprovalRequest[]): Promise<Message>
  post(message: Message): Promise<Place>
  /** Null where somebody has deleted the message. */
  edit(place: Place, message: Message): Promise<Place | null>
  /** Says a line below a message, or louder than that. */
  say(note: ChatNote, place: Place): Promise<void>
  /** Puts beside a message what it can't show. Asked once a message; false where nothing is to be. */
  attach(request: ApprovalRequest, message: Message, place: Place): Promise<boolean>
  isTooLong(error: unknown): boolean
  /** Whether there is no use in trying other messages now. */
  isAway(error: unknown): boolean
  /** Milliseconds that the chat wants to be left alone for. */
  leastWait(error: unknown): number
  /** Whether a message was refused for what it is, and will be the next time, too. */
  isForGood(error: unknown): boolean
  /** For the log. */
  saidBy(error: unknown): string
}
