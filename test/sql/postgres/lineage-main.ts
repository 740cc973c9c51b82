import { parseArgs } from 'node:util'
import { POSTGRES_VERSIONS, startPostgres } from '../../support/postgres.ts'
import { LINEAGE_SCHEMA, runLineageDifferential } from './lineage-differential.ts'

const USAGE = `usage: node dist/test/sql/postgres/lineage-main.js [--version newest|oldest] [--count N] [--seed N] [--from N]

Sends random queries to two databases that differ in classified values alone, and looks for a
difference in the columns that would pass.
--count   queries for each server; 5000 where none is given
--seed    what chance begins with; printed, so that a run can be had again`

const { values } = parseArgs({
  options: {
    version: { type: 'string', default: 'all' },
    count: { type: 'string', default: '5000' },
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
    const teardown = (end: () => unknown) => ends.push(end)
    const server = await startPostgres({ teardown }, { version, schema: LINEAGE_SCHEMA })
    const [seed, count, from] = [values.seed, values.count, values.from].map(Number) as [
      number,
      number,
      number,
    ]
    console.log(`PostgreSQL ${server.version}: seed ${seed}`)
    const { findings, ...tally } = await runLineageDifferential({ server, seed, count, from })
    console.log(tally)
    for (const finding of findings) console.error(finding)
    if (findings.length > 0) process.exitCode = 1
  }
} finally {
  for (const end of ends) await end()
}
