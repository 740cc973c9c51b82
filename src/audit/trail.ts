import { chmodSync, mkdirSync } from 'node:fs'
import type { Trail } from './events.ts'
import { FileTrail, type TrailOptions } from './file-trail.ts'
import { isChainName } from './segments.ts'
import { lockTrail } from './trail-lock.ts'

export type { TrailOptions } from './file-trail.ts'

/**
 * Opens a hash-chained trail of NDJSON and takes it up where it was left, also after kill -9.
 *
 * @throws Error when the folder can't be used or another process writes this chain
 */
export async function openTrail(options: TrailOptions): Promise<Trail> {
  const { folder, name } = options
  if (!isChainName(name)) throw new Error(`${name} is not the name of a chain`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const lock = await lockTrail(folder, name)
  try {
    return await FileTrail.open(options, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}
