import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ApprovalRequest } from '../request.ts'
import type { PostedMessage } from '../store.ts'
import type { ChatBoard, Place } from './chat-board.ts'
import type { ChatNote } from './chat-notes.ts'
import type { ChatView } from './chat-view.ts'
import type { TeamsApp } from './teams-app.ts'
import { EVERYBODY } from './teams-audience.ts'
import { isAway, retryAfterMs, saidBy, statusOf } from './teams-errors.ts'
import type { TeamsMembers } from './teams-members.ts'
import { messageWith, type TeamsMessage, teamsCard } from './teams-message.ts'
import { answerers } from './teams-people.ts'
import type { TeamsRoster } from './teams-roster.ts'

export interface TeamsBoardOptions {
  readonly app: Pick<TeamsApp, 'post' | 'update'>
  readonly conversation: string
  readonly roster: Pick<TeamsRoster, 'viewers'>
  readonly members: Pick<TeamsMembers, 'linked'>
  readonly view: ChatView
  readonly directory: () => Directory
  readonly clock: Clock
}

/** A channel or a chat of Teams. */
export class TeamsBoard implements ChatBoard<TeamsMessage> {
  readonly chat = 'teams'
  readonly #options: TeamsBoardOptions

  constructor(options: TeamsBoardOptions) {
    this.#options = options
  }

  isHere({ channel }: PostedMessage): boolean {
    return channel === this.#options.conversation
  }

  /** As everybody sees it; who may answer asks for their own. */
  async render(
    request: ApprovalRequest,
    others: readonly ApprovalRequest[],
  ): Promise<TeamsMessage> {
    const { roster, members, directory, view } = this.#options
    const people = answerers(request, directory(), members.linked())
    const viewers = await roster.viewers(people)
    return messageWith(teamsCard(request, view, { audience: EVERYBODY, viewers, others }), request)
  }

  async post(message: TeamsMessage): Promise<Place> {
    const { app, conversation } = this.#options
    return { channel: conversation, ts: await app.post(message) }
  }

  async edit(place: Place, message: TeamsMessage): Promise<Place | null> {
    try {
      await this.#options.app.update(place.ts, message)
      return place
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw error
    }
  }

  /** What is loud stands by itself. */
  async say({ text, loud }: ChatNote, { ts }: Place): Promise<void> {
    const message = { type: 'message', text, textFormat: 'plain' }
    await this.#options.app.post(message, loud ? undefined : ts)
  }

  async attach(): Promise<boolean> {
    return false
  }

  isTooLong(error: unknown): boolean {
    return statusOf(error) === 413
  }

  isAway(error: unknown): boolean {
    return isAway(error)
  }

  leastWait(error: unknown): number {
    return retryAfterMs(error, this.#options.clock.now())
  }

  isForGood(error: unknown): boolean {
    return !isAway(error)
  }

  saidBy(error: unknown): string {
    return saidBy(error)
  }
}
