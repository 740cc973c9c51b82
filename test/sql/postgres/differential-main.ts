import { compareMain, tell } from '../../support/compare-main.ts'
import { POSTGRES_VERSIONS, startPostgres } from '../../support/postgres.ts'
import { runDifferential } from './differential.ts'

const usage = `usage: node dist/test/sql/postgres/differential-main.js [--version newest|oldest|all] [--count N] [--seed N] [--from N]

Runs mutated statements on real servers, each undone, and compares what they did with how they are judged.
--count   statements for each server; 20000 where none is given
--seed    what chance begins with; printed, so that a run can be had again
--from    the first case`

const options = { usage, by: 'version', kinds: POSTGRES_VERSIONS, count: 20_000 }
await compareMain(options, async (version, cases, ends) => {
  const server = await startPostgres(ends, { version })
  console.log(`${server.version}: seed ${cases.seed}`)
  tell(server.version, await runDifferential({ server, ...cases }))
})
