/** One thing that is timed. */
export interface Case {
  readonly name: string
  /** How many operations one call of `run` makes; its time is divided by it. */
  readonly operations: number
  readonly run: () => unknown
  /** Bytes that one operation handles, where a throughput says more than a time. */
  readonly bytes?: number
}

export interface Figure {
  readonly name: string
  /** Nanoseconds: the median of the batches, and the fastest. */
  readonly median: number
  readonly fastest: number
  readonly bytes: number | null
}

const WARM_UP_MS = 300
const BATCHES = 30
const BATCH_MS = 20

/**
 * Times each case by itself, in batches that are long enough for the clock. `settle` runs between
 * two batches, and isn't timed.
 */
export async function measure(
  cases: readonly Case[],
  settle: () => Promise<unknown>,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const each of cases) {
    const calls = await warmUp(each)
    await settle()
    const times: number[] = []
    for (let batch = 0; batch < BATCHES; batch++) {
      const start = performance.now()
      for (let call = 0; call < calls; call++) {
        const result = each.run()
        // An await where nothing is to be awaited would cost a turn.
        if (result instanceof Promise) await result
      }
      times.push(((performance.now() - start) * 1e6) / calls / each.operations)
      await settle()
    }
    times.sort((a, b) => a - b)
    const median = times[Math.floor(times.length / 2)] ?? 0
    figures.push({ name: each.name, median, fastest: times[0] ?? 0, bytes: each.bytes ?? null })
  }
  return figures
}

/** How often `run` is called in one batch. */
async function warmUp({ run }: Case): Promise<number> {
  const start = performance.now()
  let calls = 0
  while (performance.now() - start < WARM_UP_MS) {
    const result = run()
    if (result instanceof Promise) await result
    calls++
  }
  return Math.max(1, Math.round((calls * BATCH_MS) / WARM_UP_MS))
}
