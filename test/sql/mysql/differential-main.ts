import { compareMain, tell } from '../../support/compare-main.ts'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'
import { runDifferential } from './differential.ts'
import { differentialCorpus, WATCHED_SCHEMA } from './differential-corpus.ts'

const usage = `usage: node dist/test/sql/mysql/differential-main.js [--flavour mariadb|mysql|machine|all] [--count N] [--seed N] [--from N]

Sends mutated statements to real servers and compares what they run with how they are judged.
--count   statements for each server; 20000 where none is given
--seed    what chance begins with; printed, so that a run can be had again`

const options = { usage, by: 'flavour', kinds: MYSQL_FLAVOURS, count: 20_000 }
await compareMain(options, async (flavour, { seed, count, from }, ends) => {
  const corpus = differentialCorpus()
  const until = from + count
  for (let at = from; at < until; ) {
    const server = await startMysql(ends, flavour, { schema: WATCHED_SCHEMA })
    if (!server) {
      console.log(`${flavour}: not on this machine`)
      return
    }
    console.log(`${server.version}: seed ${seed}, from case ${at}`)
    const cases = { seed, count: until - at, from: at }
    const { died, ...outcome } = await runDifferential({ server, corpus, ...cases })
    tell(server.version, outcome)
    if (died) console.log(`the server died at case ${died.at}: ${died.text}`)
    // A server that dies of a fault of its own is started anew behind the text that it died of.
    at = died ? died.at + 1 : until
  }
})
