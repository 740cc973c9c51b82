import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { registerCheck } from '../../src/cli/check.ts'
import { registerExplain } from '../../src/cli/explain.ts'
import { openMysqlShop } from '../catalog/mysql-shop.ts'
import { MYSQL_FLAVOURS } from '../support/mysql.ts'
import { runCommand } from './command.ts'

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: check and explain`, async (t) => {
    const shop = await openMysqlShop(t, flavour, { 'local-infile': '0' })
    if (!shop) return
    const { admin, server } = shop
    const folder = t.testdir({})
    const path = join(folder, 'c.yaml')
    await admin.query("ALTER USER app IDENTIFIED BY 'hunter2'")
    const at = (login: string, port = server.port) => `mysql://${login}@127.0.0.1:${port}/shop`
    const withPassword = (user: string, port?: number) => at(`${user}:\${P}`, port)
    const app = withPassword('app')

    await t.test('check says all that is wrong at once', async (t) => {
      const check = (text: string) => {
        writeFileSync(path, text)
        return runCommand(registerCheck, ['check', '--config', path], { P: 'hunter2' })
      }
      const good = await check(`
databases:
  shop:
    upstream: ${app}
    classified: { shop.people.EMAIL: pii.email, "*.ssn": pii.id, shop.People.name: pii.name }
people: { ana@example.com: { groups: [approvers] } }`)
      t.equal(good.code, 0, good.out)
      for (const line of [
        /^warning {2}databases\.shop: The user app@% can't see the definitions \(SHOW VIEW\) of /m,
        /^warning {2}databases\.shop: The user app@% can't see the code of shop\.restock/m,
        /^warning {2}databases\.shop: no column is called shop\.People\.name/m,
        / 4 warnings$/m,
      ]) {
        t.match(good.out, line)
      }

      const broken = await check(`
databases:
  root: { upstream: "${at('root')}?sslmode=disable" }
  nobody: { upstream: "${withPassword('nobody')}" }
  nowhere: { upstream: "${withPassword('app', 1)}" }
  odd: { upstream: "${app}?sslmode=maybe" }
  strict: { upstream: "${app}?sslmode=verify-full" }
  missing: { upstream: "${app.replace('/shop', '/nothing')}" }`)
      t.equal(broken.code, 1)
      for (const line of [
        /^warning {2}databases\.root: The user root@localhost is an administrator/m,
        /^problem {2}databases\.nobody\.upstream: 127\.0\.0\.1:\d+\/shop can't be reached as nobody: (?:Access denied|the user isn't known)/m,
        /^problem {2}databases\.nowhere\.upstream: .*ECONNREFUSED/m,
        /^problem {2}databases\.odd\.upstream: .*sslmode=maybe/m,
        /^problem {2}databases\.strict\.upstream: .*(?:certificate|secure connection)/m,
        /^problem {2}databases\.missing\.upstream: .*(?:Unknown database|Access denied)/m,
      ]) {
        t.match(broken.out, line)
      }
      t.notMatch(broken.out, /hunter2/)
    })

    await t.test(
      'explain says what would become of a statement, and runs none of it',
      async (t) => {
        await admin.query("SET GLOBAL sql_mode = 'ANSI_QUOTES'")
        await admin.query('GRANT SHOW VIEW ON shop.* TO app')
        writeFileSync(
          path,
          `
databases:
  shop:
    upstream: ${app}
    classified: { shop.people.email: pii.email, shop.people.ssn: hr.ssn }
masks: { pii.email: partial }
people: { ana@example.com: { groups: [dba, approvers] } }
agents: { bot: { owners: [ana@example.com], databases: [shop] } }
rules:
  - name: ddl-by-two
    when: { effect: ddl, group: dba }
    then: { approve: { by: [dba], count: 2 } }
  - name: no-ssn
    when: { classes: ["hr.*"] }
    then: { deny: Numbers are nobody's business. }
`,
        )
        const run = (sql: string, ...more: string[]) => {
          const where = ['--config', path, '--database', 'shop', '--agent', 'bot']
          return runCommand(registerExplain, ['explain', ...where, ...more, sql], { P: 'hunter2' })
        }
        const json = await run(
          'SELECT id, email, upper(email) AS u FROM people; DROP TABLE log',
          '--json',
        )
        t.equal(json.code, 0, json.err)
        t.match(JSON.parse(json.out), {
          statements: [
            {
              verb: 'SELECT',
              effects: [{ effect: 'read', rule: 'default', action: { kind: 'allow' } }],
              tables: [{ schema: 'shop', name: 'people', classes: { Email: 'pii.email' } }],
              decision: { kind: 'allow' },
              outputs: [
                { name: 'id', lineage: [], mask: null },
                { name: 'email', classes: ['pii.email'], mask: 'partial' },
                { name: 'u', classes: ['pii.email'], mask: 'redact' },
              ],
            },
            {
              verb: 'DROP TABLE',
              effects: [{ effect: 'ddl', rule: 'ddl-by-two' }],
              decision: { kind: 'require-approval', requirements: [{ count: 2 }] },
              outputs: null,
            },
          ],
        })
        t.match(
          (await run('SELECT "ssn" FROM people')).out,
          /deny, by the rule no-ssn/,
          'its modes',
        )
        t.match(
          (await run('SELECT id, count(email) AS n, email IS NULL AS e FROM people GROUP BY id'))
            .out,
          /id: identity from shop\.people\.id; in clear\n.*n: aggregate-safe from shop\.people\.email \(pii\.email\); in clear\n.*e: aggregate-safe/i,
        )
        t.match((await run('SELECT reach FROM contacts')).out, /output {5}reach: .*masked: partial/)
        const unread = await run('SELECT x.* FROM nothing_here x')
        t.match(
          unread.out,
          /output {5}\*: derived from what is not certain \(unknown\); masked: redact/,
        )
        t.match((await run('SELECT price FROM goods')).out, /decision {3}allow/)
        t.notMatch((await run('UPDATE people SET name = 1 WHERE id = 1')).out, /output/)
        t.match((await run("SELECT 'half")).out, /opaque/, 'what nobody can read is held')
        t.match(await run('SELECT 1', '--agent', 'nobody'), {
          code: 2,
          err: /nobody is not listed/,
        })
        const [tables] = await admin.query("SHOW TABLES LIKE 'log'")
        t.equal((tables as unknown as readonly unknown[]).length, 1)
      },
    )
  })
}
