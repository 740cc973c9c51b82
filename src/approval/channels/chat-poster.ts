import { createHash } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import type { ApprovalDesk } from '../desk.ts'
import { type DeskEvent, isLive } from '../desk-events.ts'
import type { ApprovalRequest } from '../request.ts'
import type { ApprovalStore, PostedMessage } from '../store.ts'
import type { ChatBoard, Place } from './chat-board.ts'
import { type Bundle, Bundles } from './chat-bundles.ts'
import type { ChatCounts } from './chat-counts.ts'
import { noteOf } from './chat-notes.ts'
import type { ChatView } from './chat-view.ts'
import { RetryingSet } from './retrying-set.ts'

/** What was over so long ago has been shown, or is of no use any more. */
const TAKEN_UP_MS = 24 * 60 * 60_000
/** Nobody has read in less what has just come in the place of something else. */
const READING_MS = 3_000

/** What is refused for good is given up behind so many tries: it may be another that went wrong. */
const MOST_REFUSALS = 5

export interface ChatPosterOptions<Message> {
  readonly board: ChatBoard<Message>
  readonly view: Pick<ChatView, 'shortened'>
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly clock: Clock
  /** 0 to 1: of many that wait for the same chat, not all come back at once. */
  readonly chance: () => number
  readonly counts: ChatCounts
  readonly log: (text: string) => void
}

/** What a message shows: one request whole, and those like it that stand behind it. */
export interface Shown {
  readonly request: ApprovalRequest
  readonly others: readonly ApprovalRequest[]
}

/**
 * Keeps one message a request, or for those like it that came together, showing how it stands. What
 * changed waits in a set, so many changes are one edit, and what couldn't be sent while the chat was
 * down is sent afterwards.
 */
export class ChatPoster<Message = unknown> {
  readonly #options: ChatPosterOptions<Message>
  readonly #bundles: Bundles
  readonly #changed: RetryingSet<Bundle>
  /** What is under way. */
  readonly #showing = new Map<Bundle, Promise<void>>()

  constructor(options: ChatPosterOptions<Message>) {
    const { board, clock, chance, log, desk } = options
    this.#options = options
    this.#bundles = new Bundles((id) => desk.get(id))
    this.#changed = new RetryingSet({
      work: (bundle) => this.#try(bundle),
      isAway: (error) => board.isAway(error),
      said: (error) => board.saidBy(error),
      leastWait: (error) => board.leastWait(error),
      ...{ chance, clock, log },
    })
  }

  /** Takes up what changed while nobody could be told. */
  start(): void {
    const { desk } = this.#options
    const asked = [...desk.all()].sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))
    const newest = asked.reduce((latest, each) => Math.max(latest, Date.parse(each.updatedAt)), 0)
    const changed = asked.flatMap((request) => {
      const posted = this.#posted(request.id)
      if (!posted && request.state !== 'pending') return []
      const bundle = this.#bundles.add(request, posted)
      const age = newest - Date.parse(request.updatedAt)
      return isLive(request) || age < TAKEN_UP_MS ? [bundle] : []
    })
    for (const bundle of changed) this.#changed.add(bundle)
  }

  /** Whether the chat has taken, or refused, what was said to it last. */
  get up(): boolean {
    return !this.#changed.away
  }

  /** Messages that have yet to be posted or edited. */
  get queued(): number {
    return this.#changed.queued
  }

  /** The chat is there again. */
  again(): void {
    this.#changed.again()
  }

  update(event: DeskEvent): void {
    const { request } = event
    const posted = this.#posted(request.id)
    if (!posted && request.state !== 'pending' && !this.#bundles.of(request.id)) return
    const bundle = this.#bundles.add(request, posted)
    const note = noteOf(event)
    if (note) bundle.notes.push(note)
    bundle.refusals = 0
    this.#changed.add(bundle)
  }

  /**
   * Whether a request is in the message at a place. A chat may tell of a click on a message before we
   * have heard that it stands there, or have noted it.
   */
  async isAt(place: Place, id: string): Promise<boolean> {
    if (this.#bundles.at(place, id)) return true
    const bundle = this.#bundles.of(id)
    await (bundle && this.#showing.get(bundle)?.catch(() => {}))
    return this.#bundles.at(place, id) !== undefined
  }

  /** Others that wait in the message of a request. */
  waitingWith(id: string): readonly ApprovalRequest[] {
    const bundle = this.#bundles.of(id)
    if (!bundle) return []
    const members = this.#bundles.members(bundle)
    return members.filter((each) => each.id !== id && each.state === 'pending')
  }

  /** What the message of a request is to show now. */
  shownWith(id: string): Shown | undefined {
    const bundle = this.#bundles.of(id)
    return bundle && this.#shownOf(bundle)
  }

  /** True where a message has shown something else until a moment ago: nobody has read it yet. */
  hasJustChanged(id: string): boolean {
    const at = this.#bundles.of(id)?.changedAt ?? null
    return at !== null && this.#options.clock.monotonic() - at < READING_MS
  }

  /** Shows the next of those that wait in the message of a request. */
  showNext(id: string): void {
    const bundle = this.#bundles.of(id)
    const next = bundle && this.#bundles.nextOf(bundle)
    if (!bundle || !next) return
    this.#turn(bundle, next)
    this.#changed.add(bundle)
  }

  /** Shows what changed last, for a while, and ends. What isn't shown by then is on the next start. */
  stop(): Promise<void> {
    return this.#changed.stop()
  }

  #posted(id: string): PostedMessage | undefined {
    const { store, board } = this.#options
    const posted = store.message(id, board.chat)
    return posted && board.isHere(posted) ? posted : undefined
  }

  async #try(bundle: Bundle): Promise<void> {
    const showing = this.#showOrShorten(bundle)
    this.#showing.set(bundle, showing)
    try {
      await showing
      bundle.refusals = 0
    } catch (error) {
      this.#giveUpOrThrow(bundle, error)
    } finally {
      this.#showing.delete(bundle)
    }
  }

  #giveUpOrThrow(bundle: Bundle, error: unknown): void {
    const { board, log, counts } = this.#options
    counts.failed++
    bundle.refusals++
    if (!board.isForGood(error) || bundle.refusals < MOST_REFUSALS) throw error
    bundle.refusals = 0
    bundle.notes.length = 0
    counts.dropped++
    const said = board.saidBy(error)
    log(`request ${bundle.shown} can't be shown, and isn't tried again: ${said}`)
  }

  /** How chats measure is nowhere said to the byte; what one takes for too long is shown in part. */
  async #showOrShorten(bundle: Bundle): Promise<void> {
    const { board, view, desk } = this.#options
    try {
      await this.#show(bundle)
    } catch (error) {
      if (!board.isTooLong(error) || view.shortened.has(bundle.shown)) throw error
      // Of requests that the store has let go of nothing is shown any more.
      for (const id of view.shortened) if (!desk.get(id)) view.shortened.delete(id)
      view.shortened.add(bundle.shown)
      await this.#show(bundle)
    }
  }

  async #show(bundle: Bundle): Promise<void> {
    const { board, clock, counts } = this.#options
    const shown = this.#shownOf(bundle)
    if (!shown) return
    const message = await board.render(shown.request, shown.others)
    const digest = digestOf(message)
    const posted = this.#posted(shown.request.id)
    if (bundle.place === null || posted?.shown !== digest) {
      const before = bundle.place
      const place = before && (await board.edit(before, message))
      if (place === null && !waits(shown)) return
      bundle.place = place ?? (await board.post(message))
      counts.delivered++
      if (before !== null && !posted?.shown) bundle.changedAt = clock.monotonic()
    }
    await this.#remember(bundle.place, shown, digest)
    await this.#attach(shown.request, message, bundle.place)
    for (let note = bundle.notes[0]; note; note = bundle.notes[0]) {
      await board.say(note, bundle.place)
      bundle.notes.shift()
    }
  }

  /** The one that is shown goes on being so while it waits; then comes the next that does. */
  #shownOf(bundle: Bundle): Shown | undefined {
    const members = this.#bundles.members(bundle)
    const before = members.find(({ id }) => id === bundle.shown)
    const next = before?.state === 'pending' ? undefined : this.#bundles.nextOf(bundle)
    if (next) this.#turn(bundle, next)
    const request = next ?? before ?? members.at(-1)
    return request && { request, others: members.filter(({ id }) => id !== request.id) }
  }

  #turn(bundle: Bundle, next: ApprovalRequest): void {
    bundle.shown = next.id
    bundle.changedAt = this.#options.clock.monotonic()
  }

  /** So that a restart goes on with the message: which requests it is of, and what it shows. */
  async #remember(place: Place, { request, others }: Shown, digest: string): Promise<void> {
    const { store, board } = this.#options
    for (const { id } of [request, ...others]) {
      const shown = id === request.id ? digest : ''
      const before = store.message(id, board.chat)
      const same = before?.ts === place.ts && before.channel === place.channel
      if (same && before.shown === shown) continue
      const file = same && before.file === true ? { file: true } : {}
      await store.setMessage(id, { ...place, shown, ...file }, board.chat)
    }
  }

  async #attach(request: ApprovalRequest, message: Message, place: Place): Promise<void> {
    const { board, store } = this.#options
    const posted = store.message(request.id, board.chat)
    if (!posted || posted.file || !(await board.attach(request, message, place))) return
    await store.setMessage(request.id, { ...posted, file: true }, board.chat)
  }
}

function waits({ request, others }: Shown): boolean {
  return [request, ...others].some(({ state }) => state === 'pending')
}

function digestOf(message: unknown): string {
  return createHash('sha256').update(JSON.stringify(message)).digest('hex')
}
