import type { CancelTimer, Clock } from '../lib/clock.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import { newId } from '../lib/ids.ts'
import { type CheckpointOptions, Checkpoints } from './checkpoint.ts'
import type { AuditEvent, Trail } from './events.ts'
import { diskOps, type FileOps } from './file-ops.ts'
import { RecentLines } from './recent-lines.ts'
import { formatRecord, lineHash } from './record.ts'
import { recoverChain } from './recover.ts'
import { SegmentFile } from './segment-file.ts'
import type { TrailLock } from './trail-lock.ts'
import { Waiters } from './waiters.ts'

const RETRY_MS = 1_000
/** What nobody waits for is handed to the system after this long. */
const LAZY_FLUSH_MS = 5
/** Events that are gathered before they are appended, whatever the time. */
const MOST_LATE = 1_000
/** What nobody waits for is synced after this long, or when this much has gathered. */
const LAZY_SYNC_MS = 1_000
const LAZY_SYNC_BYTES = 4 * 1024 * 1024
/** Beyond this a disk that has stalled counts as one that can't be written. */
const MOST_UNSYNCED_BYTES = 64 * 1024 * 1024

export interface TrailOptions {
  readonly folder: string
  /** Of the chain, a word in small letters: each process writes its own. */
  readonly name: string
  readonly clock: Clock
  /** Of Countersign, for the first record. */
  readonly version: string
  /** The hash of the configuration, for the first record. */
  readonly config?: string
  /** A new segment begins past this size; 64 MiB when left out. */
  readonly maxBytes?: number
  /** And past this age; a day when left out. */
  readonly rotateMs?: number
  readonly checkpoints?: CheckpointOptions
  readonly ops?: FileOps
}

/** Where a trail ends: the number of its last record, and the bytes up to there. */
interface End {
  readonly sequence: number
  readonly position: number
}

/** A trail in files; openTrail makes it. */
export class FileTrail implements Trail {
  readonly #options: TrailOptions
  readonly #ops: FileOps
  readonly #lock: TrailLock
  readonly #id = newId()
  #checkpoints: Checkpoints | null = null
  #sequence: number
  #hash: string
  /** The last line, while its hash hasn't been made. */
  #unhashed: Buffer | null = null
  /** Everything up to here is on disk. */
  #synced: number
  #segment: SegmentFile | null = null
  /** Segments that were left full, or in error, and are closed once no sync runs on them. */
  #retired: SegmentFile[] = []
  /** The number of the first record that hasn't been handed to the system. */
  #firstUnwritten: number
  readonly #lines = new RecentLines()
  readonly #waiters = new Waiters()
  #syncing: Promise<void> | null = null
  #cancelLazyFlush: CancelTimer | null = null
  /** What is to be appended with others. */
  #late: AuditEvent[] = []
  #cancelLazySync: CancelTimer | null = null
  #cancelRetry: CancelTimer | null = null
  #trouble: string | null = null
  #retrying: Promise<boolean> | null = null
  #closing: Promise<void> | null = null
  /** The last record has been appended. */
  #ended = false

  private constructor(
    options: TrailOptions,
    lock: TrailLock,
    end: { sequence: number; hash: string },
  ) {
    this.#options = options
    this.#ops = options.ops ?? diskOps
    this.#lock = lock
    this.#sequence = end.sequence
    this.#synced = end.sequence
    this.#firstUnwritten = end.sequence + 1
    this.#hash = end.hash
  }

  static async open(options: TrailOptions, lock: TrailLock): Promise<FileTrail> {
    const { folder, name, version, config = '', checkpoints } = options
    const end = recoverChain(folder, name)
    const trail = new FileTrail(options, lock, end)
    try {
      trail.append({ type: 'trail.opened', version, config })
      if (end.tornBytes > 0) {
        const cause = 'a torn line at the end of the chain was moved aside'
        trail.append({ type: 'trail.recovered', cause, tornBytes: end.tornBytes })
      }
      await trail.durable(trail.#sequence)
      if (checkpoints) trail.#checkpoints = await Checkpoints.start(trail, options, checkpoints)
      return trail
    } catch (error) {
      trail.#giveUp()
      throw error
    }
  }

  get trouble(): string | null {
    return this.#trouble
  }

  get head(): { readonly sequence: number; readonly hash: string } {
    return { sequence: this.#sequence, hash: this.#headHash() }
  }

  append(event: AuditEvent): number {
    this.#requireWritable()
    if (event.type !== 'statement.intent') this.#appendLate()
    return this.#append(event)
  }

  later(event: AuditEvent): void {
    this.#requireWritable()
    this.#late.push(event)
    if (this.#late.length >= MOST_LATE) this.#appendLate()
    else this.#scheduleFlush()
  }

  catchUp(): void {
    this.#headHash()
  }

  #appendLate(): void {
    if (this.#late.length === 0) return
    const late = this.#late
    this.#late = []
    for (const event of late) this.#append(event)
  }

  #append(event: AuditEvent): number {
    const sequence = this.#sequence + 1
    const frame = { id: `${this.#id}.${sequence}`, seq: sequence, prev: this.#headHash() }
    const line = formatRecord(frame, this.#options.clock.now(), event)
    this.#unhashed = this.#lines.append(line)
    this.#sequence = sequence
    this.#scheduleFlush()
    return sequence
  }

  flush(): void {
    if (this.#trouble !== null) throw unavailable(this.#trouble)
    if (!this.#lines.anyUnwritten) return
    try {
      this.#currentSegment(this.#firstUnwritten).write(this.#lines.unwritten)
      this.#noneUnwritten()
    } catch (error) {
      this.#fail(error)
      throw unavailable(this.#trouble ?? messageOf(error))
    }
    if (this.#lines.unsyncedBytes > LAZY_SYNC_BYTES) this.#startSync()
    else this.#scheduleLazySync()
  }

  durable(sequence: number): Promise<void> {
    if (sequence <= this.#synced) return Promise.resolve()
    if (sequence > this.#sequence) return Promise.reject(new Error(`no record ${sequence} yet`))
    if (this.#trouble !== null) return Promise.reject(unavailable(this.#trouble))
    const done = this.#waiters.add(sequence)
    this.#startSync()
    return done
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #headHash(): string {
    if (this.#unhashed !== null) this.#hash = lineHash(this.#unhashed)
    this.#unhashed = null
    return this.#hash
  }

  #requireWritable(): void {
    if (this.#trouble !== null) throw unavailable(this.#trouble)
    if (this.#ended) throw unavailable('the trail is closed')
    if (this.#lines.unsyncedBytes > MOST_UNSYNCED_BYTES)
      throw unavailable('the disk does not keep up')
  }

  /** A timer for many lines: one for each would cost every statement a turn of the event loop. */
  #scheduleFlush(): void {
    this.#cancelLazyFlush ??= this.#options.clock.after(LAZY_FLUSH_MS, () => {
      this.#cancelLazyFlush = null
      // While there is trouble they are lost: an intent without outcome reads "outcome unknown".
      if (this.#trouble === null) this.#appendLate()
      this.#late = []
      this.#flushQuietly()
    })
  }

  /** An error is kept in `trouble`, where whoever appends next meets it. */
  #flushQuietly(): boolean {
    try {
      this.flush()
      return true
    } catch {
      return false
    }
  }

  #scheduleLazySync(): void {
    this.#cancelLazySync ??= this.#options.clock.after(LAZY_SYNC_MS, () => {
      this.#cancelLazySync = null
      this.#startSync()
    })
  }

  #noneUnwritten(): void {
    this.#lines.markWritten()
    this.#firstUnwritten = this.#sequence + 1
  }

  /** The segment to write to: a new one where there is none yet, or it is large or old. */
  #currentSegment(first: number): SegmentFile {
    const {
      folder,
      name,
      clock,
      maxBytes = 64 * 1024 * 1024,
      rotateMs = 86_400_000,
    } = this.#options
    const old = this.#segment
    const full = old && (old.size >= maxBytes || clock.now() - old.openedAt >= rotateMs)
    if (old && !full) return old
    const segment = SegmentFile.create(this.#ops, folder, name, first, clock.now())
    if (old) this.#retired.push(old)
    this.#segment = segment
    return segment
  }

  #startSync(): void {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = null
      this.#closeRetired()
      // Someone may have begun to wait after the loop had looked for the last time.
      if (this.#waiters.any && this.#trouble === null) this.#startSync()
    })
  }

  /** Group commit: whoever waits while a sync runs is served by the next one. */
  async #sync(): Promise<void> {
    do {
      if (!this.#flushQuietly()) return
      const target = this.#end()
      const full = [...this.#retired]
      try {
        await Promise.all([...full, this.#segment].map((segment) => segment?.sync()))
      } catch (error) {
        this.#fail(error)
      }
      if (this.#trouble !== null) return
      for (const segment of full) segment.close()
      this.#retired = this.#retired.filter((segment) => !full.includes(segment))
      this.#settle(target)
    } while (this.#waiters.any)
  }

  #end(): End {
    return { sequence: this.#sequence, position: this.#lines.end }
  }

  #settle({ sequence, position }: End): void {
    this.#synced = sequence
    this.#lines.settle(position)
    this.#waiters.settle(sequence)
  }

  #closeRetired(): void {
    if (this.#trouble === null) return
    for (const segment of this.#retired) segment.close()
    this.#retired = []
  }

  /**
   * After an error the state of a file is unknown, of a sync most of all: the next one on the same
   * descriptor may succeed without having written anything. So it is never used again, and what
   * isn't known to be on disk goes into another segment.
   */
  #fail(error: unknown): void {
    if (this.#trouble !== null) return
    this.#trouble = `the audit trail can't be written: ${messageOf(error)}`
    if (this.#segment) this.#retired.push(this.#segment)
    this.#segment = null
    // It is written again with what was.
    this.#noneUnwritten()
    if (!this.#syncing) this.#closeRetired()
    this.#waiters.fail(unavailable(this.#trouble))
    this.#scheduleRetry()
  }

  #scheduleRetry(): void {
    if (this.#closing !== null) return
    this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => {
      this.#cancelRetry = null
      void this.#retry()
    })
  }

  #retry(): Promise<boolean> {
    this.#retrying ??= this.#writeAgain().finally(() => {
      this.#retrying = null
    })
    return this.#retrying
  }

  /** Nothing is appended while there is trouble, so what has to be written stands still. */
  async #writeAgain(): Promise<boolean> {
    await this.#syncing
    const { folder, name, clock } = this.#options
    const first = this.#synced + 1
    let segment: SegmentFile | null = null
    try {
      segment = SegmentFile.create(this.#ops, folder, name, first, clock.now())
      segment.write(this.#lines.unsynced)
      await segment.sync()
    } catch (error) {
      segment?.discard()
      this.#trouble = `the audit trail can't be written: ${messageOf(error)}`
      this.#scheduleRetry()
      return false
    }
    this.#resume(segment)
    return true
  }

  #resume(segment: SegmentFile): void {
    const cause = this.#trouble ?? ''
    this.#segment = segment
    this.#trouble = null
    this.#settle(this.#end())
    this.append({ type: 'trail.recovered', cause, tornBytes: 0 })
  }

  async #close(): Promise<void> {
    this.#cancelRetry?.()
    try {
      if (this.#trouble !== null && !(await this.#retry())) throw unavailable(this.#trouble)
      const last = this.append({ type: 'trail.closed' })
      this.#ended = true
      await this.durable(last)
      await this.#checkpoints?.close()
    } finally {
      this.#giveUp()
      await this.#lock.release()
    }
  }

  #giveUp(): void {
    this.#checkpoints?.stop()
    this.#cancelRetry?.()
    this.#cancelLazySync?.()
    this.#cancelLazySync = null
    this.#cancelLazyFlush?.()
    this.#cancelLazyFlush = null
    this.#ended = true
    this.#trouble ??= 'the trail is closed'
    for (const segment of [...this.#retired, ...(this.#segment ? [this.#segment] : [])]) {
      segment.close()
    }
    this.#retired = []
    this.#segment = null
  }
}

/** The agent is told that, not why: the cause names paths of this machine. */
function unavailable(trouble: string): ProxyError {
  return new ProxyError(
    'AUDIT_UNAVAILABLE',
    'the audit trail can not be written, so nothing runs',
    {
      cause: trouble,
    },
  )
}
