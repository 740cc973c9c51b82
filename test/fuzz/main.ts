import { parseArgs } from 'node:util'
import { type Report, runFuzz, TARGETS } from './run.ts'

const USAGE = `usage: node dist/test/fuzz/main.js [--target ${[...TARGETS, 'all'].join('|')}] [--count N] [--seed N] [--from N] [--trace]

--count   cases of each target; 20000 where none is given
--seed    what chance begins with; printed, so that a run can be had again
--trace   says what each end of a session says and hears
--from    the number of the first case: a finding names the case to begin with`

function line({ target, seed, count, seconds, heapMiB, notes }: Report): string {
  const heap = `heap ${heapMiB.first.toFixed(0)} to ${heapMiB.last.toFixed(0)} MiB, at most ${heapMiB.most.toFixed(0)}`
  const extra = Object.entries(notes).map(([name, value]) => `${name} ${value}`)
  return [`${target}: ${count} cases, seed ${seed}, ${seconds.toFixed(0)} s`, heap, ...extra].join(
    ', ',
  )
}

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'all' },
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    from: { type: 'string', default: '0' },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const chosen = TARGETS.filter((target) => values.target === 'all' || values.target === target)
if (values.help || chosen.length === 0) console.log(USAGE)
for (const target of values.help ? [] : chosen) {
  const [seed, count, from] = [values.seed, values.count, values.from].map(Number) as [
    number,
    number,
    number,
  ]
  console.log(`${target}: seed ${seed}`)
  const report = await runFuzz({
    target,
    seed,
    count,
    from,
    ...(values.trace ? { trace: (line: string) => console.log(line) } : {}),
  })
  console.log(line(report))
  for (const finding of report.findings) console.error(finding)
  if (report.findings.length > 0) process.exitCode = 1
}
