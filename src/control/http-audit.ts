import { z } from 'zod'
import type { AuditEvent } from '../audit/events.ts'
import { readRecords, type TrailPosition, type TrailRecord } from '../audit/read-records.ts'
import { subjectOf } from '../cli/audit-records.ts'
import { fitsAny, partFits } from '../lib/pattern.ts'
import { channelOf } from './answer-channel.ts'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'
import { type Route, route } from './route.ts'

/** Records that one call looks at, and bytes that it answers with; the cursor goes on behind. */
const MAX_LOOKED_AT = 20_000
const MAX_BYTES = 4 * 1024 * 1024
/** Searches at a time; each reads files. */
const MAX_SEARCHES = 2

export interface AuditOptions {
  /** The trail's. */
  readonly folder: string
  /** Whoever looks at the trail is on it. Rejects with AUDIT_UNAVAILABLE. */
  readonly record: (event: AuditEvent) => Promise<void>
}

const time = z
  .string()
  .max(40)
  .refine((text) => !Number.isNaN(Date.parse(text)), 'write a time like 2026-01-31T10:00:00Z')
const AuditQuery = z.strictObject({
  agent: z.string().max(200).optional().describe('* matches.'),
  database: z.string().max(200).optional().describe('* matches.'),
  type: z.string().max(100).optional().describe('statement.refused, approval.*'),
  since: time.optional(),
  until: time.optional(),
  cursor: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,30}:\d{1,15}$/, 'give the `next` of the page before')
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
type Query = z.output<typeof AuditQuery>

export const AuditPage = z.object({
  records: z.array(
    z.object({
      chain: z.string().describe('Of which process: data or control.'),
      record: z.looseObject({
        v: z.literal(1),
        id: z.string(),
        seq: z.number(),
        time: z.string(),
        type: z.string(),
        prev: z.string(),
      }),
    }),
  ),
  next: z
    .string()
    .nullable()
    .describe('The cursor to go on with, also where a page is empty; null at the end.'),
})

/** GET /v1/audit: anybody who is listed may read the trail, and that they did is on it. */
export function auditRoutes(options: AuditOptions, callers: Callers): readonly Route[] {
  let searches = 0
  return [
    route({
      method: 'GET',
      path: '/v1/audit',
      who: 'person',
      summary: 'Search the audit trail: chain by chain, the oldest first',
      query: AuditQuery,
      answers: { 200: { says: 'A page', body: AuditPage } },
      errors: { 429: ['too_many_searches'] },
      handle: async ({ query, request }) => {
        if (searches >= MAX_SEARCHES) {
          throw new ApiError(429, 'too_many_searches', 'Others search already; try again soon.')
        }
        searches++
        try {
          const { cursor, limit: _, ...filters } = query
          const { email: person } = callers.person(request)
          const asked = { person, channel: channelOf(request), filters }
          if (cursor === undefined) await options.record({ type: 'audit.searched', ...asked })
          return await search(options, query)
        } finally {
          searches--
        }
      },
    }),
  ]
}

async function search({ folder }: AuditOptions, query: Query): Promise<z.output<typeof AuditPage>> {
  const since = query.since === undefined ? null : Date.parse(query.since)
  const matches = matcherOf(query)
  const records: { chain: string; record: TrailRecord['record'] }[] = []
  let bytes = 0
  let looked = 0
  for await (const found of readRecords(folder, { after: positionOf(query.cursor), since })) {
    const { chain, line, record } = found
    if (matches(found)) {
      records.push({ chain, record })
      bytes += line.length
    }
    const full = records.length >= query.limit || bytes >= MAX_BYTES
    if (full || ++looked >= MAX_LOOKED_AT) {
      return { records: records as never, next: `${chain}:${record.seq}` }
    }
  }
  return { records: records as never, next: null }
}

function positionOf(cursor: string | undefined): TrailPosition | null {
  if (cursor === undefined) return null
  const [chain = '', seq] = cursor.split(':')
  return { chain, seq: Number(seq) }
}

function matcherOf({ agent, database, type, since, until }: Query) {
  // As records spell time, so that texts compare as times do.
  const [from, to] = [since, until].map((text) => text && new Date(text).toISOString())
  return ({ record }: TrailRecord): boolean => {
    if (from && record.time < from) return false
    if (to && record.time > to) return false
    if (type !== undefined && !fitsAny([type], record.type)) return false
    const subject = subjectOf(record)
    return isNamed(agent, subject.agent) && isNamed(database, subject.database)
  }
}

function isNamed(pattern: string | undefined, name: string | null): boolean {
  return pattern === undefined || (name !== null && partFits(pattern, name))
}
