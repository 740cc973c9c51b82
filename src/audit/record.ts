import { hash } from 'node:crypto'
import type { AuditEvent } from './events.ts'

/** `prev` of the first record of a chain. */
export const GENESIS = '0'.repeat(64)

/** What every line has beside its event. */
export interface RecordFrame {
  readonly v: 1
  /** Unique over all trails: a name for this opening of the trail, and the number. */
  readonly id: string
  readonly seq: number
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string
  readonly type: AuditEvent['type']
  /** SHA-256 (hex) of the line before, without its line feed. */
  readonly prev: string
}

export function lineHash(line: string | Buffer): string {
  return hash('sha256', line, 'hex')
}

/**
 * One line, without its line feed. `id` is the record's own; the id of an approval stands at
 * approval.id, in events about approvals as in those of statements.
 */
export function formatRecord(
  frame: Pick<RecordFrame, 'id' | 'seq' | 'prev'>,
  now: number,
  event: AuditEvent,
): string {
  const { id, seq, prev } = frame
  const time = new Date(now).toISOString()
  if (event.type === 'statement.intent') return formatIntent({ id, seq, time, prev }, event)
  if ('id' in event) {
    const { id: approval, type, ...rest } = event
    return JSON.stringify({ v: 1, id, seq, time, type, approval: { id: approval }, ...rest, prev })
  }
  return JSON.stringify({ v: 1, id, seq, time, ...event, prev })
}

/** Who, where and what are the same objects for many records: each is written once. */
const written = new WeakMap<object, string>()

function fragment(part: object): string {
  let text = written.get(part)
  if (text === undefined) {
    text = JSON.stringify(part)
    written.set(part, text)
  }
  return text
}

/** What `formatRecord` gives for the most frequent event, put together from its parts. */
function formatIntent(
  { id, seq, time, prev }: Pick<RecordFrame, 'id' | 'seq' | 'time' | 'prev'>,
  event: Extract<AuditEvent, { type: 'statement.intent' }>,
): string {
  const { actor, target, stmt, decision, policy, rules, approval } = event
  const head = JSON.stringify({ v: 1, id, seq, time, type: event.type, session: event.session })
  const tail = JSON.stringify({ decision, policy, rules, approval, prev })
  const parts = `"actor":${fragment(actor)},"target":${fragment(target)},"stmt":${fragment(stmt)}`
  return `${head.slice(0, -1)},"statement":${event.statement},${parts},${tail.slice(1)}`
}

/** The frame of a line; null where it isn't a record. */
export function parseFrame(line: string): (RecordFrame & Record<string, unknown>) | null {
  try {
    const record = JSON.parse(line)
    const sound =
      record !== null &&
      typeof record === 'object' &&
      Number.isSafeInteger(record.seq) &&
      record.seq > 0 &&
      typeof record.prev === 'string' &&
      typeof record.type === 'string'
    return sound ? record : null
  } catch {
    return null
  }
}
