import { newAnalysis } from './analyze.ts'
import { PostgresParser } from './parser.ts'
import type { Schema } from './schema.ts'
import { type Column, hardSources } from './taint.ts'

/** What one output column of a query is computed from. */
export interface OutputLineage {
  /** Empty where the server's name for it isn't certain. */
  readonly name: string
  /** Data classes of the classified columns behind it. */
  readonly classes: readonly string[]
  /** It is a base column's value, unchanged. */
  readonly plain: boolean
  /** Something behind it isn't known, or has no class. */
  readonly unknown: boolean
  /** What it is computed from, as far as that is classified or unknown. */
  readonly sources: readonly string[]
}

/** Follows the output columns of queries that stand in the schema itself: views, expressions. */
export class LineageReader {
  readonly #parser = new PostgresParser()
  readonly #trusted: ReadonlySet<string>

  private constructor(trusted: ReadonlySet<string>) {
    this.#trusted = trusted
  }

  static async open(trustedFunctions: readonly string[] = []): Promise<LineageReader> {
    const reader = new LineageReader(new Set(trustedFunctions))
    await reader.#parser.open()
    return reader
  }

  close(): Promise<void> {
    return this.#parser.close()
  }

  /** One entry an output column; null where the query can't be read, or its columns aren't certain. */
  read(sql: string, schema: Schema): readonly OutputLineage[] | null {
    const [statement, ...others] = this.#parser.parseBody(sql) ?? []
    if (!statement || others.length > 0) return null
    const parseBody = (body: string) => this.#parser.parseBody(body)
    const analysis = newAnalysis({ schema, trusted: this.#trusted, parseBody })
    try {
      const outputs = analysis.query(statement.stmt, null)
      if (outputs.certain < outputs.columns.length) return null
      return outputs.columns.map(lineageOf)
    } catch {
      return null
    }
  }
}

function lineageOf(column: Column): OutputLineage {
  const hard = hardSources(column.taint)
  const classes = new Set(hard.flatMap((source) => source.dataClass ?? []))
  return {
    name: column.name,
    classes: [...classes].sort(),
    plain: column.plain,
    unknown: column.taint.size > hard.length || hard.some((source) => source.dataClass === null),
    sources: [...column.taint.keys()],
  }
}
