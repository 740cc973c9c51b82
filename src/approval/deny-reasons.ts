/** What people say most often when they say no; told to the agent word by word. */
export const DENY_REASONS = [
  'Too broad: narrow it by a WHERE clause, or ask for fewer columns',
  'Not now: ask again outside working hours',
  'Say what it is for, with a ticket',
  'Wrong database or environment',
  'Use a migration or a tool that is made for this',
] as const

const SEPARATOR = '. '

/** A reason as it is kept: what was chosen, and what was written beside it. */
export function denyReason(chosen: string | null | undefined, written: string): string {
  const known = DENY_REASONS.find((one) => one === chosen)
  return [known, written.trim()].filter(Boolean).join(SEPARATOR)
}

/** The reason that a form names by its number in the list; null for none of them. */
export function cannedReason(number: unknown): string | null {
  const known = typeof number === 'string' && /^\d$/.test(number)
  return known ? (DENY_REASONS[Number(number)] ?? null) : null
}
