import type { ProxyError } from '../../lib/errors.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import type { UpstreamWelcome } from '../protocol.ts'
import { findHandshake, handshakeOf } from './agent-handshake.ts'
import { errorPayload, wordingOf } from './errors.ts'
import { encodeOk } from './ok-packet.ts'
import { SERVER_SESSION_STATE_CHANGED, SERVER_STATUS_AUTOCOMMIT } from './status-flags.ts'

/** Tells the client that its session is open, with the status of the database's own. */
export function welcomeAgent(channel: ServerChannel, { mysql }: UpstreamWelcome): void {
  const status = mysql?.status ?? SERVER_STATUS_AUTOCOMMIT
  handshakeOf(channel).packets.write(encodeOk(status & ~SERVER_SESSION_STATE_CHANGED))
}

/** Ends a handshake with an error; whoever wasn't greeted is told nothing. */
export function rejectAgent(channel: ServerChannel, error: ProxyError): void {
  const handshake = findHandshake(channel)
  if (!handshake) return
  const { packets, response } = handshake
  const wording = wordingOf(error)
  const user = response?.user ?? ''
  const denied = `Access denied for user '${user}'@'${channel.remoteAddress}' (using password: YES)`
  const message = error.code === 'LOGIN_FAILED' ? denied : wording.message
  packets.write(errorPayload({ ...wording, message }))
}
