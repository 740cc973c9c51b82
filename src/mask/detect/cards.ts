import isCreditCard from 'validator/lib/isCreditCard.js'
import { passesLuhn } from '../formats/card.ts'
import type { Finding } from './kinds.ts'

/** Digits with at most one blank or dash between; not a part of a word or of a decimal number. */
const RUN = /(?<![\w.])\d+(?:[ -]\d+)*(?![\w]|\.\d)/g
const GROUP = /\d+/g
const FEWEST = 12
const MOST = 19
/** Twelve digits, one after the other but for single marks: without them there is no card. */
const HINT = /\d(?:[ -]?\d){11}/
/** Cards are printed 4-4-4-4, 4-6-5, 4-4-4-4-3. */
const MOST_GROUPS = 5
const FIRST_GROUP = 4

/** Numbers with the beginning and the length of a card's and a valid check digit. */
export function findCards(text: string): Finding[] {
  const found: Finding[] = []
  if (!HINT.test(text)) return found
  for (const { index, 0: run } of text.matchAll(RUN)) {
    if (run.length < FEWEST) continue
    if (/^\d+$/.test(run)) {
      if (isCard(run)) found.push({ kind: 'card', start: index, end: index + run.length })
    } else found.push(...cardsInGroups(run, index))
  }
  return found
}

/** Another number can stand before or behind a card's: each group may be its first, or all of it. */
function cardsInGroups(run: string, offset: number): Finding[] {
  const groups = [...run.matchAll(GROUP)]
  const found: Finding[] = []
  for (let first = 0; first < groups.length; first++) {
    const size = groups[first]?.[0].length ?? 0
    if (size !== FIRST_GROUP && size < FEWEST) continue
    const end = size < FEWEST ? Math.min(first + MOST_GROUPS, groups.length) : first + 1
    let digits = ''
    for (let last = first; last < end && digits.length < MOST; last++) {
      const group = groups[last] as RegExpExecArray
      digits += group[0]
      if (!isCard(digits)) continue
      const start = (groups[first] as RegExpExecArray).index
      const behind = group.index + group[0].length
      found.push({ kind: 'card', start: offset + start, end: offset + behind })
      first = last
      break
    }
  }
  return found
}

function isCard(digits: string): boolean {
  const fits = digits.length >= FEWEST && digits.length <= MOST
  return fits && passesLuhn(digits) && isCreditCard.default(digits)
}
