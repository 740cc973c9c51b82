import { readFileSync } from 'node:fs'
import pg from 'pg'
import type { Path } from './paths.ts'

const CONNECTIONS = 500
const AT_ONCE = 20

/** Kilobytes of resident memory that an idle, logged-in connection costs the process in between. */
export async function measureIdle(path: Path): Promise<{ readonly kilobytes: number }> {
  // The first ones pay for what a process has once.
  const first = await connect(path, CONNECTIONS)
  const before = residentOf(path.pid)
  const second = await connect(path, CONNECTIONS)
  const after = residentOf(path.pid)
  await Promise.all([...first, ...second].map((client) => client.end()))
  return { kilobytes: Math.max(0, after - before) / CONNECTIONS }
}

async function connect(path: Path, count: number): Promise<pg.Client[]> {
  const clients: pg.Client[] = []
  while (clients.length < count) {
    const batch = Array.from({ length: AT_ONCE }, () => {
      return new pg.Client({ ...path, database: 'shop', ssl: false })
    })
    await Promise.all(batch.map((client) => client.connect()))
    clients.push(...batch)
  }
  return clients
}

/** Linux only. */
function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])
}
