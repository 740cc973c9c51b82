/** A value that JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/**
 * The one text of a JSON value (RFC 8785): members by their keys' UTF-16 code units, no blanks,
 * numbers as ECMAScript writes them. Equal values have equal texts.
 */
export function canonicalJson(value: Json): string {
  return written(value, null, '')
}

/** The same with a line for each member, for people. */
export function prettyJson(value: Json): string {
  return written(value, '  ', '')
}

function written(value: Json, indent: string | null, margin: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const inner = margin + (indent ?? '')
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => written(item, indent, inner))
    return enclosed('[', items, ']', { indent, margin, inner })
  }
  const colon = indent === null ? ':' : ': '
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => JSON.stringify(key) + colon + written(member, indent, inner))
  return enclosed('{', members, '}', { indent, margin, inner })
}

function enclosed(
  open: string,
  parts: readonly string[],
  close: string,
  { indent, margin, inner }: { indent: string | null; margin: string; inner: string },
): string {
  if (indent === null || parts.length === 0) return open + parts.join(',') + close
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`
}
