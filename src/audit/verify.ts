import type { KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Checkpoint, checkpointPath, isSignedBy } from './checkpoint.ts'
import { readLines } from './read-lines.ts'
import { GENESIS, lineHash, parseFrame, type RecordFrame } from './record.ts'
import { listSegments, type Segment } from './segments.ts'

export interface VerifyProblem {
  readonly kind: 'edited' | 'removed' | 'reordered' | 'inserted' | 'truncated' | 'checkpoint'
  /** File and line where it shows; the file alone for what isn't there any more. */
  readonly where: string
  readonly message: string
}

export interface VerifiedChain {
  readonly chain: string
  readonly segments: number
  readonly records: number
  /** SHA-256 (hex) of the last record's line; compare it with one that was kept elsewhere. */
  readonly head: string
  /** Signed checkpoints that hold. */
  readonly checkpoints: number
  /** Records behind the last checkpoint, whose removal nothing would show. */
  readonly unanchored: number
  readonly problems: readonly VerifyProblem[]
  /** Harmless, but worth knowing: a torn line, a segment written twice. */
  readonly notes: readonly string[]
}

export interface Verification {
  readonly ok: boolean
  readonly chains: readonly VerifiedChain[]
}

/** A segment that is written again after an error repeats at most what was unsynced. */
const MOST_REPEATED = 1_000_000
const MOST_PROBLEMS = 1_000

/**
 * Reads every chain of a folder and finds what was edited, removed, reordered or inserted, by the
 * hashes; and what was cut off at the end or written anew as a whole, by the signed checkpoints.
 * Works beside a proxy that is writing.
 *
 * @param key the public half of the checkpoint key; null leaves signatures unchecked, and says so
 */
export async function verifyTrails(folder: string, key: KeyObject | null): Promise<Verification> {
  // Checkpoints are read first: what they promise is already on disk.
  const names = new Set([...checkpointedChains(folder), ...listSegments(folder).keys()])
  const chains: VerifiedChain[] = []
  for (const chain of [...names].sort()) {
    const checkpoints = readCheckpoints(folder, chain)
    const segments = listSegments(folder).get(chain) ?? []
    chains.push(await new ChainVerifier(chain, checkpoints, key).run(segments))
  }
  return { ok: chains.every((chain) => chain.problems.length === 0), chains }
}

function checkpointedChains(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.checkpoints'))
    .map((name) => basename(name, '.checkpoints'))
}

/** A line of the checkpoint file; null where it can't be read as one. */
interface CheckpointLine {
  readonly line: number
  readonly checkpoint: Checkpoint | null
  /** A crash in the middle of writing leaves a line without its end. */
  readonly torn: boolean
}

function readCheckpoints(folder: string, chain: string): CheckpointLine[] {
  const path = checkpointPath(folder, chain)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((text, i) => {
    if (text === '') return []
    return [{ line: i + 1, checkpoint: parseCheckpoint(text), torn: !text.endsWith('}') }]
  })
}

function parseCheckpoint(text: string): Checkpoint | null {
  try {
    const { v, chain, size, head, time, key, signature } = JSON.parse(text)
    const texts = [chain, head, time, key, signature].every((field) => typeof field === 'string')
    return v === 1 && texts && Number.isSafeInteger(size) && size > 0
      ? { v, chain, size, head, time, key, signature }
      : null
  } catch {
    return null
  }
}

class ChainVerifier {
  readonly #chain: string
  readonly #lines: readonly CheckpointLine[]
  readonly #key: KeyObject | null
  readonly #problems: VerifyProblem[] = []
  readonly #notes: string[] = []
  /** Record number -> the checkpoints over it that still have to be met. */
  readonly #expected = new Map<number, CheckpointLine[]>()
  /** Hashes of the newest records, for segments that repeat some. */
  #recent = new Map<number, string>()
  #next = 1
  #previous = GENESIS
  #records = 0
  #anchored = 0
  #checkpoints = 0

  constructor(chain: string, lines: readonly CheckpointLine[], key: KeyObject | null) {
    this.#chain = chain
    this.#lines = lines
    this.#key = key
  }

  async run(segments: readonly Segment[]): Promise<VerifiedChain> {
    this.#checkSignatures()
    for (const segment of segments) await this.#readSegment(segment)
    this.#reportUnmet()
    return {
      chain: this.#chain,
      segments: segments.length,
      records: this.#records,
      head: this.#previous,
      checkpoints: this.#checkpoints,
      unanchored: this.#next - 1 - this.#anchored,
      problems: this.#problems,
      notes: this.#notes,
    }
  }

  #checkSignatures(): void {
    if (this.#lines.length === 0) this.#notes.push('no checkpoint: a cut at the end would not show')
    else if (!this.#key) this.#notes.push('no key: the signatures of the checkpoints are unchecked')
    for (const entry of this.#lines) {
      const { checkpoint, line, torn } = entry
      const where = `${this.#chain}.checkpoints:${line}`
      if (checkpoint && this.#holds(checkpoint)) this.#expect(checkpoint.size, entry)
      else if (checkpoint) this.#problem('checkpoint', where, 'its signature does not hold')
      else if (torn) this.#notes.push(`${where}: a checkpoint that was not written whole`)
      else this.#problem('checkpoint', where, 'it can not be read as a checkpoint')
    }
  }

  #holds(checkpoint: Checkpoint): boolean {
    return checkpoint.chain === this.#chain && (!this.#key || isSignedBy(checkpoint, this.#key))
  }

  #expect(size: number, entry: CheckpointLine): void {
    this.#expected.set(size, [...(this.#expected.get(size) ?? []), entry])
  }

  async #readSegment(segment: Segment): Promise<void> {
    const file = basename(segment.path)
    for await (const { bytes, number, whole } of readLines(segment.path)) {
      const where = `${file}:${number}`
      const frame = whole ? parseFrame(bytes.toString('utf8')) : null
      if (frame) this.#readRecord(frame, lineHash(bytes), where)
      else if (!whole) this.#notes.push(`${where}: a line that was not written whole`)
      else this.#readDamage(where)
    }
    if (this.#recent.size > MOST_REPEATED) this.#recent = new Map()
  }

  #readRecord(frame: RecordFrame, hash: string, where: string): void {
    if (frame.seq < this.#next) this.#readEarlier(frame, hash, where)
    else this.#readNext(frame, hash, where)
  }

  #readNext(frame: RecordFrame, hash: string, where: string): void {
    this.#records++
    if (frame.seq > this.#next) {
      const missing = `${this.#next} to ${frame.seq - 1}`
      this.#problem('removed', where, `records ${missing} are missing before it`)
    } else if (frame.prev !== this.#previous) {
      const before = frame.seq - 1
      const what = before === 0 ? 'the chain does not begin here' : `record ${before} was changed`
      this.#problem(
        'edited',
        where,
        `${what}: its hash is not the one that record ${frame.seq} names`,
      )
    }
    this.#accept(frame.seq, hash)
  }

  #accept(sequence: number, hash: string): void {
    this.#next = sequence + 1
    this.#previous = hash
    this.#recent.set(sequence, hash)
    for (const { checkpoint, line } of this.#expected.get(sequence) ?? []) {
      if (checkpoint?.head === hash) {
        this.#checkpoints++
        this.#anchored = sequence
      } else {
        const where = `${this.#chain}.checkpoints:${line}`
        this.#problem('edited', where, `record ${sequence} is not the one that was signed`)
      }
    }
    this.#expected.delete(sequence)
  }

  /** The same record once more is what a retry leaves; another one of its number isn't. */
  #readEarlier(frame: RecordFrame, hash: string, where: string): void {
    const known = this.#recent.get(frame.seq)
    if (known === hash) {
      this.#notes.push(`${where}: record ${frame.seq} once more, the same`)
      return
    }
    const kind = known === undefined ? 'reordered' : 'inserted'
    this.#problem(kind, where, `record ${frame.seq} stands behind record ${this.#next - 1}`)
  }

  #readDamage(where: string): void {
    this.#problem('edited', where, 'it is not a record')
  }

  #reportUnmet(): void {
    for (const [size, entries] of this.#expected) {
      const where = `${this.#chain}.checkpoints:${entries[0]?.line}`
      if (size >= this.#next) {
        const last = this.#next - 1
        this.#problem(
          'truncated',
          where,
          `${size} records were signed, the chain ends with ${last}`,
        )
      } else this.#problem('removed', where, `record ${size}, which was signed, is missing`)
    }
  }

  #problem(kind: VerifyProblem['kind'], where: string, message: string): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push({ kind, where, message })
  }
}
