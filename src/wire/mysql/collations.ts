/** Character sets in which no byte of a longer character can be a quote or a backslash. */
export type SafeCharacterSet = 'utf8mb4' | 'utf8mb3' | 'latin1' | 'ascii' | 'binary'

/** utf8mb4_general_ci: every server has it. */
export const UTF8MB4_GENERAL_CI = 45

const RANGES: readonly (readonly [from: number, to: number, SafeCharacterSet])[] = [
  [5, 5, 'latin1'],
  [8, 8, 'latin1'],
  [11, 11, 'ascii'],
  [15, 15, 'latin1'],
  [31, 31, 'latin1'],
  [33, 33, 'utf8mb3'],
  [45, 46, 'utf8mb4'],
  [47, 49, 'latin1'],
  [63, 63, 'binary'],
  [65, 65, 'ascii'],
  [76, 76, 'utf8mb3'],
  [83, 83, 'utf8mb3'],
  [94, 94, 'latin1'],
  [192, 215, 'utf8mb3'],
  [223, 223, 'utf8mb3'],
  [224, 247, 'utf8mb4'],
  [255, 255, 'utf8mb4'],
]

/**
 * The character set of a collation's id as the handshake's one byte gives it
 * (information_schema.collations); null for every set that isn't known to be safe: in gbk, sjis,
 * cp932, big5 and gb18030 the second byte of a character can be a quote or a backslash.
 */
export function characterSetOf(collation: number): SafeCharacterSet | null {
  for (const [from, to, name] of RANGES) {
    if (collation >= from && collation <= to) return name
  }
  return null
}

const SAFE_NAMES: ReadonlySet<string> = new Set([
  'utf8mb4',
  'utf8mb3',
  'utf8',
  'latin1',
  'ascii',
  'binary',
])

/** The same by name, as the server reports `character_set_client`. */
export function isSafeCharacterSet(name: string): boolean {
  return SAFE_NAMES.has(name.toLowerCase())
}
