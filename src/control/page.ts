import type { ApprovalRequest, RequestState } from '../approval/request.ts'
import { ApiError } from './api-error.ts'

/** Where a page begins: behind this request, newest first. */
export interface Position {
  readonly createdAt: string
  readonly id: string
}

export interface PageQuery {
  readonly state?: RequestState | undefined
  /** True: those that aren't pending any more. */
  readonly past?: boolean
  readonly agent?: string | undefined
  readonly limit: number
  readonly after: Position | null
}

/** One page of requests, newest first, and the cursor of the next or null. */
export function pageOf(
  requests: Iterable<ApprovalRequest>,
  query: PageQuery,
): { readonly page: readonly ApprovalRequest[]; readonly next: string | null } {
  const matching = [...requests]
    .filter((request) => query.state === undefined || request.state === query.state)
    .filter((request) => query.past !== true || request.state !== 'pending')
    .filter((request) => query.agent === undefined || request.agent === query.agent)
    .filter((request) => query.after === null || newestFirst(query.after, request) < 0)
    .sort(newestFirst)
  const page = matching.slice(0, query.limit)
  const last = page.at(-1)
  return { page, next: last && matching.length > page.length ? cursorOf(last) : null }
}

/** Reads a cursor; null where none was given. Throws 422 where it isn't one of ours. */
export function cursorAfter(cursor: string | undefined): Position | null {
  if (cursor === undefined) return null
  const [createdAt, id] = Buffer.from(cursor, 'base64url').toString('utf8').split('|')
  if (createdAt && id && !Number.isNaN(Date.parse(createdAt))) return { createdAt, id }
  throw new ApiError(422, 'unprocessable', 'cursor: give the `next` of the page before')
}

function cursorOf({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt}|${id}`).toString('base64url')
}

function newestFirst(a: Position, b: Position): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1
}
