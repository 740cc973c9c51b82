import { messageOf } from '../lib/errors.ts'
import type { FileOps } from './file-ops.ts'
import { newSegmentPath } from './segments.ts'

/** One open file of a chain. */
export class SegmentFile {
  readonly #ops: FileOps
  readonly #folder: string
  readonly #path: string
  readonly #fd: number
  readonly openedAt: number
  #size = 0
  #inFolder = false
  #open = true

  private constructor(ops: FileOps, folder: string, path: string, openedAt: number) {
    this.#ops = ops
    this.#folder = folder
    this.#path = path
    this.#fd = ops.create(path)
    this.openedAt = openedAt
  }

  static create(
    ops: FileOps,
    folder: string,
    chain: string,
    first: number,
    now: number,
  ): SegmentFile {
    const path = newSegmentPath(folder, chain, first)
    if (!path) throw new Error(`too many broken segments begin with record ${first}`)
    return new SegmentFile(ops, folder, path, now)
  }

  get size(): number {
    return this.#size
  }

  /** Writes all of it, or throws and may have written a part. */
  write(lines: readonly Buffer[]): void {
    const bytes = lines.length === 1 && lines[0] ? lines[0] : Buffer.concat(lines)
    for (let offset = 0; offset < bytes.length; ) {
      const taken = this.#ops.write(this.#fd, bytes, offset)
      if (taken <= 0) throw new Error('the disk takes nothing')
      offset += taken
      this.#size += taken
    }
  }

  /** The name of a new file has to reach the disk too, or the file is lost with the power. */
  async sync(): Promise<void> {
    await this.#ops.sync(this.#fd)
    if (this.#inFolder) return
    await this.#ops.syncFolder(this.#folder)
    this.#inFolder = true
  }

  /** Never throws: whatever a close could still report, a sync has reported before. */
  close(): string | null {
    if (!this.#open) return null
    this.#open = false
    try {
      this.#ops.close(this.#fd)
      return null
    } catch (error) {
      return messageOf(error)
    }
  }

  /** Closes a file that nothing relies on, and removes it where that is possible. */
  discard(): void {
    this.close()
    try {
      this.#ops.unlink(this.#path)
    } catch {
      // The next attempt takes another name.
    }
  }
}
