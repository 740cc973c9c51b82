import { parseArgs } from 'node:util'
import { runCanaries } from './run.ts'
import { hasServer } from './servers.ts'

const FLAVOURS = ['postgres', 'mariadb', 'mysql'] as const
const USAGE = `usage: node dist/test/canaries/main.js [--server ${FLAVOURS.join('|')}|all] [--count N] [--seed N] [--from N] [--changes]

Random schemas with canaries in their classified columns, and random statements through the proxy: no
byte that leaves may hold one.
--count    stories for each server; 2000 where none is given
--seed     what chance begins with; printed, so that a run can be had again
--from     the number of the first story: a finding names it
--changes  also shows honest answers that didn't come back as they were`

const { values } = parseArgs({
  options: {
    server: { type: 'string', default: 'all' },
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
    changes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const [seed, count, from] = [values.seed, values.count, values.from].map(Number) as [
  number,
  number,
  number,
]

if (values.help) console.log(USAGE)
for (const flavour of values.help ? [] : FLAVOURS) {
  if (values.server !== 'all' && values.server !== flavour) continue
  if (!hasServer(flavour)) {
    console.log(`${flavour}: not on this machine`)
    continue
  }
  console.log(`${flavour}: seed ${seed}`)
  const { findings, changes, lost, ...tally } = await runCanaries({ flavour, seed, count, from })
  console.log(flavour, { ...tally, lost: lost.length, changes: changes.length })
  const shown = values.changes ? [...lost, ...changes] : []
  for (const finding of [...findings, ...shown]) console.error(finding)
  if (findings.length > 0) process.exitCode = 1
}
