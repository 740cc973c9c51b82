import type { Analysis } from './analysis.ts'
import { checkCalls } from './calls.ts'
import { commonTablesOf, isCommonTable, MAX_COMMON_TABLES } from './common-tables.ts'
import { type FromClauses, fromClauses } from './from-clauses.ts'
import { checkProbes } from './probes.ts'
import type { StatementText } from './statement-text.ts'
import { namesIn, readTable, takesEverything } from './tables.ts'
import { isName, isOp, nameOf } from './token.ts'
import { checkVariables, setsVariable } from './variables.ts'

export interface QueryOptions {
  /** The index from which tables stand without FROM; -1 for none. */
  readonly tablesAt?: number
  /** Tables in FROM clauses that are written and not read, by the index of their last token. */
  readonly targets?: ReadonlySet<number>
  /** Indexes of names that a parenthesis follows and that call nothing. */
  readonly notCalls?: ReadonlySet<number>
}

/** Notes all that the expressions and queries of a statement read, call and set. */
export function checkQuery(
  analysis: Analysis,
  text: StatementText,
  options: QueryOptions = {},
): FromClauses {
  const { findings } = analysis
  const common = commonTablesOf(text.tokens)
  if (common.length > MAX_COMMON_TABLES) findings.opaque('WITH makes too many tables')
  const from = fromClauses(text, analysis.dialect, options.tablesAt ?? -1)
  if (from.doubt !== null) findings.opaque(`its tables can't be told: ${from.doubt}`)
  for (const ref of from.refs) {
    if (options.targets?.has(ref.at)) continue
    const own = ref.schema === null && isCommonTable(common, ref.name, ref.at)
    if (!own) readTable(analysis, text, ref)
  }
  const notCalls = [...from.notCalls, ...common.map(({ at }) => at), ...(options.notCalls ?? [])]
  checkCalls(analysis, text, new Set(notCalls))
  checkInto(analysis, text)
  checkVariables(analysis, text)
  // What the schema doesn't know may hold anything.
  if (findings.unknown.size > 0 && setsVariable(text)) findings.keeps = true
  noteColumns(analysis, text)
  checkMissed(analysis, text, from, new Set(common.map(({ name }) => name.toLowerCase())))
  checkProbes(analysis, text, from)
  return from
}

/** SELECT ... INTO sends rows to a file of the server or to variables. */
function checkInto({ findings }: Analysis, { tokens }: StatementText): void {
  for (const [at, token] of tokens.entries()) {
    if (token.keyword !== 'INTO') continue
    const next = tokens[at + 1]
    if (next?.keyword === 'OUTFILE' || next?.keyword === 'DUMPFILE') {
      const reason = `writes rows to a file of the server (INTO ${next.keyword})`
      findings.effect('export', reason, token)
    }
    if (next?.kind === 'variable') {
      findings.effect('session', 'keeps values in user variables', next)
    }
  }
  const analyse = tokens.findIndex(({ keyword }) => keyword === 'ANALYSE')
  if (analyse > 0 && tokens[analyse - 1]?.keyword === 'PROCEDURE') {
    findings.effect('export', 'PROCEDURE ANALYSE shows raw values', tokens[analyse])
    findings.classified = true
  }
}

function noteColumns({ findings }: Analysis, text: StatementText): void {
  findings.columns(namesIn(text))
  if (takesEverything(text)) findings.everyColumn()
}

/** A classified table whose name stands where no table was found: what is returned isn't certain. */
function checkMissed(
  { findings, schema }: Analysis,
  { tokens }: StatementText,
  from: FromClauses,
  common: ReadonlySet<string>,
): void {
  if (findings.classified) return
  const aliases = new Set([...from.derived, ...from.refs.map(({ alias }) => alias?.toLowerCase())])
  for (const [at, token] of tokens.entries()) {
    if (!isName(token) || isOp(tokens[at - 1], '.')) continue
    const name = nameOf(token)
    if (aliases.has(name.toLowerCase()) || common.has(name.toLowerCase())) continue
    if (schema.tablesNamed(name).some(({ classified }) => classified)) findings.classified = true
  }
}
