import { open, rm, stat } from 'node:fs/promises'
import type { Clock } from '../lib/clock.ts'

const TRIES = 200
const WAIT_MS = 20
/** No command holds it for so long. */
const STALE_MS = 10_000

/**
 * Runs `change` while no other command changes the file at `path`: two that read, add and write at
 * once would lose what one of them added.
 *
 * @throws Error when the lock isn't free after four seconds
 */
export async function withFileLock<T>(
  path: string,
  clock: Clock,
  change: () => Promise<T>,
): Promise<T> {
  const lock = `${path}.lock`
  await take(lock, clock)
  try {
    return await change()
  } finally {
    await rm(lock, { force: true })
  }
}

async function take(lock: string, clock: Clock): Promise<void> {
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      await (await open(lock, 'wx', 0o600)).close()
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (clock.now() - mtimeMs > STALE_MS) await rm(lock, { force: true })
    else await new Promise<void>((resolve) => clock.after(WAIT_MS, resolve))
  }
  throw new Error(`${lock} is in the way: another command is changing the configuration`)
}
