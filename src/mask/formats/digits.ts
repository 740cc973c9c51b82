/** Writes other digits in the place of a text's own: the marks between them and leading zeros stay. */
export function withDigits(text: string, digits: string): string {
  let at = 0
  return text.replace(/\d/g, () => digits[at++] ?? '0')
}

/**
 * So many digits out of a digest, of which the first isn't 0; behind so many zeros. 16 bytes of the
 * digest are used, so the odds of a digit are even to 20 places.
 */
export function digitsOf(digest: string, count: number, zeros = 0): string {
  const free = count - zeros
  if (free < 1) return '0'.repeat(count)
  const first = 10n ** BigInt(free - 1)
  const chance = BigInt(`0x${digest.slice(0, 32)}`)
  return '0'.repeat(zeros) + String(first + (chance % (9n * first)))
}
