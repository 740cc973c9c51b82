import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { registerExplain } from '../../src/cli/explain.ts'
import { runCommand } from '../cli/command.ts'
import { startPostgres } from '../support/postgres.ts'
import { projectRoot } from '../support/project-root.ts'

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')
const page = read('docs/masking.md')

/** `$ countersign explain … "SQL"` and what it printed, one block each. */
const RUN = /^```\n\$ countersign explain … "([^"]+)"\n([\s\S]*?)^```$/gm
const CONFIG = /^```yaml\n([\s\S]*?)^```$/m

t.test('what explain says in the guide is what it says', async (t) => {
  const db = await startPostgres(t, { schema: read('fixtures/lineage/schema.sql') })
  const [, shown = ''] = CONFIG.exec(page) ?? []
  const [classified = '', masks = ''] = shown.split(/^(?=masks:)/m)
  const folder = t.testdir({
    'c.yaml': `
databases:
  shop:
    upstream: postgres://app:\${P}@127.0.0.1:${db.port}/shop
    ${classified.replaceAll('\n', '\n    ')}
${masks}
people: { ana@example.com: { groups: [approvers] } }
agents: { bot: { owners: [ana@example.com], databases: [shop] } }
`,
  })
  const where = ['--config', join(folder, 'c.yaml'), '--database', 'shop', '--agent', 'bot']
  const runs = [...page.matchAll(RUN)]
  t.equal(runs.length, 5, 'five hard queries')
  for (const [, sql = '', printed] of runs) {
    const run = await runCommand(registerExplain, ['explain', ...where, sql], { P: db.password })
    t.equal(run.code, 0, run.err)
    t.equal(run.out, printed, sql)
  }
})

t.test('the guide names what there is', async (t) => {
  const flows = read('src/sql/output-lineage.ts').match(/^export type Flow = (.*)$/m)?.[1] ?? ''
  for (const [, flow] of flows.matchAll(/'([\w-]+)'/g)) t.match(page, `| \`${flow}\` |`)
  t.match(read('src/proxy.ts'), 'lineage_disagreements_total')
})
