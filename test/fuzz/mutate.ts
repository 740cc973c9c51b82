import type { Random } from './random.ts'

/** Numbers at which arithmetic on lengths and counts goes wrong. */
const EXTREMES = [
  0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
  0x80000000, 0xfffffffb, 0xfffffffc, 0xfffffffe, 0xffffffff,
]

type Change = (random: Random, bytes: Buffer) => Buffer

const at = (random: Random, bytes: Buffer, room: number) => random.below(bytes.length - room + 1)

/** What can be done to one message; each gives a copy. */
const CHANGES: readonly Change[] = [
  // Another type.
  (random, bytes) => set(bytes, 0, random.oneIn(2) ? random.below(256) : 65 + random.below(58)),
  // Another length, near and far.
  (random, bytes) => int32At(bytes, 1, (bytes.length - 1 + random.below(9) - 4) >>> 0),
  (random, bytes) => int32At(bytes, 1, random.pick(EXTREMES)),
  // A count or a length inside.
  (random, bytes) => int32At(bytes, at(random, bytes, 4), random.pick(EXTREMES)),
  (random, bytes) => int16At(bytes, at(random, bytes, 2), random.pick(EXTREMES) & 0xffff),
  (random, bytes) => set(bytes, at(random, bytes, 1), random.below(256)),
  (random, bytes) => set(bytes, at(random, bytes, 1), 0),
  // Cut short, and lengthened, with and without saying so.
  (random, bytes) => bytes.subarray(0, 1 + random.below(bytes.length)),
  (random, bytes) => honest(bytes.subarray(0, 5 + random.below(Math.max(bytes.length - 5, 1)))),
  (random, bytes) => Buffer.concat([bytes, random.bytes(1 + random.below(16))]),
  (random, bytes) => honest(Buffer.concat([bytes, random.bytes(1 + random.below(16))])),
  // A part twice, a part gone.
  (random, bytes) => {
    const from = at(random, bytes, 1)
    const to = from + random.below(bytes.length - from)
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  },
  (random, bytes) => {
    const from = at(random, bytes, 1)
    const to = from + random.below(bytes.length - from)
    return honest(Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]))
  },
]

function set(bytes: Buffer, index: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  if (index < copy.length) copy[index] = value
  return copy
}

function int32At(bytes: Buffer, index: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  if (index + 4 <= copy.length) copy.writeUInt32BE(value >>> 0, index)
  return copy
}

function int16At(bytes: Buffer, index: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  if (index + 2 <= copy.length) copy.writeUInt16BE(value, index)
  return copy
}

/** Writes the true length into its header. */
function honest(bytes: Buffer): Buffer {
  return int32At(bytes, 1, bytes.length - 1)
}

export function mutateOne(random: Random, message: Buffer): Buffer {
  let bytes = message
  for (let count = 1 + random.below(2); count > 0 && bytes.length > 0; count--) {
    bytes = random.pick(CHANGES)(random, bytes)
  }
  return bytes
}

/** Changes a conversation: its messages, and their order, number and ends. */
export function mutate(
  random: Random,
  messages: readonly Buffer[],
  change: (random: Random, message: Buffer) => Buffer = mutateOne,
): Buffer[] {
  const changed = [...messages]
  for (let count = 1 + random.below(3); count > 0 && changed.length > 0; count--) {
    const index = random.below(changed.length)
    const message = changed[index] as Buffer
    switch (random.below(6)) {
      case 0:
        changed.splice(index, 1)
        break
      case 1:
        changed.splice(random.below(changed.length + 1), 0, message)
        break
      case 2:
        changed[index] = random.pick(messages)
        break
      case 3:
        changed.splice(index, 0, random.bytes(random.below(24)))
        break
      default:
        if (message.length > 0) changed[index] = change(random, message)
    }
  }
  return changed
}
