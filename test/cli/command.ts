import { Command } from 'commander'
import type { CommandIo } from '../../src/cli/io.ts'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process and returns what it said. */
export async function runCommand(
  register: (program: Command, io: CommandIo) => void,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const ran = { code: null as number | null, out: '', err: '' }
  const io: CommandIo = {
    env,
    out: (text) => {
      ran.out += text
    },
    err: (text) => {
      ran.err += text
    },
    exit: (code) => {
      ran.code = code
    },
  }
  const program = new Command('countersign').exitOverride().configureOutput({
    writeOut: io.out,
    writeErr: io.err,
  })
  register(program, io)
  for (const command of program.commands) overrideExit(command)
  await program.parseAsync(args, { from: 'user' }).catch((error) => {
    ran.code = error.exitCode ?? 1
    if (error.exitCode === undefined) throw error
  })
  return ran
}

function overrideExit(command: Command): void {
  command.exitOverride()
  for (const inner of command.commands) overrideExit(inner)
}
