import type { ApprovalRequest } from '../request.ts'
import { statusOf, withoutDetail } from './rendering.ts'

const LISTED = 5
const LONGEST_STATUS = 60

/** What a message says of the requests behind the one that it shows. */
export interface Company {
  /** "and 3 more like it, 2 of them waiting" */
  readonly title: string
  readonly listed: readonly {
    readonly id: string
    /** Where it is to be read; null without an address. */
    readonly url: string | null
    readonly status: string
  }[]
  /** "and 7 more in the inbox", or null. */
  readonly rest: string | null
}

/** Those that wait first; of the others, those that were decided last. Null where there are none. */
export function companyOf(
  others: readonly ApprovalRequest[],
  urlOf: (id: string) => string,
): Company | null {
  if (others.length === 0) return null
  const waiting = others.filter(({ state }) => state === 'pending')
  const rest = others.filter(({ state }) => state !== 'pending').reverse()
  const listed = [...waiting, ...rest].slice(0, LISTED)
  const unlisted = others.length - listed.length
  return {
    title: `and ${others.length} more like it, ${waiting.length} of them waiting`,
    listed: listed.map((each) => {
      const url = urlOf(each.id)
      return { id: each.id, url: isAddress(url) ? url : null, status: shortStatus(each) }
    }),
    rest: unlisted > 0 ? `and ${unlisted} more in the inbox` : null,
  }
}

/** What whoever denies may tick. */
export function denyOthers(waiting: number): string {
  if (waiting === 1) return 'Deny the other one like it that waits, too'
  return `Deny the ${waiting} others like it that wait, too`
}

/** Without a control address there is none. */
export function isAddress(url: string): boolean {
  return /^https?:\/\//.test(url)
}

function shortStatus(request: ApprovalRequest): string {
  const votes = request.votes.map((vote) => ({ ...vote, reason: '' }))
  const status = statusOf({ ...withoutDetail(request), votes })
  return [...status].slice(0, LONGEST_STATUS).join('')
}
