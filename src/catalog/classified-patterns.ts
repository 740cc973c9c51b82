/** Classifies nothing: the column is declared fit to see, also where it is computed from others. */
export const NO_CLASS = 'none'

interface Pattern {
  readonly parts: readonly RegExp[]
  readonly dataClass: string
  /** Literal characters: of several patterns that match, the one with the most of them counts. */
  readonly weight: number
}

/** Which names compare without regard to case: MySQL's columns, and its tables by a setting. */
export interface CaselessNames {
  readonly tables: boolean
  readonly columns: boolean
}

const BY_CASE: CaselessNames = { tables: false, columns: false }

/** What the configuration says of columns: patterns schema.table.column -> data class. */
export class ClassifiedPatterns {
  readonly #patterns: readonly Pattern[]

  /** `*` matches within a part; a pattern of two parts, table.column, means any schema. */
  constructor(classified: Readonly<Record<string, string>>, caseless: CaselessNames = BY_CASE) {
    this.#patterns = Object.entries(classified)
      .map(([pattern, dataClass]) => readPattern(pattern, dataClass, caseless))
      .sort((one, other) => other.weight - one.weight)
  }

  /** The class of a column; null where no pattern matches, NO_CLASS where it is declared to have none. */
  classOf(schema: string, table: string, column: string): string | null {
    const names = [schema, table, column]
    const fits = (pattern: Pattern) =>
      pattern.parts.every((part, index) => part.test(names[index] ?? ''))
    return this.#patterns.find(fits)?.dataClass ?? null
  }
}

function readPattern(pattern: string, dataClass: string, caseless: CaselessNames): Pattern {
  const parts = pattern.split('.')
  if (parts.length === 2) parts.unshift('*')
  if (parts.length !== 3) throw new Error(`${pattern}: write schema.table.column or table.column`)
  return {
    parts: parts.map((part, index) => partOf(part, index < 2 ? caseless.tables : caseless.columns)),
    dataClass,
    weight: pattern.replaceAll('*', '').length,
  }
}

function partOf(part: string, caseless: boolean): RegExp {
  const escaped = part.split('*').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, caseless ? 'siu' : 'su')
}
