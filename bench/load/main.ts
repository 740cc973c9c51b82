import { Cleanup } from './cleanup.ts'
import { interleaved, measureLatency, QUERIES } from './latency.ts'
import { buildWorld } from './paths.ts'

const cleanup = new Cleanup()
try {
  const world = await buildWorld(cleanup)
  console.log(world.versions)
  for (const query of QUERIES) {
    for (const clients of [1, 8]) {
      const m = await interleaved(world.paths, 3, (p) =>
        measureLatency(p, query, { clients, seconds: 2 }),
      )
      const d = m.get('direct')?.p50 ?? 0
      const b = (m.get('pgbouncer')?.p50 ?? 0) - d
      for (const [name, f] of m)
        console.log(
          query.name,
          clients,
          name,
          f,
          'added',
          f.p50 - d,
          'x bouncer',
          ((f.p50 - d) / b).toFixed(2),
        )
    }
  }
} finally {
  await cleanup.run()
}
