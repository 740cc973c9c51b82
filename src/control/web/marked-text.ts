import { type Html, html } from './html.ts'

/**
 * What a person can't see, or what moves or covers what they see: controls, format characters
 * (zero-width, bidirectional, tags), surrogates, private and unassigned code points, separators
 * and blanks other than U+0020, marks that stand on another character, and letters without ink.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\p{M}\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800]/u

/** What looks like a quote, a dash, a slash, a star or another sign that means something in SQL. */
const SIGN_LOOKALIKE =
  /[\u00b4\u02b9-\u02bd\u02c8\u02ca\u02cb\u0374\u037e\u055a\u05f3\u1fbd\u1fbf\u2010-\u2015\u2018-\u201f\u2032-\u2036\u203c\u2044\u2215-\u2217\u2212\u2223\u2236\u2768\u2769\u276e\u276f\u29f8\ua789\ufe10-\uffef]/u
const WORD = /[\p{L}\p{N}_]+/gu
const PLAIN = /^[\t\n\x20-\x7e]*$/
/** Longer runs of blanks, of line breaks and of one character without ink push the rest out of sight. */
const LONG_RUN = /[ \t]{41,}|(?:[ \t]*\r?\n){4,}|([\p{C}\p{M}\p{Z}])\1{15,}/gu

/** Code points that were marked, for a summary: U+0430 -> how often. */
export interface Oddities {
  readonly unseen: Map<string, number>
  readonly lookalikes: Map<string, number>
}

export function noOddities(): Oddities {
  return { unseen: new Map(), lookalikes: new Map() }
}

/**
 * Text as markup that shows each of its characters. `everyLetter`: a letter outside ASCII is marked
 * wherever it stands, as it should be in code; else only in a word that mixes it with ASCII letters.
 */
export function markedText(
  text: string,
  options: { readonly everyLetter?: boolean; readonly found?: Oddities } = {},
): Html {
  const { everyLetter = false, found = noOddities() } = options
  const parts: Html[] = []
  let at = 0
  for (const { index, 0: run } of text.matchAll(LONG_RUN)) {
    parts.push(marks(text.slice(at, index), everyLetter, found), shortened(run, found))
    at = index + run.length
  }
  parts.push(marks(text.slice(at), everyLetter, found))
  return html`${parts}`
}

/** How strictly letters outside ASCII are taken: as in code, in a word that mixes, or elsewhere. */
type Strictness = 'code' | 'mixed' | 'prose'

function marks(text: string, everyLetter: boolean, found: Oddities): Html {
  if (everyLetter) return markEach(text, 'code', found)
  const parts: Html[] = []
  let at = 0
  for (const { index, 0: word } of text.matchAll(WORD)) {
    parts.push(markEach(text.slice(at, index), 'prose', found))
    parts.push(markEach(word, /[A-Za-z]/.test(word) ? 'mixed' : 'prose', found))
    at = index + word.length
  }
  parts.push(markEach(text.slice(at), 'prose', found))
  return html`${parts}`
}

function markEach(text: string, strictness: Strictness, found: Oddities): Html {
  if (PLAIN.test(text)) return html`${text}`
  const parts: Html[] = []
  let plain = ''
  let at = 0
  for (const character of text) {
    const endsLine = character === '\r' && text[at + 1] === '\n'
    at += character.length
    const kind = kindOf(character, strictness)
    if (kind === 'plain') {
      plain += character
      continue
    }
    parts.push(html`${plain}`, endsLine ? CARRIAGE_RETURN : MARKS[kind](character, found))
    plain = ''
  }
  return html`${parts}${plain}`
}

function kindOf(character: string, strictness: Strictness): 'plain' | 'unseen' | 'odd' {
  if (PLAIN.test(character)) return 'plain'
  if (UNSEEN.test(character)) return 'unseen'
  if (SIGN_LOOKALIKE.test(character) || strictness === 'code') return 'odd'
  // Accented letters stand in honest words beside plain ones.
  const accented = /\p{Script=Latin}/u.test(character) && character.normalize('NFKC') === character
  return strictness === 'mixed' && !accented ? 'odd' : 'plain'
}

/** Half of an ordinary line end: shown, small, and not worth a warning. */
const CARRIAGE_RETURN = html`<b class="cr" title="U+000D, a carriage return">\u240d</b>`

const MARKS = {
  unseen(character: string, found: Oddities): Html {
    const name = codeOf(character)
    count(found.unseen, name)
    // What breaks a line elsewhere would otherwise join two lines here.
    const breaks = /[\r\u2028\u2029]/.test(character) ? '\n' : null
    return html`<b class="unseen" title="a character that doesn't show">${name}</b>${breaks}`
  },
  odd(character: string, found: Oddities): Html {
    const name = codeOf(character)
    count(found.lookalikes, name)
    return html`<b class="odd" title="${name}, not an ASCII character">${character}</b>`
  },
} as const

function shortened(run: string, found: Oddities): Html {
  const lines = run.split('\n').length - 1
  return html`<b class="unseen" title="shortened, so that nothing is pushed out of sight">${
    lines > 0 ? `${lines} line breaks` : lengthOf(run, found)
  }</b>${lines > 0 ? '\n' : null}`
}

/** Of one character, or of blanks and tabs. */
function lengthOf(run: string, found: Oddities): string {
  if (/^[ \t]/.test(run)) return `${run.length} blanks`
  const name = codeOf(run)
  const times = [...run].length
  count(found.unseen, name, times)
  return `${name}, ${times} times`
}

function count(counts: Map<string, number>, name: string, times = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + times)
}

/** U+202E. */
export function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
