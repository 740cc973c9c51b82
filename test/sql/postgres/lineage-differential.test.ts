import t from 'tap'
import { POSTGRES_VERSIONS, startPostgres } from '../../support/postgres.ts'
import { LINEAGE_SCHEMA, runLineageDifferential } from './lineage-differential.ts'

/** For each server; lineage-main.ts runs as many as are wanted. */
const COUNT = 1500
const SEED = 20_261_122

for (const version of POSTGRES_VERSIONS) {
  t.test(`${version}: a column that passes tells nothing of a classified value`, async (t) => {
    const server = await startPostgres(t, { version, schema: LINEAGE_SCHEMA })
    const report = await runLineageDifferential({ server, seed: SEED, count: COUNT })
    t.comment(`seed ${SEED}`, { ...report, findings: report.findings.length })
    t.same(report.findings, [])
    t.ok(report.ran > COUNT / 5, 'enough queries ran to mean something')
    t.ok(report.telling > COUNT / 20, 'enough of them told of classified values')
    t.ok(report.passed > report.columns / 3, 'what tells nothing stays readable')
    t.equal(report.disagreements, 0, 'lineage and the server say the same')
  })
}
