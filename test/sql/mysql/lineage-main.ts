import { parseArgs } from 'node:util'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'
import { runLineageDifferential } from './lineage-differential.ts'

const USAGE = `usage: node dist/test/sql/mysql/lineage-main.js [--flavour mariadb|mysql|machine|all] [--count N] [--seed N] [--from N]

Sends random queries to real servers and compares what comes out with what lineage says of it.
--count   queries for each server; 5000 where none is given
--seed    what chance begins with; printed, so that a run can be had again`

const { values } = parseArgs({
  options: {
    flavour: { type: 'string', default: 'all' },
    count: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})

const ends: (() => unknown)[] = []
try {
  if (values.help) console.log(USAGE)
  for (const flavour of values.help ? [] : MYSQL_FLAVOURS) {
    if (values.flavour !== 'all' && values.flavour !== flavour) continue
    const server = await startMysql({ teardown: (end) => ends.push(end) }, flavour)
    if (!server) {
      console.log(`${flavour}: not on this machine`)
      continue
    }
    const [seed, count, from] = [values.seed, values.count, values.from].map(Number) as [
      number,
      number,
      number,
    ]
    console.log(`${server.version}: seed ${seed}`)
    const { findings, ...tally } = await runLineageDifferential({ server, seed, count, from })
    console.log(server.version, tally)
    for (const finding of findings) console.error(finding)
    if (findings.length > 0) process.exitCode = 1
  }
} finally {
  for (const end of ends) await end()
}
