import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeWhole } from '../lib/write-whole.ts'
import { UsageError } from './usage-error.ts'

const Session = z.object({ token: z.string(), person: z.string(), expiresAt: z.string() })
const File = z.object({ version: z.literal(1), sessions: z.record(z.string(), Session) })
export type StoredSession = z.infer<typeof Session>

/**
 * Who is logged in at which proxy: `~/.config/countersign/sessions.json` (0600), or under
 * XDG_CONFIG_HOME. A token is sent to the origin that gave it and to no other.
 */
export class SessionFile {
  readonly #path: string

  /** Throws UsageError where the environment names no home. */
  constructor(env: Readonly<Record<string, string | undefined>>) {
    const { XDG_CONFIG_HOME: config, HOME: home } = env
    if (!config && !home) throw new UsageError('HOME is not set: nobody knows where to keep it')
    const folder = config ? config : join(home ?? '', '.config')
    this.#path = join(folder, 'countersign', 'sessions.json')
  }

  find(url: string): StoredSession | undefined {
    return this.#read()[new URL(url).origin]
  }

  put(url: string, session: StoredSession): void {
    this.#write({ ...this.#read(), [new URL(url).origin]: session })
  }

  remove(url: string): void {
    const { [new URL(url).origin]: _, ...others } = this.#read()
    this.#write(others)
  }

  #write(sessions: Readonly<Record<string, StoredSession>>): void {
    writeWhole(this.#path, `${JSON.stringify({ version: 1, sessions }, null, 2)}\n`)
  }

  #read(): Readonly<Record<string, StoredSession>> {
    try {
      return File.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).sessions
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw new UsageError(`${this.#path} can't be read; remove it and log in again`)
    }
  }
}
