import { ProxyError } from '../../src/lib/errors.ts'

/** What a run found to be wrong. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/**
 * Runs what may fail on hostile bytes. A failure has to be one that was thought of: a ProxyError,
 * or, where `plain` says so, an Error of just that class with a message of ours.
 */
export function failsCleanly<T>(run: () => T, plain?: RegExp): T | null {
  try {
    return run()
  } catch (error) {
    return cleanOrThrow(error, plain)
  }
}

export async function failsCleanlyLater<T>(run: () => Promise<T>): Promise<T | null> {
  try {
    return await run()
  } catch (error) {
    return cleanOrThrow(error)
  }
}

function cleanOrThrow(error: unknown, plain?: RegExp): null {
  if (error instanceof ProxyError && error.code !== 'INTERNAL') return null
  if (plain && error instanceof Error && error.constructor === Error && plain.test(error.message)) {
    return null
  }
  throw error
}

export function insist(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Finding(what())
}
