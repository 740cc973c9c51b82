import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DECODERS, roundOf } from './decoders.ts'
import { MYSQL_DECODERS } from './mysql-decoders.ts'
import { Random, seedOf } from './random.ts'

export const TARGETS = [
  'decoders',
  'sessions',
  'process',
  'mysql-decoders',
  'mysql-sessions',
  'mysql-process',
] as const
export type Target = (typeof TARGETS)[number]

export interface FuzzOptions {
  readonly target: Target
  readonly seed: number
  readonly count: number
  /** Number of the first case. */
  readonly from?: number
  /** Hears every step of the target `sessions`. */
  readonly trace?: (line: string) => void
}

export interface Report {
  readonly target: Target
  readonly seed: number
  readonly count: number
  readonly seconds: number
  /** After a collection each time. */
  readonly heapMiB: { readonly first: number; readonly last: number; readonly most: number }
  /** What the target counted. */
  readonly notes: Readonly<Record<string, number>>
  /** What was wrong, each with the case that shows it. */
  readonly findings: readonly string[]
}

/** One target: `run` does the case of this number, `end` tells what was counted. */
export interface Fuzzer {
  run(random: Random, index: number): void | Promise<void>
  end(): Promise<Readonly<Record<string, number>>>
}

/** Enough to see what is wrong; the first is the one to look at. */
const MAX_FINDINGS = 10

function decoders(known: typeof DECODERS): Fuzzer {
  const round = roundOf(known)
  return {
    run: (random, index) => round[index % round.length]?.(random),
    end: async () => ({}),
  }
}

async function fuzzerOf({ target, trace }: FuzzOptions): Promise<Fuzzer> {
  switch (target) {
    case 'decoders':
      return decoders(DECODERS)
    case 'mysql-decoders':
      return decoders(MYSQL_DECODERS)
    case 'sessions': {
      const { openFuzzWorld } = await import('./fuzz-world.ts')
      return (await import('./sessions.ts')).openSessionFuzzer(await openFuzzWorld(), trace)
    }
    case 'mysql-sessions': {
      const { openMysqlFuzzWorld } = await import('./mysql-world.ts')
      return (await import('./sessions.ts')).openSessionFuzzer(openMysqlFuzzWorld(), trace)
    }
    case 'process':
      return (await import('./process.ts')).openProcessFuzzer()
    case 'mysql-process':
      return (await import('./mysql-process.ts')).openMysqlProcessFuzzer()
  }
}

/** Runs a number of cases; bounded by their count, never by time. */
export async function runFuzz(options: FuzzOptions): Promise<Report> {
  const { target, seed, count, from = 0 } = options
  const fuzzer = await fuzzerOf(options)
  const started = performance.now()
  const heap: number[] = []
  const findings: string[] = []
  const step = Math.max(Math.ceil(count / 20), 1)
  for (let index = from; index < from + count && findings.length < MAX_FINDINGS; index++) {
    // The first twentieth warms up.
    if (index > from && (index - from) % step === 0) heap.push(heapMiB())
    try {
      await fuzzer.run(new Random(seedOf(seed, index)), index)
    } catch (error) {
      const what = error instanceof Error ? error.stack : String(error)
      findings.push(`${target}, --seed ${seed} --from ${index} --count 1: ${what}`)
    }
  }
  const notes = await fuzzer.end()
  heap.push(heapMiB())
  const heapMiBs = { first: heap[0] ?? 0, last: heap.at(-1) ?? 0, most: Math.max(...heap) }
  const seconds = (performance.now() - started) / 1000
  return { target, seed, count, seconds, heapMiB: heapMiBs, notes, findings }
}

let collect: (() => void) | null = null

/** What lives, in MiB: collected first, so that rubbish doesn't count. */
function heapMiB(): number {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}
