import { MAX_PAYLOAD, message } from '../../src/wire/mysql/packets.ts'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'

/** Bytes at which lengths and headers change their meaning. */
const BYTES = [0, 1, 2, 3, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]
const HEADER = 4

type Change = (random: Random, bytes: Buffer) => Buffer

/** What can be done to one packet; each gives a copy. */
const CHANGES: readonly Change[] = [
  // Another command or header, another length, another sequence id.
  (random, bytes) => set(bytes, HEADER, random.oneIn(2) ? random.below(0x24) : random.pick(BYTES)),
  (random, bytes) => lengthened(bytes, bytes.length - HEADER + random.below(9) - 4),
  (random, bytes) =>
    lengthened(bytes, random.pick([0, 1, 4, 5, 0xffff, MAX_PAYLOAD - 1, MAX_PAYLOAD])),
  (random, bytes) => set(bytes, 3, random.pick([0, 1, 2, 255, random.below(256)])),
  // A byte within.
  (random, bytes) => set(bytes, random.below(bytes.length), random.below(256)),
  (random, bytes) =>
    set(bytes, HEADER + random.below(Math.max(bytes.length - HEADER, 1)), random.pick(BYTES)),
  (random, bytes) =>
    set(bytes, HEADER + random.below(Math.max(bytes.length - HEADER, 1)), random.pick(BYTES)),
  // Cut short and made longer, with and without saying so.
  (random, bytes) => bytes.subarray(0, 1 + random.below(bytes.length)),
  (random, bytes) => honest(bytes, bytes.subarray(HEADER, HEADER + random.below(bytes.length))),
  (random, bytes) => honest(bytes, bytes.subarray(HEADER), random.bytes(1 + random.below(16))),
  (random, bytes) => Buffer.concat([bytes, random.bytes(1 + random.below(16))]),
  // A part twice, a part gone.
  (random, bytes) => {
    const from = HEADER + random.below(Math.max(bytes.length - HEADER, 1))
    const to = from + random.below(Math.max(bytes.length - from, 1))
    return honest(bytes, bytes.subarray(HEADER, to), bytes.subarray(from))
  },
  (random, bytes) => {
    const from = HEADER + random.below(Math.max(bytes.length - HEADER, 1))
    const to = from + random.below(Math.max(bytes.length - from, 1))
    return honest(bytes, bytes.subarray(HEADER, from), bytes.subarray(to))
  },
]

function set(bytes: Buffer, index: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  if (index < copy.length) copy[index] = value
  return copy
}

function lengthened(bytes: Buffer, length: number): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length >= HEADER) copy.writeUIntLE(Math.max(length, 0) & MAX_PAYLOAD, 0, 3)
  return copy
}

/** The same packet with another payload, and the true length in its header. */
function honest(bytes: Buffer, ...payload: readonly Buffer[]): Buffer {
  return message(bytes[3] ?? 0, ...payload)
}

export function mutatePacket(random: Random, packet: Buffer): Buffer {
  let bytes = packet
  for (let count = 1 + random.below(2); count > 0 && bytes.length > 0; count--) {
    bytes = random.pick(CHANGES)(random, bytes)
  }
  return bytes
}

/** Changes a conversation of packets: what they hold, their order, number and ends. */
export function mutatePackets(random: Random, packets: readonly Buffer[]): Buffer[] {
  return mutate(random, packets, mutatePacket)
}
