import type { AuditEvent } from '../../src/audit/events.ts'
import { diskOps, type FileOps } from '../../src/audit/file-ops.ts'
import type { Clock } from '../../src/lib/clock.ts'

/** A clock that stands still until it is told to go on. */
export class StillClock implements Clock {
  #now = Date.UTC(2026, 0, 2, 3, 4, 5, 6)
  #timers: { at: number; fire: () => void }[] = []

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
  }

  /** Fires what is due; what that schedules is due at the next call. */
  advance(ms: number): void {
    this.#now += ms
    const due = this.#timers.filter((timer) => timer.at <= this.#now)
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now)
    for (const { fire } of due) fire()
  }
}

/** The disk, until a test breaks it. */
export class FaultyOps implements FileOps {
  /** Bytes that may still be written before the disk is full. */
  room = Number.POSITIVE_INFINITY
  syncFails = false
  createFails = false
  syncs = 0
  /** Files that are open now. */
  open = 0
  /** Held back while this is set; each sync waits for it. */
  gate: Promise<void> | null = null

  create(path: string): number {
    if (this.createFails) throw coded('EROFS')
    const fd = diskOps.create(path)
    this.open++
    return fd
  }

  write(fd: number, bytes: Buffer, offset: number): number {
    const length = Math.min(bytes.length - offset, this.room)
    if (length <= 0) throw coded('ENOSPC')
    this.room -= length
    return diskOps.write(fd, bytes.subarray(0, offset + length), offset)
  }

  async sync(fd: number): Promise<void> {
    this.syncs++
    await this.gate
    if (this.syncFails) throw coded('EIO')
    await diskOps.sync(fd)
  }

  syncFolder(path: string): Promise<void> {
    return diskOps.syncFolder(path)
  }

  close(fd: number): void {
    diskOps.close(fd)
    this.open--
  }

  unlink(path: string): void {
    diskOps.unlink(path)
  }
}

function coded(code: string): Error {
  return Object.assign(new Error(`${code}: /secret/path`), { code })
}

export function event(reason: string): AuditEvent {
  return {
    type: 'session.closed',
    session: 's1',
    reason,
    statements: 1,
    bytesIn: 2,
    bytesOut: 3,
    ms: 4,
  }
}

/** The record that is written most. */
export const intent: Extract<AuditEvent, { type: 'statement.intent' }> = {
  type: 'statement.intent',
  session: 's"1',
  statement: 7,
  actor: {
    agent: 'bot',
    owners: ['ana@example.com'],
    onBehalfOf: null,
    address: '::1',
    tls: null,
    applicationName: 'a\n"b',
  },
  target: { system: 'postgresql', database: 'shop', environment: null },
  stmt: {
    verb: 'SELECT',
    sql: 'SELECT ?',
    sha256: 'x',
    fingerprint: 'y',
    effects: [{ effect: 'read', reason: 'reads data' }],
    tables: [],
    classes: [],
    transaction: 'idle',
  },
  parametersHmac: null,
  decision: 'allowed',
  policy: 'f00d',
  rules: ['default'],
  approval: null,
}
