import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Path, PathName } from './systems.ts'

export const MILLION_ROWS = '1,000,000 rows'

/** One kind of query, as pgbench runs it. */
export interface Query {
  readonly name: string
  /** A pgbench script. */
  readonly script: string
  /** How it is sent: as a simple query, or prepared once and executed by name. */
  readonly mode: 'simple' | 'extended' | 'prepared'
}

export const QUERIES: readonly Query[] = [
  { name: 'SELECT 1', script: 'SELECT 1;', mode: 'simple' },
  {
    name: '10 columns, prepared',
    script: '\\set id random(1, 1000)\nSELECT * FROM ten WHERE id = :id;',
    mode: 'prepared',
  },
  {
    // Its record is on disk before it runs: what is measured is the disk, too.
    name: 'INSERT of a row, prepared',
    script: '\\set id random(1, 1000)\nINSERT INTO notes VALUES (:id);',
    mode: 'prepared',
  },
  {
    name: '10 columns, new text each time',
    script:
      '\\set id random(1, 1000)\n\\set salt random(1, 2000000000)\nSELECT *, :salt FROM ten WHERE id = :id;',
    mode: 'simple',
  },
]

export type Latency = {
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
  /** Transactions per second. */
  readonly tps: number
}

/**
 * Runs one query over one path for some seconds, by pgbench, which writes down how long each took.
 *
 * @throws Error with what pgbench said, where it failed
 */
export async function measureLatency(
  path: Path,
  query: Query,
  options: { readonly clients: number; readonly seconds: number },
): Promise<Latency> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-pgbench-'))
  try {
    const script = join(folder, 'query.sql')
    writeFileSync(script, query.script)
    // The time runs while clients connect, too.
    const time = options.seconds + Math.ceil(options.clients / 16)
    const tps = await pgbench(path, [
      ...['--no-vacuum', '--file', script, '--protocol', query.mode],
      ...['--client', String(options.clients), '--time', String(time)],
      ...['--log', '--log-prefix', join(folder, 'log')],
    ])
    return { ...percentiles(readTimes(folder)), tps }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Transactions per second, without the time that connecting took. */
async function pgbench(path: Path, args: readonly string[]): Promise<number> {
  const where = ['--host', path.host, '--port', String(path.port), '--username', path.user]
  const child = spawn('pgbench', [...where, ...args, 'shop'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PGPASSWORD: path.password },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      said += chunk
    })
  }
  const [code] = await once(child, 'close')
  const tps = Number(/^tps = ([\d.]+)/m.exec(said)?.[1])
  if (code !== 0 || !(tps > 0)) throw new Error(`pgbench by the path ${path.name}: ${said}`)
  return tps
}

/** Columns of a line: client, transaction, microseconds, script, ... */
function readTimes(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('log'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => Number(line.split(' ')[2]))
}

/** Sorts what it gets. */
export function percentiles(times: number[]): { readonly p50: number; readonly p99: number } {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

/**
 * Runs paths in turns, in another order each round, and takes each figure's median. The first round
 * isn't counted: code that has never run is slow.
 */
export async function interleaved<T extends Record<string, number>>(
  paths: readonly Path[],
  rounds: number,
  measure: (path: Path) => Promise<T>,
): Promise<Map<PathName, T>> {
  const seen = new Map<PathName, T[]>()
  for (let round = 0; round <= rounds; round++) {
    const shift = round % paths.length
    for (const path of [...paths.slice(shift), ...paths.slice(0, shift)]) {
      const figures = await measure(path)
      if (round > 0) seen.set(path.name, [...(seen.get(path.name) ?? []), figures])
    }
  }
  return new Map([...seen].map(([name, figures]) => [name, medians(figures)]))
}

function medians<T extends Record<string, number>>(figures: readonly T[]): T {
  const keys = Object.keys(figures[0] ?? {})
  const middle = (key: string) => {
    const sorted = figures.map((each) => each[key] ?? 0).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? 0
  }
  return Object.fromEntries(keys.map((key) => [key, middle(key)])) as T
}
