import type { WireProtocol } from '../protocol.ts'
import { admitAgent, authenticateAgent } from './agent-authentication.ts'
import { openMysql } from './agent-handshake.ts'
import { rejectAgent, welcomeAgent } from './agent-welcome.ts'
import { COM_INIT_DB, COM_QUIT } from './commands.ts'
import { openMysqlDialogue } from './dialogue.ts'
import { nothingOf, withText } from './own-replies.ts'
import { PacketFramer } from './packet-framer.ts'
import { message, packetLayout } from './packets.ts'
import { uint8 } from './payload.ts'
import type { MysqlRequest } from './requests.ts'
import { cancelMysql, logInToMysql } from './upstream-login.ts'

/** The protocol of MySQL 8.0 to 9.x and MariaDB 10.6 to 11.8 (manual, "Client/Server Protocol"). */
export const mysqlProtocol: WireProtocol<MysqlRequest> = {
  name: 'mysql',
  layout: packetLayout,
  openFramer: (cap, sink) => new PacketFramer(cap, sink),
  open: openMysql,
  authenticate: authenticateAgent,
  admit: admitAgent,
  welcome: welcomeAgent,
  reject: rejectAgent,
  login: logInToMysql,
  goodbye: message(0, uint8(COM_QUIT)),
  cancel: cancelMysql,
  openDialogue: openMysqlDialogue,
  withText,
  nothingOf,
  pipelines: false,
  useFrame: (database) => ({
    request: { kind: 'use', database },
    bytes: message(0, uint8(COM_INIT_DB), Buffer.from(database, 'utf8')),
  }),
  passes: () => false,
}
