import { readFileSync } from 'node:fs'
import type { Path } from './systems.ts'

const CONNECTIONS = 500
const AT_ONCE = 20

/** Kilobytes of resident memory that an idle, logged-in connection costs the process in between. */
export async function measureIdle(
  connect: (path: Path) => Promise<() => unknown>,
  path: Path,
): Promise<{ readonly kilobytes: number }> {
  // The first ones pay for what a process has once.
  const first = await connectMany(() => connect(path))
  const before = residentOf(path.pid)
  const second = await connectMany(() => connect(path))
  const after = residentOf(path.pid)
  await Promise.all([...first, ...second].map((end) => end()))
  return { kilobytes: Math.max(0, after - before) / CONNECTIONS }
}

async function connectMany(connect: () => Promise<() => unknown>): Promise<(() => unknown)[]> {
  const ends: (() => unknown)[] = []
  while (ends.length < CONNECTIONS) {
    ends.push(...(await Promise.all(Array.from({ length: AT_ONCE }, connect))))
  }
  return ends
}

/** Linux only. */
function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])
}
