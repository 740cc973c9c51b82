import { isBlank, isDigit } from './characters.ts'
import type { Dialect } from './dialect.ts'

/** What a server does with the text of an executable comment. */
export interface CommentOpening {
  /** `doubtful`: which of both it does can't be told for sure. */
  readonly runs: 'yes' | 'no' | 'doubtful'
  /** Bytes of the opening, its version with it. */
  readonly length: number
}

/**
 * Reads what opens an executable comment at `at`: a slash, a star, `M` or not, `!` and a version or
 * none; null where another comment begins.
 *
 * MySQL runs up to its own version (Reference Manual, "Comments"). MariaDB does too, but skips the
 * versions 50700 to 99999 unless `M` says that MariaDB is meant ("Comment Syntax").
 */
export function openingAt(text: string, at: number, dialect: Dialect): CommentOpening | null {
  const marked = text.charCodeAt(at + 2) === 0x4d // M
  const bang = at + (marked ? 3 : 2)
  if (text.charCodeAt(bang) !== 0x21) return null
  const first = bang + 1
  let end = first
  while (end - first < 7 && isDigit(text.charCodeAt(end))) end++
  const digits = end - first
  const length = end - at
  if (marked && dialect.flavour === 'mysql') return { runs: 'no', length }
  if (digits === 0) {
    // A second exclamation mark is an operator to some versions and a negation to others.
    return { runs: text.charCodeAt(end) === 0x21 ? 'doubtful' : 'yes', length }
  }
  if (digits !== 5 && digits !== 6) return { runs: 'doubtful', length }
  const after = text.charCodeAt(end)
  // Where six digits stand, how many of them are the version depends on the server's age.
  const old = dialect.flavour === 'mysql' && dialect.version < 80400
  if (digits === 6 && (old || !isBlank(after))) return { runs: 'doubtful', length }
  return { runs: runsVersion(Number(text.slice(first, end)), marked, dialect), length }
}

function runsVersion(version: number, marked: boolean, dialect: Dialect): 'yes' | 'no' {
  if (version > dialect.version) return 'no'
  const meantForMysql = version >= 50700 && version <= 99999 && !marked
  return dialect.flavour === 'mariadb' && meantForMysql ? 'no' : 'yes'
}
