import { ProxyError } from '../lib/errors.ts'
import type { Outgoing } from '../wire/dialogue.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Exchange } from './exchange.ts'
import { isExecuted } from './own-steps.ts'
import type { ClientFrame, Settle, Step } from './step.ts'

export type SessionFrame = Outgoing<Exchange, AnyRequest>

/** A frame as it is sent, with what the session wants to hear of it. */
export function outgoing(
  frame: ClientFrame,
  exchange: Exchange | null,
  settle?: Settle,
): SessionFrame {
  const { request, bytes } = frame
  const own = exchange && isExecuted(frame) ? exchange.own : null
  if (own) {
    const reply = exchange?.ownReply
    if (!reply || reply instanceof ProxyError) throw new Error('nothing to answer with')
    const done = (did: boolean) => {
      settle?.(did)
      if (did) own.done()
    }
    return { request, bytes, exchange, settle: done, reply }
  }
  return settle ? { request, bytes, exchange, settle } : { request, bytes, exchange }
}

export function passing(step: Extract<Step, { kind: 'pass' }>): SessionFrame {
  const { frame, exchange, settle, parameterTypes } = step
  const frameOut = outgoing(frame, exchange, settle)
  return parameterTypes ? { ...frameOut, parameterTypes } : frameOut
}
