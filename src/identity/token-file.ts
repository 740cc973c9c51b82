import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'

const LOCK_TRIES = 100
const LOCK_WAIT_MS = 20
const LOCK_STALE_MS = 10_000

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

export interface StoredToken {
  readonly holder: string
  /** Hex. */
  readonly sha256: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** Who made it, where that was said. */
  readonly createdBy?: string | undefined
}

/**
 * Tokens of one kind: a prefix and 32 random bytes in base64url (RFC 4648, section 5). Only their
 * SHA-256 is kept (0600), so the file gives nobody a token.
 */
export class TokenFile {
  readonly #path: string
  readonly #prefix: string
  readonly #shape: RegExp
  readonly #holder: string
  readonly #clock: Clock
  #tokens: readonly StoredToken[] = []
  #stamp = ''
  #trouble: string | null = null

  /** `holder`: what the file calls those whose tokens they are. */
  constructor(options: {
    readonly path: string
    readonly prefix: string
    readonly holder: string
    readonly clock: Clock
  }) {
    this.#path = options.path
    this.#prefix = options.prefix
    this.#shape = new RegExp(`^${options.prefix}[A-Za-z0-9_-]{43}$`)
    this.#holder = options.holder
    this.#clock = options.clock
  }

  /** Why the file can't be read, or null. While it can't, no token is good. */
  get trouble(): string | null {
    return this.#trouble
  }

  /**
   * Makes a token and returns it; it is shown this once. It works at once in a running proxy.
   * `keep`: so many of the holder's others stay good, the newest.
   */
  async add(
    holder: string,
    { createdBy, keep }: { readonly createdBy?: string; readonly keep?: number } = {},
  ): Promise<string> {
    const token = this.#prefix + randomBytes(32).toString('base64url')
    const createdAt = new Date(this.#clock.now()).toISOString()
    const added = { holder, sha256: digest(token).toString('hex'), createdAt, createdBy }
    await this.#change((tokens) => {
      const mine = tokens.filter((each) => each.holder === holder)
      const ended = keep === undefined ? [] : mine.slice(0, Math.max(0, mine.length - keep))
      return [...tokens.filter((each) => !ended.includes(each)), added]
    })
    return token
  }

  /** Ends all tokens of a holder; returns how many there were. */
  async revoke(holder: string): Promise<number> {
    let ended = 0
    await this.#change((tokens) => {
      const others = tokens.filter((each) => each.holder !== holder)
      ended = tokens.length - others.length
      return others
    })
    return ended
  }

  /** All tokens of a holder that are good. */
  of(holder: string): readonly StoredToken[] {
    this.#refresh()
    return this.#tokens.filter((each) => each.holder === holder)
  }

  /** What is known of a token, or null where it is none of these. */
  find(token: string): StoredToken | null {
    return this.#shape.test(token) ? this.findDigest(digest(token)) : null
  }

  /** The same, of a token's SHA-256. */
  findDigest(given: Buffer): StoredToken | null {
    this.#refresh()
    let found: StoredToken | null = null
    // Compares with all of them, so that the time taken tells nothing about which one came near.
    for (const stored of this.#tokens) {
      if (timingSafeEqual(given, Buffer.from(stored.sha256, 'hex'))) found = stored
    }
    return found
  }

  /** Reads the file again where it isn't the one that was read last. */
  #refresh(): void {
    const stamp = stampOf(this.#path)
    if (stamp === this.#stamp && this.#trouble === null) return
    try {
      this.#tokens = this.#parse()
      this.#trouble = null
      this.#stamp = stamp
    } catch (error) {
      this.#tokens = []
      this.#trouble = `${this.#path}: ${messageOf(error)}`
    }
  }

  #parse(): readonly StoredToken[] {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    const holder = this.#holder
    const entry = z
      .object({ [holder]: z.string().min(1) })
      .and(z.object({ sha256, createdAt: z.string(), createdBy: z.string().optional() }))
    const file = z.object({ version: z.literal(1), tokens: z.array(entry) })
    const parsed = file.safeParse(JSON.parse(text))
    if (!parsed.success) throw new Error('this is not a file of tokens')
    return parsed.data.tokens.map((token) => ({ ...token, holder: String(token[holder]) }))
  }

  async #change(change: (tokens: readonly StoredToken[]) => readonly StoredToken[]): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const unlock = await this.#lock()
    try {
      await this.#write(change(this.#parse()))
    } finally {
      await unlock()
    }
  }

  /** A reader sees the old file or the new one, never half of one, whenever the power fails. */
  async #write(all: readonly StoredToken[]): Promise<void> {
    const tokens = all.map(({ holder, sha256, createdAt, createdBy }) => ({
      [this.#holder]: holder,
      ...{ sha256, createdAt, createdBy },
    }))
    const temporary = `${this.#path}.${randomBytes(6).toString('hex')}.tmp`
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, tokens }, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
    const folder = await open(dirname(this.#path))
    await folder.sync().finally(() => folder.close())
  }

  /** Two commands that change the file at the same moment would lose what one of them did. */
  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.#path}.lock`
    for (let tried = 0; tried < LOCK_TRIES; tried++) {
      try {
        await (await open(path, 'wx', 0o600)).close()
        return () => rm(path, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      await this.#breakStaleLock(path)
      await new Promise<void>((resolve) => this.#clock.after(LOCK_WAIT_MS, resolve))
    }
    throw new Error(`${path} is in the way: another command is adding a token`)
  }

  async #breakStaleLock(path: string): Promise<void> {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (this.#clock.now() - mtimeMs > LOCK_STALE_MS) await rm(path, { force: true })
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function stampOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found ? `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}` : 'none'
}
