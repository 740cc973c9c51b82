import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { GENESIS, lineHash, parseFrame } from './record.ts'
import { listSegments } from './segments.ts'

/** Where a chain ended when it was last written. */
export interface ChainEnd {
  readonly sequence: number
  readonly hash: string
  /** Bytes behind the last whole record, which have been moved aside. */
  readonly tornBytes: number
}

/**
 * Finds the last whole record of a chain. What lies behind it, the torn line of a process that was
 * killed or of a disk that was full, is moved to a file of its own: `<segment>.torn-<bytes from>`.
 * What lies before it isn't judged here; verify.ts does that.
 */
export function recoverChain(folder: string, chain: string): ChainEnd {
  let tornBytes = 0
  for (const { path } of (listSegments(folder).get(chain) ?? []).reverse()) {
    const bytes = readFileSync(path)
    const last = lastRecord(bytes)
    tornBytes += moveAside(path, bytes, last?.end ?? 0)
    if (last) return { sequence: last.sequence, hash: last.hash, tornBytes }
  }
  return { sequence: 0, hash: GENESIS, tornBytes }
}

function lastRecord(bytes: Buffer): { sequence: number; hash: string; end: number } | null {
  let end = bytes.lastIndexOf(0x0a)
  while (end >= 0) {
    const start = end === 0 ? 0 : bytes.lastIndexOf(0x0a, end - 1) + 1
    const line = bytes.subarray(start, end)
    const frame = parseFrame(line.toString('utf8'))
    if (frame) return { sequence: frame.seq, hash: lineHash(line), end: end + 1 }
    end = start - 1
  }
  return null
}

function moveAside(path: string, bytes: Buffer, from: number): number {
  const torn = bytes.subarray(from)
  if (torn.length === 0) return 0
  writeFileSync(`${path}.torn-${from}`, torn, { mode: 0o600, flush: true })
  const fd = openSync(path, 'r+')
  try {
    ftruncateSync(fd, from)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  return torn.length
}
