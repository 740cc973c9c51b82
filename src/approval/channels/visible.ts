/**
 * What a person can't see, or sees as something else: controls, format characters (zero-width,
 * bidirectional, tags), surrogates, private and unassigned code points, line and paragraph
 * separators, blanks that aren't U+0020, marks that stand on another character, and the few letters and marks that show nothing.
 */
const UNSEEN =
  /\u034f|[\p{Cc}\p{Cf}\p{M}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\p{Variation_Selector}\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800]/gu

/** Longer runs of blanks, and more empty lines in a row, push what follows out of sight. */
const LONG_BLANK = /[ \t]{41,}/g
const EMPTY_LINES = 2

/** The text with every character that doesn't show written as \u{...}; line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) =>
    character === ' ' || character === '\n' || character === '\t' ? character : escaped(character),
  )
}

/** The same for what has to stay on one line. */
export function visibleLine(text: string): string {
  return visible(text)
    .replace(/[\n\t]/g, escaped)
    .replace(LONG_BLANK, blanks)
}

/** The same for a statement: what is blank over a long stretch is replaced by its length. */
export function visibleStatement(text: string): string {
  const shown: string[] = []
  let empty = 0
  const flush = (): void => {
    if (empty > EMPTY_LINES) shown.push(`⟦${empty} empty lines⟧`)
    else for (let line = 0; line < empty; line++) shown.push('')
    empty = 0
  }
  for (const line of visible(text).split('\n')) {
    if (line.trim() === '') {
      empty++
      continue
    }
    flush()
    shown.push(line.replace(LONG_BLANK, blanks))
  }
  flush()
  return shown.join('\n')
}

function blanks(run: string): string {
  return `⟦${run.length} blanks⟧`
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
