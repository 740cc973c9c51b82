import type { ResultColumn } from '../../../src/wire/columns.ts'
import type { CellMasker } from '../../../src/wire/maskers.ts'
import { openMysqlDialogue } from '../../../src/wire/mysql/dialogue.ts'
import { PacketFramer } from '../../../src/wire/mysql/packet-framer.ts'
import { message } from '../../../src/wire/mysql/packets.ts'
import type { MysqlRequest } from '../../../src/wire/mysql/requests.ts'
import { Outbox } from '../../../src/wire/outbox.ts'
import type { Completion, ReplyListener } from '../../../src/wire/replies.ts'
import type { GoldenServer } from './golden.ts'

export interface WorldOptions {
  readonly masker?: (column: ResultColumn) => CellMasker | null
  readonly plan?: 'unknown'
  readonly guarded?: boolean
  readonly asks?: number
  readonly shows?: (name: string) => boolean
  readonly maxMessage?: number
  /** What columns are called to the client. */
  readonly names?: readonly (string | null)[]
}

export type Exchange = { readonly request: MysqlRequest }

/** A dialogue between a client and a server that are both played by the test. */
export function world(server: GoldenServer, options: WorldOptions = {}) {
  const client: Buffer[] = []
  const upstream: Buffer[] = []
  const completed: (Completion & { statement: number })[] = []
  const described: (readonly ResultColumn[])[] = []
  const failed: string[] = []
  const settings: [string, string][] = []
  const readsBy: [string, boolean][] = []
  let readies = 0
  let columns: readonly ResultColumn[] = []
  const listener: ReplyListener<Exchange> = {
    described: (_exchange, _statement, description) => {
      columns = description.columns()
      described.push(columns)
      return options.names ?? null
    },
    maskers: () => {
      if (options.plan) return options.plan
      const { masker } = options
      return masker ? columns.map(masker) : null
    },
    meter: () => null,
    stopped: () => {},
    copyOut: () => null,
    guarded: () => options.guarded ?? false,
    completed: (_exchange, statement, completion) => completed.push({ ...completion, statement }),
    failed: (_exchange, sqlState) => failed.push(sqlState),
    failedAtSync: () => false,
    showsPayload: () => false,
    setting: (name, value) => {
      settings.push([name, value])
      return options.shows?.(name) ?? true
    },
    readsBy: (name, _value, asWe) => {
      readsBy.push([name, asWe])
      return asWe
    },
    ready: () => readies++,
    drained: () => {},
  }
  const toServer = new Outbox((bytes) => upstream.push(Buffer.from(bytes)))
  const toClient = new Outbox((bytes) => client.push(Buffer.from(bytes)))
  const capabilities = options.asks ?? server.capabilities
  const dialogue = openMysqlDialogue<Exchange>({
    hello: {
      user: 'bot',
      database: 'shop',
      settings: new Map(),
      own: new Map(),
      agreement: { capabilities, collation: 45 },
    },
    welcome: {
      notices: [],
      settings: new Map(),
      cancelKey: { processId: 1, secret: Buffer.alloc(0) },
      mysql: {
        serverVersion: server.serverVersion,
        collation: 45,
        connectionId: 1,
        status: server.status,
        capabilities: server.capabilities,
        tracked: new Set(server.tracked),
        tracksSchema: server.tracksSchema,
      },
    },
    maxMessage: options.maxMessage ?? 64 * 1024 * 1024,
    toServer,
    toClient,
    listener,
    scrub: (fields) => new Map([...fields, ['M', 'withheld']]),
  })
  const decode = (payload: Buffer) => {
    const bytes = message(0, payload)
    return { request: dialogue.decode(payload[0] ?? -1, bytes), bytes }
  }
  const taken = (from: Buffer[]) => Buffer.concat(from.splice(0))
  return {
    dialogue,
    completed,
    described,
    failed,
    settings,
    readsBy,
    readies: () => readies,
    decode,
    /** Decodes a command and forwards it. */
    ask(payload: Buffer, exchange: 'its own' | null = 'its own') {
      const { request, bytes } = decode(payload)
      dialogue.send({ request, bytes, exchange: exchange && { request } })
      toServer.flush()
      return request
    },
    answer(bytes: Buffer) {
      dialogue.receive(Buffer.from(bytes))
      toClient.flush()
      toServer.flush()
    },
    /** What the client has been sent since the last call. */
    seen() {
      toClient.flush()
      return taken(client)
    },
    /** What the server has been sent since the last call. */
    sent() {
      toServer.flush()
      return taken(upstream)
    },
  }
}

/** The messages in a stretch of bytes. */
export function messagesIn(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = []
  const framer = new PacketFramer(1 << 26, {
    opens: () => 'whole',
    frame: (_type, frame) => messages.push(Buffer.from(frame)),
    run: () => {},
  })
  framer.push(bytes)
  return messages
}
