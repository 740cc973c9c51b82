import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { PersonTokens } from '../../identity/person-tokens.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'

/** A working day: then a person signs in again, whatever they do meanwhile. */
export const SESSION_MS = 12 * 60 * 60 * 1000
/** The oldest go first; nobody has so many browsers. */
const MOST = 1_000

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const File = z.object({
  version: z.literal(1),
  sessions: z.array(z.object({ sha256, token: sha256, endsAt: z.number() })),
})
type StoredSession = z.infer<typeof File>['sessions'][number]

export interface WebSession {
  /** E-mail address. */
  readonly person: string
  /** What every form of this session carries, so that no other page can post one. */
  readonly formToken: string
}

/**
 * Who is signed in to the inbox. A session is 32 random bytes in a cookie; only their SHA-256 is
 * kept, in `<data>/sessions.json` (0600), so that a restart of the control process signs nobody out.
 * It ends with its time, with signing out, or when its token isn't good any more.
 */
export class WebSessions {
  readonly #path: string
  readonly #tokens: PersonTokens
  readonly #clock: Clock
  readonly #log: (text: string) => void
  #sessions: readonly StoredSession[]
  #writing: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly data: string
    readonly tokens: PersonTokens
    readonly clock: Clock
    readonly log: (text: string) => void
  }) {
    this.#path = join(options.data, 'sessions.json')
    this.#tokens = options.tokens
    this.#clock = options.clock
    this.#log = options.log
    this.#sessions = this.#read()
  }

  /** Begins a session with a person's token: the cookie's value, or null for no token of ours. */
  async begin(token: string): Promise<string | null> {
    if (this.#tokens.authenticate(token) === null) return null
    const secret = randomBytes(32).toString('base64url')
    const endsAt = this.#clock.now() + SESSION_MS
    const session = { sha256: digest(secret), token: digest(token), endsAt }
    await this.#keep([...this.#current().slice(1 - MOST), session])
    return secret
  }

  find(secret: string): WebSession | null {
    const key = digest(secret)
    const session = this.#current().find((each) => each.sha256 === key)
    if (!session) return null
    const person = this.#tokens.holderOf(Buffer.from(session.token, 'hex'))
    return person === null ? null : { person, formToken: formTokenOf(secret) }
  }

  end(secret: string): Promise<void> {
    const key = digest(secret)
    return this.#keep(this.#current().filter((each) => each.sha256 !== key))
  }

  #current(): readonly StoredSession[] {
    const now = this.#clock.now()
    return this.#sessions.filter((each) => each.endsAt > now)
  }

  /** What can't be written is good until this process ends. */
  #keep(sessions: readonly StoredSession[]): Promise<void> {
    this.#sessions = sessions
    this.#writing = this.#writing
      .then(() => this.#write())
      .catch((error: unknown) => this.#log(`inbox: ${this.#path}: ${messageOf(error)}`))
    return this.#writing
  }

  async #write(): Promise<void> {
    const temporary = `${this.#path}.tmp`
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(JSON.stringify({ version: 1, sessions: this.#sessions }))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
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

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}

/** Made from the cookie's secret, which no page can read, and of no use without it. */
function formTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('countersign form').digest('base64url')
}
