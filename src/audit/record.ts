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
  const time = isoTime(now)
  switch (event.type) {
    case 'statement.intent':
    case 'statement.outcome': {
      const { type } = event
      const head = `{"v":1,"id":${text(id)},"seq":${seq},"time":"${time}","type":"${type}"`
      const session = `"session":${text(event.session)},"statement":${event.statement}`
      const rest = type === 'statement.intent' ? formatIntent(event) : formatOutcome(event)
      return `${head},${session},${rest},"prev":${text(prev)}}`
    }
    case 'statement.refused': {
      const { stmt, parametersHmac, ...rest } = event
      return JSON.stringify({
        v: 1,
        id,
        seq,
        time,
        ...rest,
        stmt: { ...stmt, parametersHmac },
        prev,
      })
    }
    default: {
      if (!('id' in event)) return JSON.stringify({ v: 1, id, seq, time, ...event, prev })
      const { id: approval, type, ...rest } = event
      return JSON.stringify({
        v: 1,
        id,
        seq,
        time,
        type,
        approval: { id: approval },
        ...rest,
        prev,
      })
    }
  }
}

/** Most of what is quoted holds nothing to be escaped. */
const PLAIN = /^[\w .:;,@/+*=()[\]-]*$/

function text(value: string): string {
  return value.length < 256 && PLAIN.test(value) ? `"${value}"` : JSON.stringify(value)
}

let shownTime = { ms: Number.NaN, iso: '' }

function isoTime(ms: number): string {
  if (ms !== shownTime.ms) shownTime = { ms, iso: new Date(ms).toISOString() }
  return shownTime.iso
}

/** Who, where and what are the same objects for many records: each is written once. */
const written = new WeakMap<object, string>()

function fragment(part: object): string {
  let json = written.get(part)
  if (json === undefined) {
    json = JSON.stringify(part)
    written.set(part, json)
  }
  return json
}

function formatIntent(event: Extract<AuditEvent, { type: 'statement.intent' }>): string {
  const { actor, target, stmt, parametersHmac, decision, policy, rules, approval } = event
  const who = `"actor":${fragment(actor)},"target":${fragment(target)}`
  const hmac = parametersHmac === null ? 'null' : text(parametersHmac)
  const what = `"stmt":${fragment(stmt).slice(0, -1)},"parametersHmac":${hmac}}`
  const why = `"decision":"${decision}","policy":${text(policy)},"rules":${fragment(rules)}`
  return `${who},${what},${why},"approval":${JSON.stringify(approval)}`
}

function formatOutcome(event: Extract<AuditEvent, { type: 'statement.outcome' }>): string {
  const { sqlState, rows, bytes, ms, masked } = event
  const state = sqlState === null ? 'null' : text(sqlState)
  const counted = `"rows":${rows},"bytes":${bytes},"ms":${ms}`
  return `"sqlState":${state},${counted},"masked":${masked.length === 0 ? '[]' : fragment(masked)}`
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
