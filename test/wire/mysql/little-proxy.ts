import tls from 'node:tls'
import { messageOf, ProxyError } from '../../../src/lib/errors.ts'
import { AgentChannel } from '../../../src/net/channels.ts'
import type { Connection } from '../../../src/net/connection.ts'
import { Listener } from '../../../src/net/listener.ts'
import { connectUpstream, type UpstreamTarget } from '../../../src/net/upstream-target.ts'
import type { ResultColumn } from '../../../src/wire/columns.ts'
import type { Dialogue } from '../../../src/wire/dialogue.ts'
import type { CellMasker } from '../../../src/wire/maskers.ts'
import { mysqlProtocol } from '../../../src/wire/mysql/mysql-protocol.ts'
import { doubleSha1, doubleSha256 } from '../../../src/wire/mysql/password-proofs.ts'
import type { MysqlRequest } from '../../../src/wire/mysql/requests.ts'
import { Outbox } from '../../../src/wire/outbox.ts'
import type { MessageFramer } from '../../../src/wire/protocol.ts'
import type { Description, ReplyListener } from '../../../src/wire/replies.ts'
import type { AgentVerifier } from '../../../src/wire/verifiers.ts'

export const AGENT = 'bot'
export const SECRET = 'a secret of the bot'

/** What passed, as the little proxy's listener heard it. */
export interface Heard {
  readonly requests: MysqlRequest[]
  readonly columns: (readonly ResultColumn[])[]
  readonly settings: [string, string][]
  readonly completed: { statement: number; rows: number; suspended: boolean }[]
  readonly failed: string[]
  readonly refused: ProxyError[]
  readonly errors: unknown[]
}

export interface LittleProxyOptions {
  readonly target: UpstreamTarget
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer; readonly required?: boolean }
  readonly nativePassword?: boolean
  readonly verifier?: AgentVerifier
  /** Refuses what it answers an error for. */
  readonly refuse?: (request: MysqlRequest) => ProxyError | null
  readonly masker?: (column: ResultColumn) => CellMasker | null
  readonly guarded?: boolean
}

const VERIFIER: AgentVerifier = {
  iterations: 1,
  salt: Buffer.alloc(0),
  storedKey: Buffer.alloc(0),
  serverKey: Buffer.alloc(0),
  doubleSha256: doubleSha256(SECRET),
  doubleSha1: doubleSha1(SECRET),
}
export const NOBODY: AgentVerifier = {
  iterations: 1,
  salt: Buffer.alloc(0),
  storedKey: Buffer.alloc(0),
  serverKey: Buffer.alloc(0),
}

/** The wire alone between a client and a database: everything that isn't refused is forwarded. */
export async function littleProxy(options: LittleProxyOptions) {
  const heard: Heard = {
    requests: [],
    columns: [],
    settings: [],
    completed: [],
    failed: [],
    refused: [],
    errors: [],
  }
  const greeting = await probe(options.target)
  let connections = 0
  const open = new Set<Connection>()
  const listener = new Listener((connection) => {
    open.add(connection)
    connections++
    serve(connection, connections, greeting, options, heard).catch((error: unknown) => {
      heard.errors.push(error)
      connection.end()
    })
  })
  const { port } = await listener.listen('127.0.0.1', 0)
  return {
    port,
    heard,
    close: () => {
      listener.close()
      for (const connection of open) connection.destroy('the test is over')
    },
  }
}

async function probe(target: UpstreamTarget) {
  const upstream = connectUpstream(target)
  const welcome = await mysqlProtocol.login(upstream, target.login, noHello)
  upstream.connection.end(mysqlProtocol.goodbye)
  if (!welcome.mysql) throw new Error('no welcome')
  return welcome.mysql
}

const noHello = { user: '', database: '', settings: new Map(), own: new Map() }

async function serve(
  connection: Connection,
  connectionId: number,
  greeting: Awaited<ReturnType<typeof probe>>,
  options: LittleProxyOptions,
  heard: Heard,
): Promise<void> {
  const context = options.tls ? tls.createSecureContext(options.tls) : null
  const serverTls = context && { context, asksCertificate: false }
  const channel = new AgentChannel(connection, serverTls)
  try {
    const opening = await mysqlProtocol.open(channel, {
      tlsRequired: options.tls?.required ?? false,
      nativePassword: options.nativePassword ?? false,
      greeting: { ...greeting, connectionId },
    })
    if (opening.kind !== 'session') throw new Error('no session')
    const known = opening.hello.user === AGENT
    await mysqlProtocol.authenticate(channel, known ? (options.verifier ?? VERIFIER) : NOBODY)
    const upstream = connectUpstream(options.target)
    const welcome = await mysqlProtocol.login(upstream, options.target.login, opening.hello)
    const key = { processId: connectionId, secret: Buffer.alloc(0) }
    mysqlProtocol.welcome(channel, welcome, key)
    const toServer = new Outbox((bytes) => upstream.connection.write(bytes))
    const toClient = new Outbox((bytes) => connection.write(bytes))
    const dialogue = mysqlProtocol.openDialogue<object>({
      hello: opening.hello,
      welcome,
      maxMessage: 64 * 1024 * 1024,
      toServer,
      toClient,
      listener: listenerOf(options, heard),
      scrub: (fields) => new Map([...fields, ['M', 'withheld']]),
    })
    const end = (error: unknown) => {
      heard.errors.push(error)
      const known =
        error instanceof ProxyError ? error : new ProxyError('INTERNAL', messageOf(error))
      if (!dialogue.midMessage) toClient.add(dialogue.refusal(known))
      toClient.flush()
      connection.end()
      upstream.connection.end(mysqlProtocol.goodbye)
    }
    const framer = framerFor(dialogue, { toServer, toClient, options, heard, connection })
    upstream.connection.listen(
      {
        bytes: (chunk) => {
          try {
            dialogue.receive(chunk)
          } catch (error) {
            end(error)
          }
          toClient.flush()
        },
        drained: () => {},
        closed: () => connection.end(),
      },
      upstream.reader.rest(),
    )
    connection.listen(
      {
        bytes: (chunk) => {
          try {
            framer.push(Buffer.from(chunk))
          } catch (error) {
            end(error)
          }
          toServer.flush()
          toClient.flush()
        },
        drained: () => {},
        closed: () => upstream.connection.end(mysqlProtocol.goodbye),
      },
      channel.reader.rest(),
    )
    upstream.connection.resume()
    connection.resume()
  } catch (error) {
    const known = error instanceof ProxyError ? error : new ProxyError('INTERNAL', messageOf(error))
    mysqlProtocol.reject(channel, known)
    throw error
  }
}

function framerFor(
  dialogue: Dialogue<object, MysqlRequest>,
  ends: {
    toServer: Outbox
    toClient: Outbox
    options: LittleProxyOptions
    heard: Heard
    connection: Connection
  },
): MessageFramer {
  const { options, heard, toClient } = ends
  if (!mysqlProtocol.openFramer) throw new Error('no framer')
  return mysqlProtocol.openFramer(64 * 1024 * 1024, {
    opens: () => 'whole',
    run: () => {},
    frame: (type, view) => {
      const bytes = Buffer.from(view)
      const request = dialogue.decode(type, bytes)
      heard.requests.push(request)
      const refused = request.kind === 'refused' ? request.error : options.refuse?.(request)
      if (refused) {
        heard.refused.push(refused)
        dialogue.sendRefusal(refused)
      } else if (request.kind === 'kill') toClient.add(dialogue.done?.() ?? Buffer.alloc(0))
      else dialogue.send({ request, bytes, exchange: EXECUTES.has(request.kind) ? {} : null })
      if (request.kind === 'terminate') ends.connection.end()
    },
  })
}

const EXECUTES = new Set(['query', 'run', 'fetch'])

function listenerOf(options: LittleProxyOptions, heard: Heard): ReplyListener<object> {
  let columns: readonly ResultColumn[] = []
  return {
    described(_exchange, _statement, description: Description) {
      columns = description.columns()
      heard.columns.push(columns)
      return null
    },
    maskers() {
      const { masker } = options
      if (!masker) return null
      const plan = columns.map(masker)
      return plan.some((each) => each !== null) ? plan : null
    },
    meter: () => null,
    stopped: () => {},
    copyOut: () => null,
    guarded: () => options.guarded ?? false,
    completed: (_exchange, statement, { rows, suspended }) =>
      heard.completed.push({ statement, rows, suspended }),
    failed: (_exchange, sqlState) => heard.failed.push(sqlState),
    failedAtSync: () => false,
    showsPayload: () => false,
    setting: (name, value) => heard.settings.push([name, value]) > 0,
    readsBy: (_name, _value, asWe) => asWe,
    ready: () => {},
    drained: () => {},
  }
}
