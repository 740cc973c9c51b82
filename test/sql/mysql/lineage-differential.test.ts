import t from 'tap'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'
import { runLineageDifferential } from './lineage-differential.ts'

/** For each server; lineage-main.ts runs as many as are wanted. */
const COUNT = 400
const SEED = 20_261_122

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour} shows no classified value in a column that is fit to see`, async (t) => {
    const server = await startMysql(t, flavour)
    if (!server) {
      t.comment(`SKIPPED: there is no ${flavour} on this machine; run scripts/get-mysql ${flavour}`)
      t.pass('skipped')
      return
    }
    const report = await runLineageDifferential({ server, seed: SEED, count: COUNT })
    t.same(report.findings, [])
    t.ok(report.ran > COUNT / 5, 'enough queries ran to mean something')
    t.ok(report.telling > COUNT / 20, 'enough of them told of classified values')
    t.ok(report.followed > report.ran * 0.9, 'most of them were followed')
    t.ok(report.fit > report.columns / 3, 'what tells nothing stays readable')
  })
}
