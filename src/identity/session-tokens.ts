import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { writeWhole } from '../lib/write-whole.ts'

/** A working day: then a person signs in again. */
export const TOKEN_MS = 8 * 60 * 60 * 1000
/** The oldest go first. */
const MOST = 1_000

const Token = z.object({
  /** What it is called where they are listed; opens nothing. */
  id: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  person: z.string().min(1),
  issuer: z.string(),
  subject: z.string(),
  createdAt: z.number(),
  endsAt: z.number(),
})
const File = z.object({ version: z.literal(1), tokens: z.array(Token) })
export type SessionToken = Readonly<z.infer<typeof Token>>

const SHAPE = /^css_[A-Za-z0-9_-]{43}$/

/**
 * Tokens of the command line, `css_...`: given to whoever signed in at the identity provider, for
 * eight hours. Only their SHA-256 is kept, in `<data>/session-tokens.json` (0600).
 */
export class SessionTokens {
  readonly #path: string
  readonly #clock: Clock
  readonly #isTheirs: (token: SessionToken) => boolean
  readonly #log: (text: string) => void
  #tokens: readonly SessionToken[]

  constructor(options: {
    readonly data: string
    readonly clock: Clock
    /** Whether the account is still that person's. */
    readonly isTheirs: (token: SessionToken) => boolean
    readonly log: (text: string) => void
  }) {
    this.#path = join(options.data, 'session-tokens.json')
    this.#clock = options.clock
    this.#isTheirs = options.isTheirs
    this.#log = options.log
    this.#tokens = this.#read()
  }

  /** Makes a token and returns it; it is given out this once. Throws where it can't be kept. */
  add(account: Pick<SessionToken, 'person' | 'issuer' | 'subject'>): {
    readonly token: string
    readonly endsAt: number
  } {
    const token = `css_${randomBytes(32).toString('base64url')}`
    const createdAt = this.#clock.now()
    const endsAt = createdAt + TOKEN_MS
    const { person, issuer, subject } = account
    const id = randomBytes(6).toString('hex')
    const added = { ...{ id, sha256: digest(token), person, issuer, subject }, createdAt, endsAt }
    this.#keep([...this.#current().slice(1 - MOST), added])
    return { token, endsAt }
  }

  /** What is known of a token that is good, or null. */
  find(token: string): SessionToken | null {
    if (!SHAPE.test(token)) return null
    const key = digest(token)
    const found = this.#current().find(({ sha256 }) => sha256 === key)
    return found && this.#isTheirs(found) ? found : null
  }

  /** Those of a person that are good, newest first. */
  of(person: string): readonly SessionToken[] {
    return this.#current()
      .filter((each) => each.person === person && this.#isTheirs(each))
      .reverse()
  }

  /** Ends one of a person's; false where it is none of theirs. */
  end(person: string, id: string): boolean {
    const others = this.#current().filter((each) => each.person !== person || each.id !== id)
    const ended = others.length < this.#current().length
    if (ended) this.#keep(others)
    return ended
  }

  #current(): readonly SessionToken[] {
    const now = this.#clock.now()
    return this.#tokens.filter(({ endsAt }) => endsAt > now)
  }

  #keep(tokens: readonly SessionToken[]): void {
    writeWhole(this.#path, JSON.stringify({ version: 1, tokens }))
    this.#tokens = tokens
  }

  /** A file that can't be read signs everybody out and nobody in. */
  #read(): readonly SessionToken[] {
    try {
      return File.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).tokens
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      this.#log(`session tokens: everybody has to log in again: ${this.#path}: ${messageOf(error)}`)
      return []
    }
  }
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
