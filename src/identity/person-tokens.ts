import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { sameName } from './directory.ts'

const PREFIX = 'cst_'
/** 32 random bytes in base64url (RFC 4648, section 5) are 43 characters. */
const SHAPE = /^cst_[A-Za-z0-9_-]{43}$/
const LOCK_TRIES = 100
const LOCK_WAIT_MS = 20
const LOCK_STALE_MS = 10_000

const File = z.object({
  version: z.literal(1),
  tokens: z.array(
    z.object({
      person: z.string().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      createdAt: z.string(),
    }),
  ),
})
type StoredToken = z.infer<typeof File>['tokens'][number]

/**
 * Tokens with which people use the HTTP API: `cst_` and 32 random bytes in base64url. Only their
 * SHA-256 is kept, in `<data>/tokens.json` (0600), so the file gives nobody a token.
 */
export class PersonTokens {
  readonly #path: string
  readonly #clock: Clock
  #tokens: readonly StoredToken[] = []
  #stamp = ''
  #trouble: string | null = null

  constructor(options: { readonly data: string; readonly clock: Clock }) {
    this.#path = join(options.data, 'tokens.json')
    this.#clock = options.clock
  }

  /** Why the file can't be read, or null. While it can't, no token is good. */
  get trouble(): string | null {
    return this.#trouble
  }

  /** Makes a token and returns it; it is shown this once. It works at once in a running proxy. */
  async add(person: string): Promise<string> {
    const token = PREFIX + randomBytes(32).toString('base64url')
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const unlock = await this.#lock()
    try {
      const tokens = this.#parse()
      const createdAt = new Date(this.#clock.now()).toISOString()
      const added = { person, sha256: digest(token).toString('hex'), createdAt }
      await this.#write([...tokens, added])
    } finally {
      await unlock()
    }
    return token
  }

  /** The e-mail address of the person whose token this is, or null. */
  authenticate(token: string): string | null {
    return SHAPE.test(token) ? this.holderOf(digest(token)) : null
  }

  /** The same, of a token's SHA-256: whether what was begun with a token may go on. */
  holderOf(given: Buffer): string | null {
    this.#refresh()
    let person: string | null = null
    // Compares with all of them, so that the time taken tells nothing about which one came near.
    for (const stored of this.#tokens) {
      if (timingSafeEqual(given, Buffer.from(stored.sha256, 'hex'))) person = stored.person
    }
    return person === null ? null : sameName(person)
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
    const parsed = File.safeParse(JSON.parse(text))
    if (!parsed.success) throw new Error('this is not a file of tokens')
    return parsed.data.tokens
  }

  /** A reader sees the old file or the new one, never half of one, whenever the power fails. */
  async #write(tokens: readonly StoredToken[]): Promise<void> {
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

  /** Two commands that add a token at the same moment would lose one of them. */
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
