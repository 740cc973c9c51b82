import type { Effect } from '../statement.ts'
import type { Analysis, CodeResult } from './analysis.ts'
import { type Taint, union } from './taint.ts'

/** Takes over what running a piece of code comes to, with the code's name before each reason. */
export function takeResult(
  analysis: Analysis,
  result: CodeResult | 'circle' | 'too deep',
  how: {
    readonly code: string
    readonly at?: number | undefined
    readonly keep: (effect: Effect) => boolean
  },
): Taint | null {
  if (result === 'circle') return null
  if (result === 'too deep') {
    analysis.findings.effect('opaque', `${how.code} lies deeper than is read`, how.at)
    analysis.findings.classified = true
    return null
  }
  analysis.findings.include(result.findings, how)
  return result.taint
}

/** What an expression that stands in the schema is computed from; null where it can't be read. */
export function expressionTaint(inner: Analysis, expression: string): Taint | null {
  const [statement, ...others] = inner.source.parseBody(`SELECT ${expression}`) ?? []
  if (!statement || others.length > 0) {
    unread(inner, 'an expression cannot be read')
    return null
  }
  return union(inner.statement(statement.stmt).columns.map((column) => column.taint))
}

/** Nothing is known of what this code does. */
export function unread(inner: Analysis, why: string): null {
  inner.findings.effect('opaque', `${why}: what it does isn't known`)
  inner.findings.classified = true
  return null
}
