import type { Analysis } from './analysis.ts'
import type { StatementText } from './statement-text.ts'
import { isName, isOp, nameOf } from './token.ts'

/** System variables whose value a session may have taken from a table. */
const CARRIERS =
  /^(?:default_master_connection|last_insert_id|identity|insert_id|timestamp|rand_seed[12]|pseudo_thread_id|gtid_next|session_track_\w+|debug\w*)$/i

/** User variables hold what earlier statements have put there, whatever that was. */
export function checkVariables({ findings }: Analysis, { tokens }: StatementText): void {
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'variable') {
      findings.connectionBound = true
      findings.classified = true
      findings.usesKept = true
      if (isOp(tokens[at + 1], ':=')) findings.effect('session', `sets @${nameOf(token)}`, token)
    } else if (isOp(token, '@@')) {
      const name = systemVariableAt(tokens, at)
      if (name !== null && CARRIERS.test(name)) findings.classified = true
    }
  }
}

/** SELECT ... INTO @v, @v := value */
export function setsVariable({ tokens }: StatementText): boolean {
  return tokens.some(
    ({ kind, keyword }, at) =>
      (kind === 'variable' && isOp(tokens[at + 1], ':=')) ||
      (keyword === 'INTO' && tokens[at + 1]?.kind === 'variable'),
  )
}

/** The name behind @@ and its scope. */
function systemVariableAt(tokens: StatementText['tokens'], at: number): string | null {
  const first = tokens[at + 1]
  if (!isName(first)) return null
  const second = tokens[at + 3]
  return isOp(tokens[at + 2], '.') && isName(second) ? nameOf(second) : nameOf(first)
}
