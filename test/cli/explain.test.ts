import { join } from 'node:path'
import t from 'tap'
import { registerExplain } from '../../src/cli/explain.ts'
import { SHOP_SCHEMA } from '../sql/shop.ts'
import { startPostgres } from '../support/postgres.ts'
import { runCommand } from './command.ts'

t.test('explain says what would become of a statement, and runs none of it', async (t) => {
  const server = await startPostgres(t, { schema: SHOP_SCHEMA })
  const folder = t.testdir({
    'c.yaml': `
databases:
  shop:
    upstream: postgres://app:\${P}@127.0.0.1:${server.port}/shop
    classified: { public.people.email: pii.email, public.staff.pay: hr.pay }
  other: { upstream: "postgres://app@127.0.0.1:1/other" }
masks: { pii.email: partial }
people: { ana@example.com: { groups: [dba, approvers] } }
agents: { bot: { owners: [ana@example.com], databases: [shop] } }
rules:
  - name: ddl-by-two
    when: { effect: ddl, group: dba }
    then: { approve: { by: [dba], count: 2 } }
  - name: no-pay
    when: { classes: ["hr.*"] }
    then: { deny: Pay is nobody's business. }
`,
  })
  const run = (sql: string, ...more: string[]) => {
    const where = ['--config', join(folder, 'c.yaml'), '--database', 'shop', '--agent', 'bot']
    return runCommand(registerExplain, ['explain', ...where, ...more, sql], { P: 'app-password' })
  }

  const json = await run(
    'SELECT id, email, upper(email) AS u FROM people; DROP TABLE notes',
    '--json',
  )
  t.equal(json.code, 0, json.err)
  t.match(JSON.parse(json.out), {
    statements: [
      {
        verb: 'SELECT',
        effects: [{ effect: 'read', rule: 'default', action: { kind: 'allow' } }],
        tables: [{ schema: 'public', name: 'people', classes: { email: 'pii.email' } }],
        columns: ['public.people.id', 'public.people.email'],
        decision: { kind: 'allow' },
        outputs: [
          {
            name: 'id',
            flow: 'identity',
            sources: [{ column: 'people.id' }],
            lineage: [],
            mask: null,
          },
          { name: 'email', flow: 'identity', lineage: ['people.email'], mask: 'partial' },
          { name: 'u', flow: 'derived', lineage: ['people.email'], mask: 'redact' },
        ],
      },
      {
        verb: 'DROP TABLE',
        effects: [{ effect: 'ddl', rule: 'ddl-by-two' }],
        decision: { kind: 'require-approval', requirements: [{ count: 2 }] },
      },
    ],
  })
  const text = await run('SELECT pay FROM staff')
  t.match(text.out, /output {5}pay: identity from staff\.pay \(hr\.pay\); masked: redact/)
  t.match(text.out, /deny, by the rule no-pay: Pay is nobody's business\./)
  t.match(await run('SELEC'), { code: 1, err: /syntax error/ })
  t.match(await run('SELECT 1', '--agent', 'nobody'), { code: 2, err: /nobody is not listed/ })
  t.match(await run('SELECT 1', '--database', 'other'), { code: 2, err: /may not use other/ })
  t.same((await server.query('SELECT count(*)::int FROM notes')).rows, [{ count: 0 }])
})
