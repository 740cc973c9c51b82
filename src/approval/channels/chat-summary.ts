import type { ApprovalRequest } from '../request.ts'

/**
 * A request in one line, which is all that a notification shows. Chats read it as markup, so that
 * nothing but letters, digits and commas of what others have chosen is in it.
 */
export function summaryOf(request: ApprovalRequest): string {
  const { id, state, agent, verb, database, environment } = request
  const where = environment === null ? database : `${database}, ${environment}`
  const place = where === '' ? '' : ` on ${words(where)}`
  return `Request ${id}: ${state}. ${words(agent)}: ${words(verb)}${place}`
}

function words(text: string): string {
  return [...text.replace(/[^\w,-]+/g, ' ')].slice(0, 80).join('').replace(/_/g, ' ').trim()
}
