import { Judge } from '../sql/mysql/judge-text.ts'
import type { Classification, SessionNames } from '../sql/statement.ts'
import type { MysqlSnapshot, ObjectName } from './mysql-snapshot.ts'

/** What a view's definition does, as far as the schema tells. */
export interface ViewCode {
  /** It reads something classified or unknown. */
  readonly classified: boolean
  readonly reads: readonly ObjectName[]
  /** schema.function */
  readonly calls: readonly string[]
}

const NO_NAMES: SessionNames = { prepared: () => undefined, cursor: () => undefined }

/** Judges a view's definition; one that can't be read is classified. */
export function viewCode(
  definition: string,
  database: string,
  schema: MysqlSnapshot,
  trusted: ReadonlySet<string>,
): ViewCode {
  // The server writes definitions out in a form of its own, whatever the modes of the session were
  // in which the view was made: names in backticks, backslashes that escape.
  const facts = {
    characterSet: 'utf8mb4',
    database,
    ansiQuotes: false,
    noBackslashEscapes: false,
    oracle: false,
  }
  const judge = new Judge({ facts, schema, dialect: schema.dialect, trusted })
  const { parsed } = judge.text(Buffer.from(definition), NO_NAMES, 0)
  const [only, ...others] = parsed.kind === 'statements' ? parsed.statements : []
  if (!only || others.length > 0) return { classified: true, reads: [], calls: [] }
  return {
    classified: only.output === 'classified',
    reads: namesOf(only),
    calls: only.functions,
  }
}

function namesOf({ tables }: Classification): readonly ObjectName[] {
  return tables.flatMap(({ schema, name }) => (schema === null ? [] : [{ schema, name }]))
}
