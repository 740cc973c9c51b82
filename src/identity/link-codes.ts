import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import type { Chat, LinkedBy } from './chat-link.ts'
import { sameName } from './directory.ts'

/** How long somebody has to type it in. */
export const CODE_MS = 10 * 60 * 1000
/** No I, O, 0 or 1: 32 signs, so that eight of them have 40 bits. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const LENGTH = 8
/** Each person has one a chat; people are listed, so that this is never reached. */
const MOST = 10_000

/** To whom a code was given, and by what they were signed in. */
export interface Given {
  readonly person: string
  readonly by: LinkedBy
}

/** A code that was given out and not used yet. */
interface Live extends Given {
  readonly chat: Chat
  /** By the monotonic clock. */
  readonly endsAt: number
}

/**
 * Codes by which people say in a chat who they are here. Each is good once, in one chat, for ten
 * minutes, and only until its person asks for another one there. Nothing but a keyed hash of it is
 * kept, in memory: a restart forgets them all, and people ask again.
 */
export class LinkCodes {
  readonly #clock: Clock
  readonly #key = randomBytes(32)
  readonly #live = new Map<string, Live>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A code as it is shown: "ABCD-EFGH". */
  begin(email: string, chat: Chat, by: LinkedBy): string {
    const person = sameName(email)
    this.#drop((live) => live.person === person && live.chat === chat)
    const code = newCode()
    this.#live.set(this.#digest(code, chat), {
      ...{ person, chat, by },
      endsAt: this.#clock.monotonic() + CODE_MS,
    })
    const [oldest] = this.#live.keys()
    if (this.#live.size > MOST && oldest !== undefined) this.#live.delete(oldest)
    return `${code.slice(0, 4)}-${code.slice(4)}`
  }

  /** Whose code this is, as somebody typed it in this chat; it is used up then. Null: nobody's. */
  take(typed: string, chat: Chat): Given | null {
    const code = typed.replace(/[\s-]/g, '').toUpperCase()
    if (code.length !== LENGTH) return null
    const digest = this.#digest(code, chat)
    const live = this.#live.get(digest)
    this.#live.delete(digest)
    return live && this.#clock.monotonic() < live.endsAt ? live : null
  }

  #drop(isOver: (live: Live) => boolean): void {
    const now = this.#clock.monotonic()
    for (const [digest, live] of this.#live) {
      if (isOver(live) || now >= live.endsAt) this.#live.delete(digest)
    }
  }

  /** Without the key, 2^40 codes would soon be tried against a hash that somebody has seen. */
  #digest(code: string, chat: Chat): string {
    return createHmac('sha256', this.#key).update(`${chat} ${code}`).digest('hex')
  }
}

function newCode(): string {
  let code = ''
  for (const byte of randomBytes(LENGTH)) code += ALPHABET[byte & 31]
  return code
}
