import { statusOf } from '../../approval/channels/rendering.ts'
import { type DecideResult, winnerOf } from '../../approval/decide-result.ts'
import { assertNever } from '../../lib/assert-never.ts'

/** What became of what the reader has just sent. */
export interface Notice {
  readonly kind: 'good' | 'bad'
  readonly text: string
}

/** The status of the page that says what became of an answer. */
export function statusFor({ kind }: DecideResult): number {
  const statuses = {
    decided: 200,
    counted: 200,
    unknown: 404,
    already: 409,
    gone: 410,
    changed: 412,
    refused: 403,
  } as const
  return statuses[kind]
}

/** What the reader is told of it; null where the request itself says it. */
export function noticeOf(result: DecideResult): Notice | null {
  switch (result.kind) {
    case 'decided':
      return null
    case 'counted':
      return { kind: 'good', text: 'Your signature counts; more people have to sign.' }
    case 'unknown':
      return bad('There is no such request.')
    case 'already':
      return bad(`Nothing of yours was counted: it was ${winnerOf(result.request)} already.`)
    case 'gone':
      return bad(`Nothing was decided: it is over. ${statusOf(result.request)}.`)
    case 'changed':
      return bad('Nothing was decided: this page showed another statement. Read it again.')
    case 'refused':
      return bad(`Nothing was decided. ${result.message}`)
    default:
      return assertNever(result)
  }
}

export function bad(text: string): Notice {
  return { kind: 'bad', text }
}
