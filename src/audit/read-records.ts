import { statSync } from 'node:fs'
import { readLines } from './read-lines.ts'
import { parseFrame, type RecordFrame } from './record.ts'
import { listSegments, type Segment } from './segments.ts'

export interface TrailRecord {
  readonly chain: string
  /** The line as it stands in the file. */
  readonly line: string
  readonly record: RecordFrame & Readonly<Record<string, unknown>>
}

/** Where somebody has read to: the last record of a chain. */
export interface TrailPosition {
  readonly chain: string
  readonly seq: number
}

export interface ReadFrom {
  /** Only what stands behind this, chains in the order of their names. */
  readonly after?: TrailPosition | null
  /** Milliseconds since the epoch: files that nobody has written to since are passed over. */
  readonly since?: number | null
}

/**
 * The records of every chain of a folder, chain by chain. What was written twice comes once, what
 * isn't a record is passed over: whether the trail is sound is for verify.ts to say.
 */
export async function* readRecords(
  folder: string,
  { after = null, since = null }: ReadFrom = {},
): AsyncGenerator<TrailRecord> {
  for (const [chain, segments] of listSegments(folder)) {
    if (after && chain < after.chain) continue
    const from = after?.chain === chain ? after.seq : 0
    let last = from
    const asked = segments.filter(
      (one, at) => reachesBeyond(from, segments[at + 1]) && isWrittenSince(one, since),
    )
    for (const { path } of asked) {
      for await (const { bytes, whole } of readLines(path)) {
        const line = bytes.toString('utf8')
        const record = whole ? parseFrame(line) : null
        if (!record || record.seq <= last) continue
        last = record.seq
        yield { chain, line, record }
      }
    }
  }
}

/** The records before `next` are all that a segment has. */
function reachesBeyond(seq: number, next: Segment | undefined): boolean {
  return !next || next.first > seq + 1
}

function isWrittenSince({ path }: Segment, since: number | null): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && (since === null || found.mtimeMs >= since)
}
