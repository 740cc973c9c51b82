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
    ...whoAndWhere(principal),
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

/**
 * The digest that a grant is bound to: all of the above without the constants of the statement and
 * the values of its parameters. `bearing` must hold none of them either.
 */
export function shapeOf(
  exchange: Exchange,
  principal: Principal,
  facts: { readonly context: Context; readonly bearing: unknown },
): string {
  const parts = {
    ...whoAndWhere(principal),
    // Not the fingerprint: PostgreSQL's takes lists in another order for the same.
    shape: exchange.statements.map(({ verb, withoutLiterals }) => [verb, withoutLiterals]),
    effects: exchange.statements.map(({ effects }) => effects.map(({ effect }) => effect)),
    parameters: exchange.parameters.map(({ typeOid }) => typeOid),
    context: facts.context,
    bearing: facts.bearing,
  }
  return sha256(JSON.stringify(parts))
}

function whoAndWhere({ agent, onBehalfOf, database }: Principal) {
  return { agent: agent.name, onBehalfOf, database }
}

export function sha256(text: string): string {
  return hash('sha256', text, 'hex')
}
