import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { CLIENT_DEPRECATE_EOF } from '../../src/wire/mysql/capabilities.ts'
import { COM_QUIT } from '../../src/wire/mysql/commands.ts'
import { decodeError, ERR_HEADER } from '../../src/wire/mysql/errors.ts'
import { decodeGreeting } from '../../src/wire/mysql/greeting.ts'
import { encodeHandshakeResponse } from '../../src/wire/mysql/handshake-response.ts'
import { HEADER, MAX_PAYLOAD, message, payloadLength } from '../../src/wire/mysql/packets.ts'
import {
  CACHING_SHA2,
  cachingSha2Proof,
  NATIVE,
  nativeProof,
} from '../../src/wire/mysql/password-proofs.ts'
import { PayloadReader, uint8 } from '../../src/wire/mysql/payload.ts'
import { FIRST } from './transparent-conversation.ts'
import {
  type Answer,
  type Command,
  type MysqlConversation,
  type MysqlStep,
  PLAIN,
} from './transparent-mysql-conversation.ts'

/** Long past anything that is waited for. */
const DEADLINE_MS = 20_000
/** What is longer is compared by its digest. */
const KEPT = 4 * 1024
const UTF8MB4_GENERAL_CI = 45
const OK = 0x00
const EOF = 0xfe
const SERVER_MORE_RESULTS_EXISTS = 0x0008
const SERVER_STATUS_CURSOR_EXISTS = 0x0040
const SERVER_PS_OUT_PARAMS = 0x1000
const SERVER_SESSION_STATE_CHANGED = 0x4000

/** Where a conversation is held: the server itself, or the proxy. */
export interface MysqlPlace {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** One line a packet, header and all, in the order in which they came: for each step, then the ends. */
export type MysqlTranscript = readonly (readonly string[])[]

/**
 * Holds a conversation and writes down every packet that comes, with its length and sequence id.
 * Left out are the handshakes, the ids of prepared statements and the figures of COM_STATISTICS.
 */
export async function playMysql(
  place: MysqlPlace,
  conversation: MysqlConversation,
): Promise<MysqlTranscript> {
  const talkers = new Map<string, Talker>()
  const heard: string[][] = []
  try {
    for (const name of new Set([FIRST, ...conversation.steps.map(({ session }) => session)])) {
      const talker = await Talker.connect(place.port)
      talkers.set(name, talker)
      await talker.logIn(place, conversation)
    }
    for (const step of conversation.steps) {
      const talker = talkers.get(step.session) as Talker
      await talker.say(step)
      heard.push(await talker.hear(step))
    }
    for (const talker of talkers.values()) heard.push(await talker.leave())
    return heard
  } finally {
    for (const talker of talkers.values()) talker.destroy()
  }
}

class Talker {
  readonly #socket: net.Socket
  readonly #ids = new Map<string, number>()
  #deprecateEof = false
  #chunks: Buffer[] = []
  #length = 0
  #ended = false
  #wake: () => void = () => {}

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static async connect(port: number): Promise<Talker> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new Talker(socket)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #have(count: number): Promise<boolean> {
    while (this.#length < count && !this.#ended) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve
        timer = setTimeout(() => reject(new Error('the answer never came')), DEADLINE_MS)
      }).finally(() => clearTimeout(timer))
    }
    return this.#length >= count
  }

  /** Joins no more chunks than hold what is taken. */
  #take(count: number): Buffer {
    let chunks = 0
    for (let have = 0; have < count; chunks++) have += (this.#chunks[chunks] as Buffer).length
    const [first = Buffer.alloc(0)] = this.#chunks
    const joined = chunks <= 1 ? first : Buffer.concat(this.#chunks.slice(0, chunks))
    const rest = joined.subarray(count)
    this.#chunks.splice(0, Math.max(chunks, 1), ...(rest.length > 0 ? [rest] : []))
    this.#length -= count
    return joined.subarray(0, count)
  }

  /** The next packet with its header, or null where the connection has ended. */
  async #packet(): Promise<Buffer | null> {
    if (!(await this.#have(HEADER))) return null
    const header = this.#take(HEADER)
    const length = payloadLength(header, 0)
    if (!(await this.#have(length))) return null
    return Buffer.concat([header, this.#take(length)])
  }

  async logIn(place: MysqlPlace, conversation: MysqlConversation): Promise<void> {
    const { flags = PLAIN, collation = UTF8MB4_GENERAL_CI } = conversation
    const { user, password, database } = place
    const { scramble } = decodeGreeting((await this.#next()).subarray(HEADER))
    const asked = {
      capabilities: flags,
      collation,
      user,
      database,
      authResponse: cachingSha2Proof(password, scramble),
      plugin: CACHING_SHA2,
      attributes: new Map<string, string>(),
    }
    this.#deprecateEof = (flags & CLIENT_DEPRECATE_EOF) !== 0
    this.#socket.write(message(1, encodeHandshakeResponse(asked)))
    for (;;) {
      const packet = await this.#next()
      const payload = packet.subarray(HEADER)
      if (payload[0] === OK) return
      if (payload[0] === ERR_HEADER) throw new Error(decodeError(payload).message)
      if (payload[0] !== EOF) continue
      const reader = new PayloadReader(payload, 1)
      const plugin = reader.cstringBytes().toString('latin1')
      const proof = plugin === NATIVE ? nativeProof : cachingSha2Proof
      const bytes = proof(password, reader.rest().subarray(0, 20))
      this.#socket.write(message((packet[3] as number) + 1, bytes))
    }
  }

  async #next(): Promise<Buffer> {
    const packet = await this.#packet()
    if (!packet) throw new Error('the login was cut off')
    return packet
  }

  /** Resolves when all of it is written; a pause between the parts keeps them apart. */
  async say({ commands, cut }: MysqlStep): Promise<void> {
    const bytes = commands.map((command) => command.bytes(this.#ids))
    const messages = bytes.flatMap((payload) => (payload ? [message(0, payload)] : []))
    for (const part of partsOf(Buffer.concat(messages), cut)) {
      this.#socket.write(part)
      if (cut !== 'whole') await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async hear({ commands }: MysqlStep): Promise<string[]> {
    const heard: string[] = []
    for (const command of commands) {
      const payload = command.bytes(this.#ids)
      if (!payload) continue
      await this.#answer(command, heard).catch((error: Error) => {
        const asked = payload.toString('latin1', 0, 300)
        throw new Error(`${error.message} to ${JSON.stringify(asked)}: ${heard.join(' ')}`)
      })
    }
    return heard
  }

  async #answer(command: Command, heard: string[]): Promise<void> {
    const reading = new Reading(command.answer, this.#deprecateEof)
    while (!reading.over) {
      const packet = await this.#packet()
      if (!packet) {
        heard.push('the end')
        return
      }
      const whole = reading.take(packet)
      heard.push(lineOf(command.answer, this.#withoutIds(packet), reading.position))
      const named = reading.position === 1 && whole && packet[HEADER] === OK
      if (command.name !== undefined && named) {
        this.#ids.set(command.name, packet.readUInt32LE(HEADER + 1))
      }
    }
  }

  /** An error that names a statement by its id: ids are each server's own. */
  #withoutIds(packet: Buffer): Buffer {
    if (packet[HEADER] !== ERR_HEADER) return packet
    const said = packet.toString('latin1', HEADER)
    const [, id = ''] = /\((\d+)\)/.exec(said) ?? []
    if (id === '' || ![...this.#ids.values()].includes(Number(id))) return packet
    return message(packet[3] as number, Buffer.from(said.replace(`(${id})`, '(id)'), 'latin1'))
  }

  /** Says goodbye; nothing may be left to read. */
  async leave(): Promise<string[]> {
    if (!this.#ended) this.#socket.write(message(0, uint8(COM_QUIT)))
    const heard: string[] = []
    await this.#answer({ bytes: () => Buffer.alloc(0), answer: 'end' }, heard)
    return heard
  }
}

/** Follows one answer, packet by packet, to where it ends. */
export class Reading {
  /** Packets so far. */
  position = 0
  over: boolean
  readonly #answer: Answer
  readonly #deprecateEof: boolean
  #phase: 'first' | 'columns' | 'columns-end' | 'rows' = 'first'
  #left = 0
  /** Definitions that follow the parameters of a prepared statement. */
  #columnsNext = 0
  #moreFollows = false
  /** The packet before was full: this one is its rest. */
  #continued = false

  constructor(answer: Answer, deprecateEof: boolean) {
    this.#answer = answer
    this.#deprecateEof = deprecateEof
    this.over = answer === 'nothing'
    if (answer === 'fetched' || answer === 'fields') this.#phase = 'rows'
  }

  /** True where the packet begins a message. */
  take(packet: Buffer): boolean {
    this.position++
    const payload = packet.subarray(HEADER)
    const rest = this.#continued
    this.#continued = payload.length === MAX_PAYLOAD
    if (rest) return false
    if (this.#answer === 'end') return true
    if (payload[0] === ERR_HEADER) this.over = true
    else this.#read(payload)
    return true
  }

  #read(payload: Buffer): void {
    switch (this.#phase) {
      case 'first':
        if (this.#answer === 'one' || this.#answer === 'figures') this.over = true
        else if (this.#answer === 'prepared') this.#preparedOk(payload)
        else if (payload[0] === OK) this.#resultOver(statusOfOk(payload))
        else this.#columns(new PayloadReader(payload).lenencInt())
        break
      case 'columns':
        if (--this.#left > 0) break
        if (!this.#deprecateEof) this.#phase = 'columns-end'
        else if (this.#answer === 'prepared') this.#preparedNext()
        else this.#phase = 'rows'
        break
      case 'columns-end': {
        if (this.#answer === 'prepared') {
          this.#preparedNext()
          break
        }
        const status = payload.readUInt16LE(3)
        this.#moreFollows = (status & SERVER_PS_OUT_PARAMS) !== 0
        this.#phase = 'rows'
        // The flag outlives a cursor of a procedure's own.
        const opened = (status & SERVER_STATUS_CURSOR_EXISTS) !== 0
        if (opened && this.#answer === 'cursor') this.over = true
        break
      }
      case 'rows':
        if (payload[0] !== EOF || payload.length === MAX_PAYLOAD) break
        if (this.#answer === 'fetched' || this.#answer === 'fields') this.over = true
        else this.#resultOver(this.#deprecateEof ? statusOfOk(payload) : payload.readUInt16LE(3))
    }
  }

  #columns(count: number): void {
    this.#left = count
    this.#phase = 'columns'
  }

  #resultOver(status: number): void {
    const more = (status & SERVER_MORE_RESULTS_EXISTS) !== 0 || this.#moreFollows
    this.#moreFollows = false
    this.#phase = 'first'
    this.over = !more
  }

  /** Int1 0, Int4 id, Int2 columns, Int2 parameters. */
  #preparedOk(payload: Buffer): void {
    this.#columnsNext = payload.readUInt16LE(5)
    this.#columns(payload.readUInt16LE(7))
    if (this.#left === 0) this.#preparedNext()
  }

  #preparedNext(): void {
    const count = this.#columnsNext
    this.#columnsNext = 0
    if (count === 0) this.over = true
    else this.#columns(count)
  }
}

function statusOfOk(payload: Buffer): number {
  const reader = new PayloadReader(payload, 1)
  reader.lenencInt()
  reader.lenencInt()
  return reader.uint16()
}

function partsOf(bytes: Buffer, cut: MysqlStep['cut']): Buffer[] {
  switch (cut) {
    case 'whole':
      return [bytes]
    case 'a byte at a time':
      return Array.from(bytes, (byte) => Buffer.from([byte]))
    case 'inside each header': {
      const parts: Buffer[] = []
      let from = 0
      for (let at = 0; at + HEADER <= bytes.length; at += HEADER + payloadLength(bytes, at)) {
        parts.push(bytes.subarray(from, at + 2))
        from = at + 2
      }
      return [...parts, bytes.subarray(from)]
    }
  }
}

/** A server that tracks more variables tells of several in another order. */
function inAnyOrder(packet: Buffer): Buffer {
  const head = packet[HEADER]
  if ((head !== OK && head !== EOF) || packet.length > 250 || packet.length < HEADER + 7)
    return packet
  if ((statusOfOk(packet.subarray(HEADER)) & SERVER_SESSION_STATE_CHANGED) === 0) return packet
  return Buffer.from([...packet].sort((one, other) => one - other))
}

/** All bytes of a packet, as a person reads them; those of a long one as their digest. */
function lineOf(answer: Answer, packet: Buffer, position: number): string {
  if (answer === 'figures') return `figures, packet ${packet[3]}`
  const isId = answer === 'prepared' && position === 1 && packet[HEADER] === OK
  const shown = isId ? Buffer.from(packet).fill(0, HEADER + 1, HEADER + 5) : packet
  if (answer === 'tracked') return JSON.stringify(inAnyOrder(shown).toString('latin1'))
  if (packet.length <= KEPT) return JSON.stringify(shown.toString('latin1'))
  const digest = createHash('sha256').update(shown).digest('hex')
  return `packet ${packet[3]} of ${packet.length} bytes ${digest}`
}
