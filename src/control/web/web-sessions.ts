import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { LinkedBy } from '../../identity/chat-link.ts'
import { sameName } from '../../identity/directory.ts'
import type { PersonTokens } from '../../identity/person-tokens.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { writeWhole } from '../../lib/write-whole.ts'

/** A working day: then a person signs in again, whatever they do meanwhile. */
export const SESSION_MS = 12 * 60 * 60 * 1000
/** The oldest go first; nobody has so many browsers. */
const MOST = 1_000

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Account = z.object({
  person: z.string().min(1),
  issuer: z.string(),
  subject: z.string(),
  /** When they last proved who they are; ms since the epoch, null where it wasn't said. */
  authenticatedAt: z.number().nullable(),
  acr: z.string().nullable(),
})
/** Begun with an access token, or with an account at the identity provider. */
const Stored = z.union([
  z.object({ sha256, endsAt: z.number(), token: sha256 }),
  z.object({ sha256, endsAt: z.number(), account: Account }),
])
const File = z.object({ version: z.literal(1), sessions: z.array(Stored) })
type StoredSession = z.infer<typeof Stored>

/** Who signed in at the identity provider, and how long ago they proved it. */
export type SessionAccount = Readonly<z.infer<typeof Account>>

/** A session as its person sees it. */
export interface ListedSession {
  readonly id: string
  readonly endsAt: number
  readonly by: 'account' | 'token'
}

export interface WebSession {
  /** E-mail address. */
  readonly person: string
  /** What every form of this session carries, so that no other page can post one. */
  readonly formToken: string
  /** Null where it was begun with an access token. */
  readonly account: SessionAccount | null
  /** What it was begun with: the session is good for as long as that is. */
  readonly by: LinkedBy
}

/**
 * Who is signed in to the inbox. A session is 32 random bytes in a cookie; only their SHA-256 is
 * kept, in `<data>/sessions.json` (0600), so that a restart of the control process signs nobody out.
 * It ends with its time, with signing out, or when its token or account isn't good any more.
 */
export class WebSessions {
  readonly #path: string
  readonly #tokens: PersonTokens
  readonly #isTheirs: (account: SessionAccount) => boolean
  readonly #clock: Clock
  readonly #log: (text: string) => void
  #sessions: readonly StoredSession[]

  constructor(options: {
    readonly data: string
    readonly tokens: PersonTokens
    /** Whether an account is still that person's; where it isn't given no account opens anything. */
    readonly isTheirs?: (account: SessionAccount) => boolean
    readonly clock: Clock
    readonly log: (text: string) => void
  }) {
    this.#path = join(options.data, 'sessions.json')
    this.#tokens = options.tokens
    this.#isTheirs = options.isTheirs ?? (() => false)
    this.#clock = options.clock
    this.#log = options.log
    this.#sessions = this.#read()
  }

  /** Begins a session with a person's token: the cookie's value, or null for no token of ours. */
  begin(token: string): string | null {
    if (this.#tokens.authenticate(token) === null) return null
    return this.#add({ token: digest(token) })
  }

  /** Begins a session for whoever signed in with an account: the cookie's value. */
  beginWith(account: SessionAccount): string {
    return this.#add({ account: { ...account } })
  }

  find(secret: string): WebSession | null {
    const key = digest(secret)
    const session = this.#current().find((each) => each.sha256 === key)
    if (!session) return null
    const person = this.#personOf(session)
    if (person === null) return null
    const account = 'account' in session ? session.account : null
    const by = 'account' in session ? accountOf(session.account) : { token: session.token }
    return { person, formToken: formTokenOf(secret), account, by }
  }

  /** Null where what it was begun with isn't good any more. */
  #personOf(session: StoredSession): string | null {
    if (!('account' in session)) return this.#tokens.holderOf(Buffer.from(session.token, 'hex'))
    return this.#isTheirs(session.account) ? sameName(session.account.person) : null
  }

  /** Those of a person that are good, newest first. `id` opens nothing. */
  of(person: string): readonly ListedSession[] {
    return this.#current()
      .filter((each) => this.#personOf(each) === person)
      .map((each) => ({ id: each.sha256.slice(0, 16), endsAt: each.endsAt, by: kindOf(each) }))
      .reverse()
  }

  /** Which of the listed ones a cookie is. */
  idOf(secret: string): string {
    return digest(secret).slice(0, 16)
  }

  /** Ends one of a person's; false where it is none of theirs. */
  endOf(person: string, id: string): boolean {
    const current = this.#current()
    const others = current.filter(
      (each) => this.#personOf(each) !== person || each.sha256.slice(0, 16) !== id,
    )
    if (others.length < current.length) this.#keep(others)
    return others.length < current.length
  }

  end(secret: string): void {
    const key = digest(secret)
    this.#keep(this.#current().filter((each) => each.sha256 !== key))
  }

  #add(by: { token: string } | { account: z.infer<typeof Account> }): string {
    const secret = randomBytes(32).toString('base64url')
    const session = { sha256: digest(secret), endsAt: this.#clock.now() + SESSION_MS, ...by }
    this.#keep([...this.#current().slice(1 - MOST), session])
    return secret
  }

  #current(): readonly StoredSession[] {
    const now = this.#clock.now()
    return this.#sessions.filter((each) => each.endsAt > now)
  }

  /** What can't be written is good until this process ends. */
  #keep(sessions: readonly StoredSession[]): void {
    this.#sessions = sessions
    try {
      writeWhole(this.#path, JSON.stringify({ version: 1, sessions }))
    } catch (error) {
      this.#log(`inbox: ${this.#path}: ${messageOf(error)}`)
    }
  }

  /** A file that can't be read signs everybody out and nobody in. */
  #read(): readonly StoredSession[] {
    try {
      return File.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).sessions
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      this.#log(`inbox: everybody has to sign in again: ${this.#path}: ${messageOf(error)}`)
      return []
    }
  }
}

function accountOf({ issuer, subject }: SessionAccount): LinkedBy {
  return { issuer, subject }
}

function kindOf(session: StoredSession): ListedSession['by'] {
  return 'account' in session ? 'account' : 'token'
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}

/** Made from the cookie's secret, which no page can read, and of no use without it. */
function formTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('countersign form').digest('base64url')
}
