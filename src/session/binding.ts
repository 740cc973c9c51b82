import { hash } from 'node:crypto'
import type { Principal } from '../identity/principal.ts'
import type { Exchange } from './exchange.ts'

/** What the session's names and settings mean, as the server told it. */
export type Context = readonly string[]

/**
 * The digest that an approval is bound to: the statement's tokens, the values and types of its
 * parameters, who runs it where, what its names resolve to and which settings hold, and the rules,
 * classes and masks that bear on it. Comments and blanks don't count; everything else does.
 */
export function bindingOf(
  exchange: Exchange,
  principal: Principal,
  facts: { readonly context: Context; readonly bearing: unknown; readonly session: string },
): string {
  const bound = exchange.statements.some((statement) => statement.connectionBound)
  const parts = {
    agent: principal.agent.name,
    onBehalfOf: principal.onBehalfOf,
    database: principal.database,
    statements: exchange.statements.map((statement) => statement.tokens),
    parameters: exchange.parameters.map((parameter) => [
      parameter.typeOid,
      parameter.format,
      parameter.value === null ? null : parameter.value.toString('base64'),
    ]),
    context: facts.context,
    bearing: facts.bearing,
    connection: bound ? facts.session : null,
  }
  return sha256(JSON.stringify(parts))
}

export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}
