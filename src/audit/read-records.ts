import { readLines } from './read-lines.ts'
import { parseFrame, type RecordFrame } from './record.ts'
import { listSegments } from './segments.ts'

export interface TrailRecord {
  readonly chain: string
  /** The line as it stands in the file. */
  readonly line: string
  readonly record: RecordFrame & Readonly<Record<string, unknown>>
}

/**
 * The records of every chain of a folder, chain by chain. What was written twice comes once, what
 * isn't a record is passed over: whether the trail is sound is for verify.ts to say.
 */
export async function* readRecords(folder: string): AsyncGenerator<TrailRecord> {
  for (const [chain, segments] of listSegments(folder)) {
    let last = 0
    for (const { path } of segments) {
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
