import type { OutputLineage } from '../output-lineage.ts'
import { newAnalysis } from './analyze.ts'
import { lineageOfOutputs, shownSources } from './output-lineage-of.ts'
import { PostgresParser } from './parser.ts'
import type { Schema } from './schema.ts'
import { judge } from './statements.ts'
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
      return outputs.columns.map((column) => ({
        name: column.name,
        sources: shownSources(column),
      }))
    } catch {
      return null
    }
  }

  /**
   * The same with all that the columns come from, for who reads it; null where the text isn't one
   * query, or what `*` stands for isn't known.
   */
  describe(sql: string, schema: Schema): readonly OutputLineage[] | null {
    const [statement, ...others] = this.#parser.parseBody(sql) ?? []
    if (!statement || others.length > 0) return null
    const analysis = newAnalysis({ schema, trusted: this.#trusted, source: this.#parser })
    try {
      const judged = judge(analysis, statement.stmt, {
        names: { prepared: () => undefined, cursor: () => undefined },
        inner: () => {
          throw new Error('it holds another statement')
        },
      })
      return lineageOfOutputs(judged.outputs) ?? null
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
