import { compareMain, tell } from '../../support/compare-main.ts'
import { POSTGRES_VERSIONS, startPostgres } from '../../support/postgres.ts'
import { LINEAGE_SCHEMA, runLineageDifferential } from './lineage-differential.ts'

const usage = `usage: node dist/test/sql/postgres/lineage-main.js [--version newest|oldest] [--count N] [--seed N] [--from N]

Sends random queries to two databases that differ in classified values alone, and looks for a
difference in the columns that would pass.
--count   queries for each server; 5000 where none is given
--seed    what chance begins with; printed, so that a run can be had again`

const options = { usage, by: 'version', kinds: POSTGRES_VERSIONS, count: 5_000 }
await compareMain(options, async (version, cases, ends) => {
  const server = await startPostgres(ends, { version, schema: LINEAGE_SCHEMA })
  console.log(`PostgreSQL ${server.version}: seed ${cases.seed}`)
  tell(`PostgreSQL ${server.version}`, await runLineageDifferential({ server, ...cases }))
})
