import { ProxyError } from '../../lib/errors.ts'
import type { FrameLayout } from '../framer.ts'

/** Int3 length of the payload, Int1 sequence id (manual, "Protocol::Packet"). */
export const HEADER = 4
/** A payload of exactly this length goes on in the next packet, which may be empty. */
export const MAX_PAYLOAD = 0xffffff

/** One packet on the wire; see PacketFramer for messages that are longer than a packet. */
export const packetLayout: FrameLayout = {
  headerLength: HEADER,
  type: (buffer, at) => buffer[at + 3] as number,
  length: (buffer, at) => payloadLength(buffer, at) + HEADER,
}

export function payloadLength(buffer: Buffer, at: number): number {
  return (
    (buffer[at] as number) | ((buffer[at + 1] as number) << 8) | ((buffer[at + 2] as number) << 16)
  )
}

/** Builds one message, cut into as many packets as its length asks for. */
export function message(sequence: number, ...parts: readonly Buffer[]): Buffer {
  const payload = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  const packets = packetsFor(payload.length)
  const bytes = Buffer.allocUnsafe(payload.length + packets * HEADER)
  let to = 0
  for (let index = 0; index < packets; index++) {
    const from = index * MAX_PAYLOAD
    const length = Math.min(MAX_PAYLOAD, payload.length - from)
    bytes.writeUIntLE(length, to, 3)
    bytes[to + 3] = (sequence + index) & 0xff
    payload.copy(bytes, to + HEADER, from, from + length)
    to += HEADER + length
  }
  return bytes
}

/** One message of a payload that has room for a header in front of it. */
export function headed(bytes: Buffer, sequence: number): Buffer {
  const length = bytes.length - HEADER
  if (length >= MAX_PAYLOAD) return message(sequence, bytes.subarray(HEADER))
  bytes[0] = length
  bytes[1] = length >> 8
  bytes[2] = length >> 16
  bytes[3] = sequence
  return bytes
}

/** How many packets a payload takes: one of exactly 16 MB - 1 is followed by an empty one. */
export function packetsFor(length: number): number {
  return Math.floor(length / MAX_PAYLOAD) + 1
}

/** The payload of one message, headers left out. A view where it is one packet. */
export function payloadOf(frame: Buffer): Buffer {
  if (frame.length >= HEADER && payloadLength(frame, 0) < MAX_PAYLOAD) return frame.subarray(HEADER)
  const parts: Buffer[] = []
  for (let at = 0; at < frame.length; ) {
    const end = at + HEADER + payloadLength(frame, at)
    parts.push(frame.subarray(at + HEADER, end))
    at = end
  }
  return Buffer.concat(parts)
}

/** How many packets a message is made of. */
export function packetsIn(frame: Buffer): number {
  return packetsFor(Math.max(0, frame.length - HEADER))
}

/** The same message under other sequence ids, as a copy. */
export function renumbered(frame: Buffer, sequence: number): Buffer {
  const copy = Buffer.from(frame)
  let next = sequence
  for (let at = 0; at < copy.length; at += HEADER + payloadLength(copy, at)) {
    copy[at + 3] = next++ & 0xff
  }
  return copy
}

export function outOfOrder(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'Got packets out of order')
}
