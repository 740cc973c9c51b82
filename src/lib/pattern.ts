/**
 * Whether a dotted name fits a pattern, part for part; `*` matches within a part. Upper and lower
 * case are different.
 */
export function fits(pattern: string, name: string): boolean {
  const wanted = pattern.split('.')
  const parts = name.split('.')
  if (wanted.length !== parts.length) return false
  return wanted.every((part, index) => partFits(part, parts[index] ?? ''))
}

export function fitsAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => fits(pattern, name))
}

/** A name without dots of its own, such as an agent's or a verb's, whatever it holds. */
export function partFits(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const [first = '', ...rest] = pattern.split('*')
  if (!text.startsWith(first)) return false
  let at = first.length
  const last = rest.pop() ?? ''
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - at >= last.length && text.endsWith(last)
}
