import type { Classification } from '../sql/statement.ts'

/** Longer ones fit no chat message. */
const LONGEST = 10_000
/** What could still hold a constant: a string that the lexer took for something else, or a comment. */
const UNSURE = /'|\/\*|--/

/**
 * The text of statements without any constant, for a channel that may not show constants; null
 * where it isn't certain that none is left, or where it is too long to be read there.
 */
export function textWithoutConstants(statements: readonly Classification[]): string | null {
  const parts = statements.map(({ withoutLiterals }) => withoutLiterals)
  if (parts.length === 0 || parts.some((part) => part === '' || UNSURE.test(part))) return null
  const text = parts.join(';\n')
  return text.length > LONGEST ? null : text
}
