import type { ProxyError } from '../../lib/errors.ts'
import type { CancelKey, UpstreamLogin, UpstreamWelcome } from '../handshake.ts'
import type { ClientChannel, ServerChannel } from '../handshake-channel.ts'
import type { WireProtocol } from '../protocol.ts'
import { admitAgent, authenticateAgent } from './agent-authentication.ts'
import {
  encodeBackendKeyData,
  encodeError,
  encodeNotice,
  encodeParameterStatus,
  encodeReady,
  errorFields,
} from './backend-messages.ts'
import { openPostgresDialogue } from './dialogue.ts'
import { int32, message, postgresLayout } from './framing.ts'
import { COPY_DATA, TERMINATE } from './message-types.ts'
import { nothingOf, withText } from './own-replies.ts'
import { openPostgres } from './startup.ts'
import { logInToPostgres, startUpstreamTls } from './upstream-login.ts'

const CANCEL_REQUEST = 80877102

function welcome(channel: ServerChannel, upstream: UpstreamWelcome, key: CancelKey): void {
  const settings = [...upstream.settings].map(([name, value]) => encodeParameterStatus(name, value))
  channel.write(
    Buffer.concat([
      ...settings,
      encodeBackendKeyData(key.processId, key.secret),
      // Triggers on login run behind the key (PostgresMain).
      ...upstream.notices.map((fields) => encodeNotice(new Map(fields))),
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

/** The server answers nothing and closes; that it did says that the signal has been sent. */
async function cancel(channel: ClientChannel, login: UpstreamLogin, key: CancelKey): Promise<void> {
  await startUpstreamTls(channel, login)
  const length = int32(12 + key.secret.length)
  channel.write(Buffer.concat([length, int32(CANCEL_REQUEST), int32(key.processId), key.secret]))
  await channel.read(1).catch(() => {})
}

/** PostgreSQL's protocol 3.0 and 3.2 (manual, chapter 54). */
export const postgresProtocol: WireProtocol = {
  name: 'postgres',
  layout: postgresLayout,
  open: openPostgres,
  authenticate: authenticateAgent,
  admit: admitAgent,
  welcome,
  reject,
  login: logInToPostgres,
  goodbye: message(TERMINATE),
  cancel,
  openDialogue: openPostgresDialogue,
  withText,
  nothingOf,
  pipelines: true,
  passes: (type) => type === COPY_DATA,
}
