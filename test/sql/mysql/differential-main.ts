import { parseArgs } from 'node:util'
import { MYSQL_FLAVOURS, type MysqlFlavour, startMysql } from '../../support/mysql.ts'
import { runDifferential } from './differential.ts'
import { differentialCorpus, WATCHED_SCHEMA } from './differential-corpus.ts'

const USAGE = `usage: node dist/test/sql/mysql/differential-main.js [--flavour mariadb|mysql|machine|all] [--count N] [--seed N] [--from N]

Sends mutated statements to real servers and compares what they run with how they are judged.
--count   statements for each server; 20000 where none is given
--seed    what chance begins with; printed, so that a run can be had again`

const { values } = parseArgs({
  options: {
    flavour: { type: 'string', default: 'all' },
    count: { type: 'string', default: '20000' },
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
    await runOn(flavour)
  }
} finally {
  for (const end of ends) await end()
}

/** A server that dies of a fault of its own is started anew behind the text that it died of. */
async function runOn(flavour: MysqlFlavour): Promise<void> {
  const [seed, count, from] = [values.seed, values.count, values.from].map(Number) as [
    number,
    number,
    number,
  ]
  for (let at = from; at < from + count; ) {
    const server = await startMysql({ teardown: (end) => ends.push(end) }, flavour, {
      schema: WATCHED_SCHEMA,
    })
    if (!server) {
      console.log(`${flavour}: not on this machine`)
      return
    }
    console.log(`${server.version}: seed ${seed}, from case ${at}`)
    const options = {
      server,
      corpus: differentialCorpus(),
      seed,
      count: from + count - at,
      from: at,
    }
    const { findings, died, ...tally } = await runDifferential(options)
    console.log(server.version, tally)
    if (died) console.log(`the server died at case ${died.at}: ${died.text}`)
    for (const finding of findings) console.error(finding)
    if (findings.length > 0) process.exitCode = 1
    at = died ? died.at + 1 : from + count
  }
}
