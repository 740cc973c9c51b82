import type { OutputLineage } from '../output-lineage.ts'
import { newAnalysis } from './analyze.ts'
import { PostgresParser } from './parser.ts'
import type { Schema } from './schema.ts'
import { type Column, hardSources } from './taint.ts'
import { noteCheck } from './type-code.ts'

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

  /** One entry an output column; null where the query can't be read, or its columns aren't certain. */
  read(sql: string, schema: Schema): readonly OutputLineage[] | null {
    const [statement, ...others] = this.#parser.parseBody(sql) ?? []
    if (!statement || others.length > 0) return null
    const analysis = newAnalysis({ schema, trusted: this.#trusted, source: this.#parser })
    try {
      const outputs = analysis.query(statement.stmt, null)
      if (outputs.certain < outputs.columns.length) return null
      return outputs.columns.map(lineageOf)
    } catch {
      return null
    }
  }

  /** Whether the check of a domain, an expression of VALUE, does more than compute. */
  doesMore(check: string, schema: Schema): boolean {
    const analysis = newAnalysis({ schema, trusted: this.#trusted, source: this.#parser })
    try {
      noteCheck(analysis, '', check)
      return analysis.findings.effects.length > 0 || analysis.findings.classified
    } catch {
      return true
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
