import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Cleanup } from './cleanup.ts'

/** Starts the bare relay before a port. */
export async function startRelay(
  cleanup: Cleanup,
  port: number,
): Promise<{ port: number; pid: number }> {
  const program = fileURLToPath(new URL('./relay.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [program, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanup.teardown(() => child.kill('SIGKILL'))
  if (!child.stdout) throw new Error('the relay has no output')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { port: Number(line), pid: child.pid ?? 0 }
}
