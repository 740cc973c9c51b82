import type { ApprovalRequest } from '../request.ts'
import type { PostedMessage } from '../store.ts'
import type { Place } from './chat-board.ts'
import type { ChatNote } from './chat-notes.ts'

/** Asked within this time of the first, a request joins the message of those like it. */
const TOGETHER_MS = 60_000
const MOST_TOGETHER = 100

/** Requests that share a message: of one shape, from one agent. One of them is shown whole. */
export interface Bundle {
  readonly key: string
  /** In the order in which they were asked. */
  readonly ids: string[]
  /** The one that is to be shown. */
  shown: string
  /** When it took another one's place, else null. Milliseconds of the monotonic clock. */
  changedAt: number | null
  place: Place | null
  /** Lines that have to be said below it. */
  readonly notes: ChatNote[]
  /** How often in a row the chat has refused it for what it is. */
  refusals: number
}

/** Which requests share which message. */
export class Bundles {
  readonly #byId = new Map<string, Bundle>()
  /** The newest of each kind. */
  readonly #byKey = new Map<string, Bundle>()
  readonly #get: (id: string) => ApprovalRequest | undefined
  #forgetAt = 1_000

  constructor(get: (id: string) => ApprovalRequest | undefined) {
    this.#get = get
  }

  of(id: string): Bundle | undefined {
    return this.#byId.get(id)
  }

  at({ channel, ts }: Place, id: string): Bundle | undefined {
    const bundle = this.of(id)
    return bundle?.place?.channel === channel && bundle.place.ts === ts ? bundle : undefined
  }

  /** The bundle of a request, which it joins or begins. `posted`: where it stands already. */
  add(request: ApprovalRequest, posted: PostedMessage | undefined): Bundle {
    const known = this.of(request.id)
    if (known) return known
    const key = keyOf(request)
    const newest = this.#byKey.get(key)
    if (newest && (posted ? isAt(newest, posted) : this.#takes(newest, request))) {
      newest.ids.push(request.id)
      this.#byId.set(request.id, newest)
      return newest
    }
    const place = posted ? { channel: posted.channel, ts: posted.ts } : null
    const { id } = request
    const bundle: Bundle = {
      key,
      ids: [id],
      shown: id,
      changedAt: null,
      place,
      notes: [],
      refusals: 0,
    }
    this.#byId.set(request.id, bundle)
    this.#byKey.set(key, bundle)
    this.#forgetGone()
    return bundle
  }

  /** Its requests as far as they are known, in their order. */
  members({ ids }: Bundle): readonly ApprovalRequest[] {
    return ids.flatMap((id) => this.#get(id) ?? [])
  }

  /** The next that waits behind the one that is shown, from the start again behind the last. */
  nextOf(bundle: Bundle): ApprovalRequest | undefined {
    const members = this.members(bundle)
    const at = members.findIndex(({ id }) => id === bundle.shown)
    const inTurn = [...members.slice(at + 1), ...members.slice(0, Math.max(at, 0))]
    return inTurn.find(({ state }) => state === 'pending')
  }

  /** An edit tells nobody, so that only a message which still asks for an answer takes more. */
  #takes(bundle: Bundle, request: ApprovalRequest): boolean {
    const members = this.members(bundle)
    const [first] = members
    if (!first || bundle.ids.length >= MOST_TOGETHER) return false
    if (!members.some(({ state }) => state === 'pending')) return false
    return Date.parse(request.createdAt) - Date.parse(first.createdAt) <= TOGETHER_MS
  }

  /** The store lets go of what is old. */
  #forgetGone(): void {
    if (this.#byId.size < this.#forgetAt) return
    for (const [id, bundle] of this.#byId) {
      if (this.#get(id)) continue
      this.#byId.delete(id)
      if (this.#byKey.get(bundle.key) === bundle && this.members(bundle).length === 0) {
        this.#byKey.delete(bundle.key)
      }
    }
    this.#forgetAt = this.#byId.size * 2 + 1_000
  }
}

function keyOf({ agent, database, shape, fingerprint }: ApprovalRequest): string {
  return JSON.stringify([agent, database, shape ?? fingerprint])
}

function isAt({ place }: Bundle, { channel, ts }: PostedMessage): boolean {
  return place?.channel === channel && place.ts === ts
}
