import type { ProxyError } from '../../lib/errors.ts'
import type { UpstreamWelcome } from '../handshake.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import { findHandshake, forgetHandshake, handshakeOf } from './agent-handshake.ts'
import { earlyErrorPayload, errorPayload, wordingOf } from './errors.ts'
import { encodeOk } from './ok-packet.ts'
import { message } from './packets.ts'
import { SERVER_SESSION_STATE_CHANGED, SERVER_STATUS_AUTOCOMMIT } from './status-flags.ts'

/** Tells the client that its session is open, with the status of the database's own. */
export function welcomeAgent(channel: ServerChannel, { mysql }: UpstreamWelcome): void {
  const status = mysql?.status ?? SERVER_STATUS_AUTOCOMMIT
  handshakeOf(channel).packets.write(encodeOk(status & ~SERVER_SESSION_STATE_CHANGED))
  forgetHandshake(channel)
}

/** Ends a handshake with an error, or says it in place of the greeting. */
export function rejectAgent(channel: ServerChannel, error: ProxyError): void {
  const wording = wordingOf(error)
  const handshake = findHandshake(channel)
  if (!handshake) {
    channel.write(message(0, earlyErrorPayload(wording)))
    return
  }
  const { packets, response } = handshake
  const user = response?.user ?? ''
  const denied = `Access denied for user '${user}'@'${channel.remoteAddress}' (using password: YES)`
  const text = error.code === 'LOGIN_FAILED' ? denied : wording.message
  packets.write(errorPayload({ ...wording, message: text }))
}
