/** Longer values are cut for the eye; the approval is bound to all of their bytes. */
const SHOWN_LENGTH = 2_000

/** A value's text, as much of it as a person looks at. */
export function shownText(text: string): string {
  if (text.length <= SHOWN_LENGTH) return text
  return `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)`
}
