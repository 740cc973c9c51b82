import { createReadStream } from 'node:fs'

export interface FileLine {
  /** Without its line feed. */
  readonly bytes: Buffer
  /** From 1. */
  readonly number: number
  /** False for the rest of a file that doesn't end with a line feed. */
  readonly whole: boolean
}

/** The lines of a file as bytes, without holding more than one of them. */
export async function* readLines(path: string): AsyncGenerator<FileLine> {
  let rest: Buffer[] = []
  let number = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      rest.push(chunk.subarray(start, end))
      yield { bytes: joined(rest), number: ++number, whole: true }
      rest = []
      start = end + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
  }
  if (rest.length > 0) yield { bytes: joined(rest), number: ++number, whole: false }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
}
