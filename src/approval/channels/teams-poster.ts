import { createHash } from 'node:crypto'
import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ApprovalDesk } from '../desk.ts'
import { type DeskEvent, isLive } from '../desk-events.ts'
import type { ApprovalStore, PostedMessage } from '../store.ts'
import { type ChatNote, noteOf } from './chat-notes.ts'
import type { ChatView } from './chat-view.ts'
import { RetryingSet } from './retrying-set.ts'
import type { TeamsApp } from './teams-app.ts'
import { EVERYBODY } from './teams-audience.ts'
import { isAway, retryAfterMs, saidBy, statusOf } from './teams-errors.ts'
import { messageWith, teamsCard } from './teams-message.ts'
import { answerers } from './teams-people.ts'
import type { TeamsRoster } from './teams-roster.ts'

/** What was over so long ago has been shown, or is of no use any more. */
const TAKEN_UP_MS = 24 * 60 * 60_000
/** A message that the connector refuses for what it is, it won't take the next time either. */
const MOST_REFUSALS = 5

export interface TeamsPosterOptions {
  readonly app: Pick<TeamsApp, 'post' | 'update'>
  readonly conversation: string
  readonly roster: Pick<TeamsRoster, 'viewers'>
  readonly view: ChatView
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly directory: () => Directory
  readonly clock: Clock
  readonly chance: () => number
  readonly log: (text: string) => void
}

/**
 * Keeps one message a request, showing how it stands. What changed waits in a set, so many changes
 * are one edit, and what couldn't be sent while Teams was down is sent afterwards.
 */
export class TeamsPoster {
  readonly #options: TeamsPosterOptions
  readonly #changed: RetryingSet<string>
  /** Lines that have to be said below a message, by request. */
  readonly #notes = new Map<string, ChatNote[]>()
  readonly #refusals = new Map<string, number>()
  /** What is under way. */
  readonly #showing = new Map<string, Promise<void>>()

  constructor(options: TeamsPosterOptions) {
    const { clock, chance, log } = options
    this.#options = options
    this.#changed = new RetryingSet({
      work: (id) => this.#try(id),
      isAway,
      leastWait: (error) => retryAfterMs(error, clock.now()),
      ...{ chance, clock, log: (text) => log(`Teams: ${text}`) },
    })
  }

  /** Takes up what changed while nobody could be told. */
  start(): void {
    const { desk, store } = this.#options
    const asked = [...desk.all()].sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))
    const newest = asked.reduce((latest, each) => Math.max(latest, Date.parse(each.updatedAt)), 0)
    for (const request of asked) {
      const age = newest - Date.parse(request.updatedAt)
      const posted = store.message(request.id, 'teams')
      if (!posted && request.state !== 'pending') continue
      if (isLive(request) || age < TAKEN_UP_MS) this.#changed.add(request.id)
    }
  }

  update(event: DeskEvent): void {
    const { id, state } = event.request
    const known = this.#options.store.message(id, 'teams') ?? this.#showing.get(id)
    if (!known && state !== 'pending') return
    const note = noteOf(event)
    if (note) this.#notes.set(id, [...(this.#notes.get(id) ?? []), note])
    this.#refusals.delete(id)
    this.#changed.add(id)
  }

  /**
   * Whether a message is the one of a request. Teams may ask about one before we have heard that it
   * stands there, or have noted it.
   */
  async isAt(message: string | null, id: string): Promise<boolean> {
    if (this.#stands(message, id)) return true
    await this.#showing.get(id)?.catch(() => {})
    return this.#stands(message, id)
  }

  #stands(message: string | null, id: string): boolean {
    const posted = this.#options.store.message(id, 'teams')
    return message !== null && posted?.ts === message && this.#isHere(posted)
  }

  /** Shows what changed last, for a while, and ends. What isn't shown by then is on the next start. */
  stop(): Promise<void> {
    return this.#changed.stop()
  }

  #isHere({ channel }: PostedMessage): boolean {
    return channel === this.#options.conversation
  }

  async #try(id: string): Promise<void> {
    const showing = this.#showOrShorten(id)
    this.#showing.set(id, showing)
    try {
      await showing
      this.#refusals.delete(id)
    } catch (error) {
      const said = new Error(saidBy(error))
      if (isAway(error) || !this.#isRefusedForGood(id)) throw Object.assign(said, responseOf(error))
      this.#options.log(
        `Teams: request ${id} can't be shown, and isn't tried again: ${said.message}`,
      )
    } finally {
      this.#showing.delete(id)
    }
  }

  #isRefusedForGood(id: string): boolean {
    const refusals = (this.#refusals.get(id) ?? 0) + 1
    this.#refusals.set(id, refusals)
    if (refusals < MOST_REFUSALS) return false
    this.#refusals.delete(id)
    this.#notes.delete(id)
    return true
  }

  /** How Teams measures is nowhere said to the byte; what it takes for too long is shown in part. */
  async #showOrShorten(id: string): Promise<void> {
    const { shortened } = this.#options.view
    try {
      await this.#show(id)
    } catch (error) {
      if (statusOf(error) !== 413 || shortened.has(id)) throw error
      shortened.add(id)
      await this.#show(id)
    }
  }

  async #show(id: string): Promise<void> {
    const { desk, store, view, conversation, roster, directory } = this.#options
    const request = desk.get(id)
    if (!request) return
    const viewers = await roster.viewers(answerers(request, directory()))
    const card = teamsCard(request, view, { audience: EVERYBODY, viewers })
    const shown = createHash('sha256').update(JSON.stringify(card)).digest('hex')
    const known = store.message(id, 'teams')
    const posted = known && this.#isHere(known) ? known : undefined
    let ts = posted?.ts ?? null
    if (posted?.shown !== shown) {
      const message = messageWith(card, request)
      if (ts !== null) ts = await this.#edit(ts, message)
      if (ts === null && request.state !== 'pending') return
      ts ??= await this.#options.app.post(message)
      await store.setMessage(id, { channel: conversation, ts, shown }, 'teams')
    }
    if (ts !== null) await this.#note(id, ts)
  }

  /** Edits the message; null where somebody has deleted it. */
  async #edit(ts: string, message: object): Promise<string | null> {
    try {
      await this.#options.app.update(ts, message)
      return ts
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw error
    }
  }

  /** An edit tells nobody. What is loud stands by itself, all else below the message. */
  async #note(id: string, ts: string): Promise<void> {
    const notes = this.#notes.get(id) ?? []
    for (let note = notes[0]; note; note = notes[0]) {
      const message = { type: 'message', text: note.text, textFormat: 'plain' }
      await this.#options.app.post(message, note.loud ? undefined : ts)
      notes.shift()
    }
    this.#notes.delete(id)
  }
}

function responseOf(error: unknown): object {
  const { response } = error as { response?: unknown }
  return response === undefined ? {} : { response }
}
