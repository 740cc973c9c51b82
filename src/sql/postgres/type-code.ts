import type { Analysis } from './analysis.ts'
import { expressionTaint, takeResult } from './run-code.ts'
import { Scope } from './scope.ts'
import { CLEAN, derivedColumn } from './taint.ts'

/**
 * Reading a value of a domain runs the domain's checks, also inside of arrays, ranges and composite
 * types. What they do beyond computing is what the statement does.
 */
export function noteTypeCode(analysis: Analysis, oid: number, at?: number): void {
  const type = analysis.schema.type(oid)
  for (const check of type?.checks ?? []) noteCheck(analysis, type?.name ?? '', check, at)
}

/** Notes what one check does, an expression of VALUE. */
export function noteCheck(analysis: Analysis, type: string, check: string, at?: number): void {
  const code = { key: `check ${check}`, parameters: CLEAN, depth: 0 } as const
  const result = analysis.within(code, (inner) => {
    inner.base = new Scope(null)
    const columns = [derivedColumn('value', CLEAN)]
    inner.base.items.push({ alias: '', schema: null, columns, rest: null, hidden: false })
    expressionTaint(inner, check)
    return null
  })
  takeResult(analysis, result, {
    code: `a check of the type ${type}`,
    at,
    keep: (effect) => effect !== 'read' && effect !== 'session',
  })
}
