import type { Names } from './session-names.ts'
import type { ClientFrame } from './step.ts'

/**
 * True where a batch uses a name whose Parse or Close, of an earlier segment, the server may have
 * refused or skipped.
 */
export function usesUnsettledNames(batch: readonly ClientFrame[], names: Names): boolean {
  const made = new Set<string>()
  return batch.some(({ request }) => {
    switch (request.kind) {
      case 'query':
        return names.anyUnsettled
      case 'prepare':
        made.add(`statement ${request.statement}`)
        return request.sql.length > 0 && names.anyUnsettled
      case 'bind': {
        const known = made.has(`statement ${request.statement}`)
        made.add(`portal ${request.portal}`)
        return !known && names.unsettled('statement', request.statement)
      }
      case 'execute':
        return !made.has(`portal ${request.portal}`) && names.unsettled('portal', request.portal)
      default:
        return false
    }
  })
}
