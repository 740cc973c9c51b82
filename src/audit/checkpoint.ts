import { type KeyObject, sign, verify } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { CancelTimer, Clock } from '../lib/clock.ts'
import { keyId, loadCheckpointKey } from './checkpoint-key.ts'
import type { Trail } from './events.ts'

export interface CheckpointOptions {
  readonly everyMs: number
  /** Path of the key; made when it isn't there. */
  readonly keyPath: string
}

/** One line of `<chain>.checkpoints`: so many records, of which this was the last. */
export interface Checkpoint {
  readonly v: 1
  readonly chain: string
  readonly size: number
  /** SHA-256 (hex) of the line of record number `size`. */
  readonly head: string
  /** ISO 8601, UTC. */
  readonly time: string
  readonly key: string
  /** Ed25519, base64, over `signedText`. */
  readonly signature: string
}

export function checkpointPath(folder: string, chain: string): string {
  return join(folder, `${chain}.checkpoints`)
}

/** The lines that are signed; the first keeps the signature from meaning anything else. */
export function signedText(checkpoint: Omit<Checkpoint, 'v' | 'signature'>): Buffer {
  const { chain, size, head, time, key } = checkpoint
  return Buffer.from(`countersign audit checkpoint\n${chain}\n${size}\n${head}\n${time}\n${key}\n`)
}

export function isSignedBy(checkpoint: Checkpoint, key: KeyObject): boolean {
  const signature = Buffer.from(checkpoint.signature, 'base64')
  return checkpoint.key === keyId(key) && verify(null, signedText(checkpoint), key, signature)
}

/** Signs the head of a trail now and then, and when it closes. */
export class Checkpoints {
  readonly #trail: Trail
  readonly #path: string
  readonly #chain: string
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #key: KeyObject
  #size = 0
  #cancel: CancelTimer = () => undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(
    trail: Trail,
    where: { folder: string; name: string; clock: Clock },
    everyMs: number,
    key: KeyObject,
  ) {
    this.#trail = trail
    this.#path = checkpointPath(where.folder, where.name)
    this.#chain = where.name
    this.#clock = where.clock
    this.#everyMs = everyMs
    this.#key = key
  }

  static async start(
    trail: Trail,
    where: { folder: string; name: string; clock: Clock },
    { everyMs, keyPath }: CheckpointOptions,
  ): Promise<Checkpoints> {
    const checkpoints = new Checkpoints(trail, where, everyMs, await loadCheckpointKey(keyPath))
    await checkpoints.#write()
    checkpoints.#schedule()
    return checkpoints
  }

  stop(): void {
    this.#cancel()
  }

  /** The last checkpoint covers everything. */
  async close(): Promise<void> {
    this.stop()
    await this.#writing
    await this.#write()
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(this.#everyMs, () => {
      // A trail in trouble says so itself; the next checkpoint covers what this one would have.
      this.#writing = this.#write().catch(() => undefined)
      this.#schedule()
    })
  }

  /** Only what is on disk is signed, so that a checkpoint never promises more than a crash leaves. */
  async #write(): Promise<void> {
    const { sequence: size, hash: head } = this.#trail.head
    if (size === this.#size) return
    await this.#trail.durable(size)
    const time = new Date(this.#clock.now()).toISOString()
    const unsigned = { chain: this.#chain, size, head, time, key: keyId(this.#key) }
    const signature = sign(null, signedText(unsigned), this.#key).toString('base64')
    await appendLine(this.#path, JSON.stringify({ v: 1, ...unsigned, signature }))
    this.#size = size
  }
}

/** Begins with a line feed where an earlier line was torn, so that it can't spoil this one. */
async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+', 0o600)
  try {
    const { size } = await file.stat()
    const last = Buffer.alloc(1)
    if (size > 0) await file.read(last, 0, 1, size - 1)
    const separator = size > 0 && last[0] !== 0x0a ? '\n' : ''
    await file.appendFile(`${separator}${line}\n`)
    await file.datasync()
  } finally {
    await file.close()
  }
}
