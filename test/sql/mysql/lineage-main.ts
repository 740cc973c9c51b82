import { compareMain, tell } from '../../support/compare-main.ts'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'
import { runLineageDifferential } from './lineage-differential.ts'

const usage = `usage: node dist/test/sql/mysql/lineage-main.js [--flavour mariadb|mysql|machine|all] [--count N] [--seed N] [--from N]

Sends random queries to real servers and compares what comes out with what lineage says of it.
--count   queries for each server; 5000 where none is given
--seed    what chance begins with; printed, so that a run can be had again`

const options = { usage, by: 'flavour', kinds: MYSQL_FLAVOURS, count: 5_000 }
await compareMain(options, async (flavour, cases, ends) => {
  const server = await startMysql(ends, flavour)
  if (!server) {
    console.log(`${flavour}: not on this machine`)
    return
  }
  console.log(`${server.version}: seed ${cases.seed}`)
  tell(server.version, await runLineageDifferential({ server, ...cases }))
})
