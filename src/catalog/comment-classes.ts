/** Characters of a comment that are read. One that goes on and holds an @ counts as classified. */
export const MAX_COMMENT = 16_384

/** The class of a column whose comment can't be read to its end. */
export const UNREAD = 'unread'

/**
 * `@` and two or more words joined by dots: `@pii.email`. Words are letters and digits of ASCII, with
 * `-` and `_` within. What stands before the @ is no letter, digit, or one of `. _ % + -`: so a mail
 * address (ana@example.com) is no class. A single word (`@deprecated`) is none either.
 */
const CLASS =
  /(?<![\p{L}\p{N}._%+-])@([a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)+)/giu

/**
 * The data classes that a column's comment names, in lower case, each once. A comment can only add a
 * class: nothing that it says declares a column fit to see.
 */
export function classesInComment(comment: string | null): readonly string[] {
  if (!comment) return []
  const read = comment.slice(0, MAX_COMMENT)
  const classes = new Set([...read.matchAll(CLASS)].map((match) => (match[1] ?? '').toLowerCase()))
  if (comment.length > MAX_COMMENT) classes.add(UNREAD)
  return [...classes]
}
