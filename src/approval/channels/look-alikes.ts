/** What looks like a quote, a dash, a slash, a star or another sign that means something in SQL. */
const SIGNS =
  /[\u00b4\u02b9-\u02bd\u02c8\u02ca\u02cb\u0374\u037e\u055a\u05f3\u1fbd\u1fbf\u2010-\u2015\u2018-\u201f\u2032-\u2036\u203c\u2044\u2215-\u2217\u2212\u2223\u2236\u2768\u2769\u276e\u276f\u29f8\ua789\ufe10-\uffef]/u
/** Scripts with letters that can't be told from Latin ones. */
const SCRIPTS =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}\p{Script=Deseret}]/u
/** Letters of European languages that are no accented letter of ASCII; those who use them know them. */
const HONEST = /[ÆæØøßŁłĐđŒœÞþÐð]/u
const OUTSIDE_ASCII = /[^\p{ASCII}]/gu
const WORD_AROUND = 12
const MOST = 6

/**
 * One line a character of the texts that may look like another: "а is U+0430, in nаme". Letters with
 * accents are not among them, nor those of scripts that look like nothing in ASCII.
 */
export function lookAlikes(texts: readonly string[]): readonly string[] {
  const found = new Map<string, string>()
  for (const text of texts) {
    for (const { 0: character, index } of text.matchAll(OUTSIDE_ASCII)) {
      if (found.has(character) || !looksLikeAnother(character)) continue
      found.set(character, `${character} is ${codeOf(character)}, in ${wordAt(text, index)}`)
    }
  }
  const lines = [...found.values()]
  if (lines.length <= MOST) return lines
  return [...lines.slice(0, MOST), `and ${lines.length - MOST} more`]
}

function looksLikeAnother(character: string): boolean {
  if (SIGNS.test(character) || SCRIPTS.test(character)) return true
  // Full-width, mathematical and other forms of a letter, a digit or a sign of ASCII.
  if (/^[\x21-\x7e]+$/.test(character.normalize('NFKC'))) return true
  if (!/\p{Script=Latin}/u.test(character) || HONEST.test(character)) return false
  return !/^[A-Za-z]/.test(character.normalize('NFD'))
}

/** The word that a character stands in, as much of it as shows where to look. */
function wordAt(text: string, at: number): string {
  const before = /[^\s,;()]*$/.exec(text.slice(0, at))?.[0] ?? ''
  const after = /^[^\s,;()]*/.exec(text.slice(at))?.[0] ?? ''
  return `${[...before].slice(-WORD_AROUND).join('')}${[...after].slice(0, WORD_AROUND + 1).join('')}`
}

/** U+0430. */
function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
