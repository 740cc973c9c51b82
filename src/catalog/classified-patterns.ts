/** Classifies nothing: the column is declared fit to see, also where it is computed from others. */
export const NO_CLASS = 'none'

interface Pattern {
  readonly parts: readonly RegExp[]
  readonly dataClass: string
  /** Literal characters: of several patterns that match, the one with the most of them counts. */
  readonly weight: number
}

/** What the configuration says of columns: patterns schema.table.column -> data class. */
export class ClassifiedPatterns {
  readonly #patterns: readonly Pattern[]

  /** `*` matches within a part; a pattern of two parts, table.column, means any schema. */
  constructor(classified: Readonly<Record<string, string>>) {
    this.#patterns = Object.entries(classified)
      .map(([pattern, dataClass]) => readPattern(pattern, dataClass))
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

function readPattern(pattern: string, dataClass: string): Pattern {
  const parts = pattern.split('.')
  if (parts.length === 2) parts.unshift('*')
  if (parts.length !== 3) throw new Error(`${pattern}: write schema.table.column or table.column`)
  return {
    parts: parts.map(partOf),
    dataClass,
    weight: pattern.replaceAll('*', '').length,
  }
}

function partOf(part: string): RegExp {
  const escaped = part.split('*').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 'su')
}
