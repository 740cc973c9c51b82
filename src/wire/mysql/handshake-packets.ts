import { ProxyError } from '../../lib/errors.ts'
import type { HandshakeChannel } from '../handshake-channel.ts'
import { HEADER, message, outOfOrder, payloadLength } from './packets.ts'

/** No packet of a handshake has a reason to be longer. */
const MAX_HANDSHAKE_PACKET = 64 * 1024

/** A handshake's packets on one channel: numbered, and checked, from 0. */
export class HandshakePackets {
  readonly #channel: HandshakeChannel
  #sequence = 0

  constructor(channel: HandshakeChannel) {
    this.#channel = channel
  }

  /** The number of the next packet, whoever sends it. */
  get sequence(): number {
    return this.#sequence
  }

  /** The payload of the next packet. Throws PROTOCOL_VIOLATION. */
  async read(longest = MAX_HANDSHAKE_PACKET): Promise<Buffer> {
    const header = await this.#channel.read(HEADER)
    const length = payloadLength(header, 0)
    if (header[3] !== this.#sequence) throw outOfOrder()
    if (length > longest) {
      throw new ProxyError('PROTOCOL_VIOLATION', `a packet of the handshake has ${length} bytes`)
    }
    this.#next()
    return this.#channel.read(length)
  }

  write(...parts: readonly Buffer[]): void {
    this.#channel.write(message(this.#sequence, ...parts))
    this.#next()
  }

  /** A command, or the answer to one, begins to count anew. */
  restart(): void {
    this.#sequence = 0
  }

  #next(): void {
    this.#sequence = (this.#sequence + 1) & 0xff
  }
}
