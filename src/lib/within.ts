import type { Clock } from './clock.ts'
import { deferred } from './deferred.ts'

/** What somebody else answers, or null where they take longer than `ms`. Rejects as `asked` does. */
export async function within<T>(asked: Promise<T>, ms: number, clock: Clock): Promise<T | null> {
  const late = deferred<null>()
  const cancel = clock.after(ms, () => late.resolve(null))
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    cancel()
  }
}
