/**
 * Whether two names are one. `alike`: only some servers, or some collations, take them for one.
 */
export type Sameness = 'same' | 'alike' | 'other'

/** Columns: without case. Beyond ASCII what is a letter's other case is the server's to say. */
export function sameColumn(one: string, other: string): Sameness {
  if (one === other) return 'same'
  if (isAscii(one) && isAscii(other)) {
    return one.toLowerCase() === other.toLowerCase() ? 'same' : 'other'
  }
  return folded(one) === folded(other) ? 'alike' : 'other'
}

/** Tables and their aliases: with case or without, as lower_case_table_names says. */
export function sameTable(one: string, other: string): Sameness {
  if (one === other) return 'same'
  return folded(one) === folded(other) ? 'alike' : 'other'
}

export function isAscii(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every byte of ASCII
  return /^[\x00-\x7f]*$/.test(name)
}

/** Without case and accents, further than any server goes. */
export function folded(name: string): string {
  if (isAscii(name)) return name.toLowerCase()
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase().toLowerCase()
}
