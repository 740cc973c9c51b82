import { ProxyError } from '../lib/errors.ts'
import type { Step } from './step.ts'

export function standsBehind(step: Step): ProxyError {
  const verb =
    step.kind === 'run' ? step.exchange.statements.map((each) => each.verb).join('; ') : ''
  return new ProxyError(
    'STATEMENT_DENIED',
    `a statement that needs approval can't stand behind ${verb} in one pipeline: send that first, wait for its answer, then send this statement again`,
  )
}

export function severalWait(): ProxyError {
  return new ProxyError(
    'STATEMENT_DENIED',
    'several statements of one pipeline need approval: send each by itself and wait for its answer',
  )
}

export function rulesChanged(): ProxyError {
  return new ProxyError(
    'STATEMENT_DENIED',
    'the rules changed while another statement of this pipeline waited: send it again',
  )
}

export function transactionFailed(): ProxyError {
  return new ProxyError(
    'TRANSACTION_FAILED',
    'current transaction is aborted, commands ignored until end of transaction block',
  )
}

export function unresolved(sqlState: string): ProxyError {
  return new ProxyError(
    'GATE_UNAVAILABLE',
    `what this statement's names mean can't be told to a person now (SQLSTATE ${sqlState}): try again`,
  )
}

export function withinCopy(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a message within COPY that does not belong to it')
}

export function gone(): ProxyError {
  return new ProxyError('CANCELLED', 'the client has gone')
}
