import isIdentityCard from 'validator/lib/isIdentityCard.js'
import isTaxID from 'validator/lib/isTaxID.js'
import { type Finding, matchesOf } from './kinds.ts'

interface NationalId {
  readonly pattern: RegExp
  readonly holds?: (text: string) => boolean
}

const identity = (locale: Parameters<typeof isIdentityCard.default>[1]) => (text: string) =>
  isIdentityCard.default(text.replaceAll(' ', ''), locale)
const tax = (locale: Parameters<typeof isTaxID.default>[1]) => (text: string) =>
  isTaxID.default(text, locale)

/**
 * Numbers of people that have a form of their own, with their check characters where there are any.
 * Those that are nothing but digits without marks aren't among them, for every tenth number of an
 * order would look like one; but for China's, which has a date in it.
 */
const IDS: readonly NationalId[] = [
  // United States, SSN: the areas and groups that are never given (SSA, "SSN Randomization").
  { pattern: /(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])/g },
  // United Kingdom, National Insurance (HMRC, NIM39110)
  {
    pattern:
      /(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)/g,
  },
  // Spain, DNI and NIE
  { pattern: /(?<!\w)[\dXYZ]\d{7}[A-Z](?!\w)/g, holds: identity('ES') },
  // Italy, codice fiscale
  {
    pattern: /(?<!\w)[A-Z]{6}[\dA-Z]{2}[A-EHLMPRST][\dA-Z]{2}[A-Z][\dA-Z]{3}[A-Z](?!\w)/g,
    holds: tax('it-IT'),
  },
  // Finland, henkilötunnus
  { pattern: /(?<!\w)\d{6}[-+A]\d{3}[\dA-Y](?!\w)/g, holds: identity('FI') },
  // Sweden, personnummer
  { pattern: /(?<![\w-])\d{6}[-+]\d{4}(?![\w-])/g, holds: tax('sv-SE') },
  // Brazil, CPF
  { pattern: /(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)/g, holds: tax('pt-BR') },
  // India, Aadhaar
  { pattern: /(?<![\d ])[2-9]\d{3} \d{4} \d{4}(?!\w| \d)/g, holds: identity('IN') },
  // China, resident identity card
  { pattern: /(?<!\w)[1-8]\d{5}(?:19|20)\d{9}[\dX](?!\w)/g, holds: identity('zh-CN') },
  // France, NIR: its key is 97 less the remainder of the rest by 97
  {
    pattern: /(?<!\w)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}(?!\w)/g,
    holds: hasNirKey,
  },
]

/** One of these is in every one of them. */
const HINT =
  /\d{3}-\d\d-\d|[A-Z]{2} ?\d\d ?\d\d|[\dXYZ]\d{7}[A-Z]|[A-Z]{6}[\dA-Z]{2}[A-Z]|\d{6}[-+A]\d{3}|\d{3}\.\d{3}\.\d|\d{4} \d{4} \d|\d{17}[\dX]|[12] ?\d\d ?[01]\d ?\d[\dAB]/

export function findNationalIds(text: string): Finding[] {
  if (!HINT.test(text)) return []
  return IDS.flatMap(({ pattern, holds }) => matchesOf(text, [pattern], 'national-id', holds))
}

/** Corsica's departments, 2A and 2B, count as 19 and 18. */
function hasNirKey(text: string): boolean {
  const plain = text.replaceAll(' ', '').replace('2A', '19').replace('2B', '18')
  if (!/^\d{15}$/.test(plain)) return false
  return 97n - (BigInt(plain.slice(0, 13)) % 97n) === BigInt(plain.slice(13))
}
