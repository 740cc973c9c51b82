import t from 'tap'
import { POSTGRES_VERSIONS, startPostgres } from '../../support/postgres.ts'
import { runDifferential } from './differential.ts'

/** For each server; differential-main.ts runs as many as are wanted. */
const COUNT = 2000
const SEED = 20_261_122

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: the server does no more than what was judged`, async (t) => {
    const server = await startPostgres(t, { version })
    const report = await runDifferential({ server, seed: SEED, count: COUNT })
    t.same(report.findings, [])
    t.comment(JSON.stringify({ ...report, findings: report.findings.length }))
    t.ok(report.ran > COUNT / 10, 'enough texts ran')
    t.ok(report.passed > COUNT / 20, 'enough texts passed to mean something')
    t.ok(report.dangerous > COUNT / 20, 'enough texts did something')
  })
}
