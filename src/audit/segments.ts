import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A chain lies in files of its own: `data-000000000001-00.ndjson`, named for their first record. */
export interface Segment {
  readonly chain: string
  readonly path: string
  readonly first: number
  /** Above 0 where an earlier file that began with the same record could not be written. */
  readonly attempt: number
}

const NAME = /^([a-z][a-z0-9]*)-(\d{12})-(\d{2})\.ndjson$/

export function isChainName(name: string): boolean {
  return /^[a-z][a-z0-9]*$/.test(name)
}

/** A path that isn't taken for a segment that begins with record `first`; null when 100 are. */
export function newSegmentPath(folder: string, chain: string, first: number): string | null {
  for (let attempt = 0; attempt < 100; attempt++) {
    const numbers = `${String(first).padStart(12, '0')}-${String(attempt).padStart(2, '0')}`
    const path = join(folder, `${chain}-${numbers}.ndjson`)
    if (!existsSync(path)) return path
  }
  return null
}

/** The segments of all chains of a folder, each chain in order. */
export function listSegments(folder: string): Map<string, Segment[]> {
  const chains = new Map<string, Segment[]>()
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  for (const name of names) {
    const [, chain, first, attempt] = NAME.exec(name) ?? []
    if (chain === undefined) continue
    const segments = chains.get(chain) ?? []
    const path = join(folder, name)
    segments.push({ chain, path, first: Number(first), attempt: Number(attempt) })
    chains.set(chain, segments)
  }
  return chains
}
