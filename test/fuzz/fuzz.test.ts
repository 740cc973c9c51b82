import t from 'tap'
import { runFuzz, type Target } from './run.ts'

/** Small here; `node dist/test/fuzz/main.js --count 1000000` runs as many as are wanted. */
const RUNS: readonly (readonly [Target, seed: number, count: number])[] = [
  ['decoders', 1, 20_000],
  ['sessions', 2, 6_000],
  ['process', 3, 150],
  ['mysql-decoders', 4, 20_000],
  ['mysql-sessions', 5, 3_000],
  ['mysql-process', 6, 200],
]

/** What lives after so many cases lives after any number: nothing of a case may stay. */
const HEAP_GROWTH_MIB = 32

for (const [target, seed, count] of RUNS) {
  t.test(`hostile bytes, ${target}: ${count} cases of seed ${seed}`, async (t) => {
    const { findings, heapMiB, notes } = await runFuzz({ target, seed, count })
    t.same(findings, [])
    t.ok(heapMiB.last - heapMiB.first < HEAP_GROWTH_MIB, 'no case stays in memory')
    t.comment(JSON.stringify(notes))
  })
}
