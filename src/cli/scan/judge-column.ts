import { isPhone, KINDS, type Kind, type TypeFamily, wordsOf } from './kinds.ts'

/** Different values below which they prove nothing by themselves. */
const ENOUGH = 8
/** Shares of the values from which they prove a kind, and from which they are worth a look. */
const MOST = 0.9
const SOME = 0.25
/** Where the name says one thing and next to no value does, the name is wrong. */
const NEXT_TO_NONE = 0.1

export interface ScannedColumn {
  readonly name: string
  readonly family: TypeFamily
  /** Different values without blanks around them; none where they couldn't be read. */
  readonly values: ReadonlySet<string>
}

/** What a column may hold, and why. Nothing in it quotes a value. */
export interface Finding {
  readonly dataClass: string
  /** 0 to 1 */
  readonly confidence: number
  readonly reasons: readonly string[]
}

/** The likeliest class of a column; null where nothing speaks for one. */
export function judgeColumn(column: ScannedColumn): Finding | null {
  const findings = KINDS.flatMap((kind) => judgeKind(kind, column) ?? [])
  findings.sort((one, other) => other.confidence - one.confidence)
  return findings[0] ?? null
}

function judgeKind(kind: Kind, { name, family, values }: ScannedColumn): Finding | null {
  if (!kind.families.includes(family)) return null
  const words = wordsOf(name)
  const isNamed = kind.name.test(words) && !kind.notName?.test(words)
  if (kind.checks.length === 0 || values.size === 0) return isNamed ? byName(kind, values) : null
  const share = shareOf(kind, values, isNamed)
  const finding = (confidence: number): Finding => ({
    dataClass: kind.dataClass,
    confidence,
    reasons: [...(isNamed ? [namedSo(kind)] : []), valuesAre(kind, share, values.size)],
  })
  if (isNamed)
    return share < NEXT_TO_NONE && values.size >= ENOUGH && isChecked(kind)
      ? null
      : finding(share >= MOST ? 0.98 : 0.7 + 0.2 * share)
  if (!kind.provable || values.size < ENOUGH) return null
  if (share >= MOST) return finding(0.9)
  return share >= SOME ? finding(0.4 + 0.4 * share) : null
}

/** A password can look like anything, and a national id be of a country that isn't known. */
function isChecked({ dataClass }: Kind): boolean {
  return dataClass !== 'secret.key' && dataClass !== 'pii.national-id'
}

function shareOf(kind: Kind, values: ReadonlySet<string>, isNamed: boolean): number {
  const checks = isNamed && kind.dataClass === 'pii.phone' ? [isPhone] : kind.checks
  let most = 0
  for (const check of checks) {
    let fitting = 0
    for (const value of values) if (check(value)) fitting++
    most = Math.max(most, fitting)
  }
  return most / values.size
}

function byName(kind: Kind, values: ReadonlySet<string>): Finding {
  const why = kind.checks.length === 0 ? [] : ['there are no values to look at']
  const confidence = kind.checks.length === 0 && values.size === 0 ? kind.byName - 0.1 : kind.byName
  return { dataClass: kind.dataClass, confidence, reasons: [namedSo(kind), ...why] }
}

function namedSo({ dataClass }: Kind): string {
  return `its name says ${dataClass.split('.')[1]}`
}

function valuesAre({ plural }: Kind, share: number, count: number): string {
  return `${Math.round(share * 100)} % of ${count} different values are ${plural}`
}
