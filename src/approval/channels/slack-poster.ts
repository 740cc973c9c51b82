import { createHash } from 'node:crypto'
import type { WebClient } from '@slack/web-api'
import type { Clock } from '../../lib/clock.ts'
import type { ApprovalDesk } from '../desk.ts'
import { type DeskEvent, isLive } from '../desk-events.ts'
import type { ApprovalRequest } from '../request.ts'
import type { ApprovalStore } from '../store.ts'
import { noteOf } from './chat-notes.ts'
import type { ChatView } from './chat-view.ts'
import { RetryingSet } from './retrying-set.ts'
import { type SlackMessage, slackMessage } from './slack-blocks.ts'
import { type Bundle, Bundles } from './slack-bundles.ts'
import { SlackCalls, slackErrorOf } from './slack-calls.ts'
import { attachStatement } from './slack-file.ts'
import type { Place } from './slack-value.ts'

/** What was over so long ago has been shown, or is of no use any more. */
const TAKEN_UP_MS = 24 * 60 * 60_000
const TOO_LONG = new Set(['msg_blocks_too_long', 'msg_too_long', 'invalid_blocks'])
/** Nobody has read in less what has just come in the place of something else. */
const READING_MS = 3_000

export interface SlackPosterOptions {
  readonly client: Pick<WebClient, 'chat' | 'files'>
  readonly channel: string
  readonly view: ChatView
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly clock: Clock
  readonly log: (text: string) => void
}

/**
 * Keeps one message a request, or for those like it that came together, showing how it stands. What
 * changed waits in a set, so many changes are one edit, and what couldn't be sent while Slack was
 * down is sent afterwards.
 */
export class SlackPoster {
  readonly #options: SlackPosterOptions
  readonly #bundles: Bundles
  readonly #calls: SlackCalls
  readonly #changed: RetryingSet<Bundle>

  constructor(options: SlackPosterOptions) {
    this.#options = options
    this.#calls = new SlackCalls(options)
    this.#bundles = new Bundles((id) => options.desk.get(id))
    this.#changed = new RetryingSet({
      work: (bundle) => this.#showOrShorten(bundle),
      isAway: (error) => slackErrorOf(error) === null,
      clock: options.clock,
      log: (text) => options.log(`Slack: ${text}`),
    })
  }

  /** Takes up what changed while nobody could be told. */
  start(): void {
    const { desk, store } = this.#options
    const asked = [...desk.all()].sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))
    const newest = asked.reduce((latest, each) => Math.max(latest, Date.parse(each.updatedAt)), 0)
    const changed = asked.flatMap((request) => {
      const posted = store.message(request.id)
      if (!posted && request.state !== 'pending') return []
      const bundle = this.#bundles.add(request, posted)
      const age = newest - Date.parse(request.updatedAt)
      return isLive(request) || age < TAKEN_UP_MS ? [bundle] : []
    })
    for (const bundle of changed) this.#changed.add(bundle)
  }

  /** Slack is there again. */
  again(): void {
    this.#changed.again()
  }

  update(event: DeskEvent): void {
    const { request } = event
    const posted = this.#options.store.message(request.id)
    if (!posted && request.state !== 'pending' && !this.#bundles.of(request.id)) return
    const bundle = this.#bundles.add(request, posted)
    const note = noteOf(event)
    if (note) bundle.notes.push(note)
    this.#changed.add(bundle)
  }

  /** Whether a request is in the message at a place. */
  isAt(place: Place, id: string): boolean {
    return this.#bundles.at(place, id) !== undefined
  }

  /** Others that wait in the message of a request. */
  waitingWith(id: string): readonly ApprovalRequest[] {
    const bundle = this.#bundles.of(id)
    if (!bundle) return []
    const members = this.#bundles.members(bundle)
    return members.filter((each) => each.id !== id && each.state === 'pending')
  }

  /** True where a message has shown something else until a moment ago: nobody has read it yet. */
  hasJustChanged(id: string): boolean {
    const at = this.#bundles.of(id)?.changedAt ?? null
    return at !== null && this.#options.clock.monotonic() - at < READING_MS
  }

  /** Shows the next of those that wait in the message of a request. */
  showNext(id: string): void {
    const bundle = this.#bundles.of(id)
    const next = bundle && this.#nextOf(bundle)
    if (!bundle || !next) return
    bundle.shown = next.id
    this.#changed.add(bundle)
  }

  /** Shows what changed last, for a while, and ends. What isn't shown by then is on the next start. */
  stop(): Promise<void> {
    return this.#changed.stop()
  }

  /** How Slack measures is nowhere said; what it takes for too long is shown in part. */
  async #showOrShorten(bundle: Bundle): Promise<void> {
    const { shortened } = this.#options.view
    try {
      await this.#show(bundle)
    } catch (error) {
      if (!TOO_LONG.has(slackErrorOf(error) ?? '') || shortened.has(bundle.shown)) throw error
      shortened.add(bundle.shown)
      await this.#show(bundle)
    }
  }

  async #show(bundle: Bundle): Promise<void> {
    const { store, view, clock } = this.#options
    const members = this.#bundles.members(bundle)
    const request = this.#shownOf(bundle, members)
    if (!request) return
    const others = members.filter(({ id }) => id !== request.id)
    const message = slackMessage(request, view, others)
    const shown = digestOf(message)
    const posted = store.message(request.id)
    if (bundle.place === null || posted?.shown !== shown) {
      const before = bundle.place
      const waits = members.some(({ state }) => state === 'pending')
      const place = before && (await this.#calls.edit(before, message))
      if (place === null && !waits) return
      bundle.place = place ?? (await this.#calls.post(request.id, message))
      if (before !== null && !posted?.shown) bundle.changedAt = clock.monotonic()
    }
    await this.#remember(bundle.place, { request, others, shown })
    if (message.attach) await this.#attach(request, bundle.place)
    await this.#calls.say(bundle.notes, bundle.place)
  }

  /** The one that is shown goes on being so while it waits; then comes the next that does. */
  #shownOf(bundle: Bundle, members: readonly ApprovalRequest[]): ApprovalRequest | undefined {
    const shown = members.find(({ id }) => id === bundle.shown)
    if (shown?.state === 'pending') return shown
    const next = this.#nextOf(bundle)
    if (next) bundle.shown = next.id
    return next ?? shown ?? members.at(-1)
  }

  /** The next behind the one that is shown, from the start again behind the last. */
  #nextOf(bundle: Bundle): ApprovalRequest | undefined {
    const members = this.#bundles.members(bundle)
    const at = members.findIndex(({ id }) => id === bundle.shown)
    const inTurn = [...members.slice(at + 1), ...members.slice(0, Math.max(at, 0))]
    return inTurn.find(({ state }) => state === 'pending')
  }

  /** So that a restart goes on with the message: which requests it is of, and what it shows. */
  async #remember(
    place: Place,
    {
      request,
      others,
      shown,
    }: {
      readonly request: ApprovalRequest
      readonly others: readonly ApprovalRequest[]
      readonly shown: string
    },
  ): Promise<void> {
    const { store } = this.#options
    for (const [id, digest] of [
      [request.id, shown],
      ...others.map(({ id }) => [id, '']),
    ] as const) {
      const before = store.message(id ?? '')
      if (id === undefined || digest === undefined) continue
      if (before?.ts === place.ts && before.shown === digest) continue
      const file = before?.ts === place.ts && before.file === true
      await store.setMessage(id, { ...place, shown: digest, ...(file ? { file } : {}) })
    }
  }

  async #attach(request: ApprovalRequest, place: Place): Promise<void> {
    const { client, store, log } = this.#options
    const posted = store.message(request.id)
    if (!posted || posted.file) return
    await attachStatement(request, { client, place, log })
    await store.setMessage(request.id, { ...posted, file: true })
  }
}

function digestOf(message: SlackMessage): string {
  return createHash('sha256').update(JSON.stringify(message)).digest('hex')
}
