import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import sasl from 'pg/lib/crypto/sasl.js'
import { serialize } from 'pg-protocol'
import { type Login, startupPacket } from './e2e-raw.ts'
import { type Conversation, FIRST, type Step } from './transparent-conversation.ts'

/** Long past anything that is waited for. */
const DEADLINE_MS = 20_000
/** What is longer is compared by its digest. */
const KEPT = 64 * 1024

/** Where a conversation is held: the server itself, or the proxy. */
export interface Place {
  readonly port: number
  readonly login: Login
}

/** One line a message, in the order in which they came: for each step, then for logins and ends. */
export type Transcript = readonly (readonly string[])[]

/**
 * Holds a conversation and writes down every message that comes, header and all. Left out are the
 * proof of the password and what names a process: BackendKeyData and the sender of a notification.
 */
export async function play(place: Place, conversation: Conversation): Promise<Transcript> {
  const { startup = {}, steps } = conversation
  const login = { ...place.login, parameters: { ...place.login.parameters, ...startup } }
  const talkers = new Map<string, Talker>()
  const heard: string[][] = []
  const around: string[][] = []
  try {
    for (const name of new Set([FIRST, ...steps.map(({ session }) => session)])) {
      const talker = await Talker.connect(place.port)
      talkers.set(name, talker)
      around.push(await talker.logIn(login))
    }
    for (const step of steps) {
      const talker = talkers.get(step.session) as Talker
      await talker.say(step)
      heard.push(await talker.hear(step))
    }
    for (const talker of talkers.values()) around.push(await talker.leave())
    return [...heard, ...around]
  } finally {
    for (const talker of talkers.values()) talker.destroy()
  }
}

interface Message {
  readonly type: string
  readonly frame: Buffer
}

class Talker {
  readonly #socket: net.Socket
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

  #take(count: number): Buffer {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    const all = bytes ?? Buffer.alloc(0)
    this.#chunks = count < all.length ? [all.subarray(count)] : []
    this.#length -= count
    return all.subarray(0, count)
  }

  /** The next message, or null where the connection has ended. */
  async #message(): Promise<Message | null> {
    if (!(await this.#have(5))) return null
    const header = this.#take(5)
    const rest = header.readUInt32BE(1) - 4
    if (!(await this.#have(rest))) return null
    const frame = Buffer.concat([header, this.#take(rest)])
    return { type: String.fromCharCode(header[0] as number), frame }
  }

  async logIn(login: Login): Promise<string[]> {
    const { user, database, password, parameters, version } = login
    this.#socket.write(startupPacket({ user, database, ...parameters }, version))
    const session = sasl.startSession(['SCRAM-SHA-256'], null)
    const seen: string[] = []
    for (;;) {
      const message = await this.#message()
      if (!message) return [...seen, 'the end']
      const step = message.type === 'R' ? message.frame.readInt32BE(5) : 0
      if (step === 10) {
        const first = serialize.sendSASLInitialResponseMessage(session.mechanism, session.response)
        this.#socket.write(first)
      } else if (step === 11) {
        await sasl.continueSession(session, password, String(message.frame.subarray(9)), null)
        this.#socket.write(serialize.sendSCRAMClientFinalMessage(session.response))
      } else if (step === 0) seen.push(lineOf(message))
      if (message.type === 'Z') return seen
    }
  }

  /** Resolves when all of it is written; a pause between the parts keeps them apart. */
  async say({ bytes, cut }: Step): Promise<void> {
    for (const part of partsOf(Buffer.concat(bytes), cut)) {
      this.#socket.write(part)
      if (cut !== 'whole') await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async hear({ until, bytes }: Step): Promise<string[]> {
    const heard: string[] = []
    if (until === 'nothing') return heard
    let wanted = until === 'end' ? Number.POSITIVE_INFINITY : until.count
    while (wanted > 0) {
      const message = await this.#message().catch((error: Error) => {
        const asked = Buffer.concat([...bytes])
          .toString('latin1')
          .slice(0, 300)
        throw new Error(`${error.message} to ${JSON.stringify(asked)}: ${heard.join(' ')}`)
      })
      if (!message) return [...heard, 'the end']
      heard.push(lineOf(message))
      if (until !== 'end' && message.type === until.letter) wanted--
    }
    return heard
  }

  /** Says goodbye; nothing may be left to read. */
  async leave(): Promise<string[]> {
    if (!this.#ended) this.#socket.write(serialize.end())
    return this.hear({ until: 'end', session: '', bytes: [], cut: 'whole' })
  }
}

function partsOf(bytes: Buffer, cut: Step['cut']): Buffer[] {
  switch (cut) {
    case 'whole':
      return [bytes]
    case 'a byte at a time':
      return Array.from(bytes, (byte) => Buffer.from([byte]))
    case 'inside each header': {
      const parts: Buffer[] = []
      let from = 0
      for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
        parts.push(bytes.subarray(from, at + 3))
        from = at + 3
      }
      return [...parts, bytes.subarray(from)]
    }
  }
}

/** All bytes of a message, as a person reads them; those of a long one as their digest. */
function lineOf({ type, frame }: Message): string {
  if (type === 'K') return `K of ${frame.length} bytes`
  const shown = type === 'A' ? Buffer.from(frame).fill(0, 5, 9) : frame
  if (frame.length <= KEPT) return JSON.stringify(shown.toString('latin1'))
  return `${type} of ${frame.length} bytes ${createHash('sha256').update(shown).digest('hex')}`
}
