import { parseArgs } from 'node:util'
import { POSTGRES_VERSIONS, startPostgres } from '../../support/postgres.ts'
import { runDifferential } from './differential.ts'

const USAGE = `usage: node dist/test/sql/postgres/differential-main.js [--version newest|oldest|all] [--count N] [--seed N] [--from N]

Runs mutated statements on real servers, each undone, and compares what they did with how they are judged.
--count   statements for each server; 20000 where none is given
--seed    what chance begins with; printed, so that a run can be had again
--from    the first case`

const { values } = parseArgs({
  options: {
    version: { type: 'string', default: 'all' },
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})

const ends: (() => unknown)[] = []
try {
  if (values.help) console.log(USAGE)
  for (const version of values.help ? [] : POSTGRES_VERSIONS) {
    if (values.version !== 'all' && values.version !== version) continue
    const server = await startPostgres({ teardown: (end) => ends.push(end) }, { version })
    const seed = Number(values.seed)
    console.log(`${server.version}: seed ${seed}`)
    const { findings, ...tally } = await runDifferential({
      server,
      seed,
      count: Number(values.count),
      from: Number(values.from),
    })
    console.log(server.version, tally)
    for (const finding of findings) console.error(finding)
    if (findings.length > 0) process.exitCode = 1
  }
} finally {
  for (const end of ends.reverse()) await end()
}
