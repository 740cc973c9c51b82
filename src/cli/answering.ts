import { messageOf } from '../lib/errors.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

/** Runs a command, says what went wrong and sets the exit code: 1 failed, 2 used wrongly. */
export async function answering(io: CommandIo, work: () => Promise<string>): Promise<void> {
  try {
    io.out(await work())
    io.exit(0)
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    io.exit(exitCodeOf(error))
  }
}

export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? 2 : 1
}
