import { serialize } from 'pg-protocol'
import type { ProxyError } from '../../lib/errors.ts'
import type { ServerChannel } from '../handshake-channel.ts'
import type { CancelKey, UpstreamWelcome, WireProtocol } from '../protocol.ts'
import {
  encodeBackendKeyData,
  encodeError,
  encodeParameterStatus,
  encodeReady,
  errorFields,
} from './backend-messages.ts'
import { openPostgresDialogue } from './dialogue.ts'
import { int32, message, postgresLayout } from './framing.ts'
import { COPY_DATA } from './message-types.ts'
import { authenticateByScram } from './scram-server.ts'
import { openPostgres } from './startup.ts'
import { logInToPostgres } from './upstream-login.ts'

const CANCEL_REQUEST = 80877102

function welcome(channel: ServerChannel, upstream: UpstreamWelcome, key: CancelKey): void {
  const settings = [...upstream.settings].map(([name, value]) => encodeParameterStatus(name, value))
  channel.write(
    Buffer.concat([
      ...settings,
      encodeBackendKeyData(key.processId, key.secret),
      encodeReady('idle'),
    ]),
  )
}

function reject(channel: ServerChannel, error: ProxyError): void {
  const fields = errorFields(error)
  // Whatever ends a handshake is fatal to it.
  fields.set('S', 'FATAL').set('V', 'FATAL')
  channel.write(encodeError(fields))
}

function cancelRequest(key: CancelKey): Buffer {
  if (key.secret.length === 4) return serialize.cancel(key.processId, key.secret.readInt32BE(0))
  const body = [int32(CANCEL_REQUEST), int32(key.processId), key.secret]
  return message(0, ...body).subarray(1)
}

/** PostgreSQL's protocol 3.0 and 3.2 (manual, chapter 54). */
export const postgresProtocol: WireProtocol = {
  name: 'postgres',
  layout: postgresLayout,
  open: openPostgres,
  authenticate: authenticateByScram,
  welcome,
  reject,
  login: logInToPostgres,
  cancelRequest,
  openDialogue: openPostgresDialogue,
  passes: (type) => type === COPY_DATA,
}
