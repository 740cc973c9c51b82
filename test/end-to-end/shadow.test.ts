import t, { type Test } from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { rule } from '../support/e2e-config.ts'
import { connectAgent, errorFrom, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'

const limit = (rows: number, action: string) => {
  const then = ['then', action] as const
  return Object.fromEntries([['classes', ['pii.*']], ['rows_per_statement', rows], then])
}

t.jobs = ONE_SIDE_EACH.length
for (const side of ONE_SIDE_EACH) t.test(side.name, { buffered: true }, (t) => shadow(t, side))

async function shadow(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return
  const schema = side.system === 'mysql' ? 'shop' : 'public'
  const proxy = await startCountersign(t, {
    upstream: db.upstream,
    config: {
      mode: 'shadow',
      rules: [
        rule('never', { verb: 'DROP TABLE', tables: [`${schema}.customers`] }, { deny: 'Never.' }),
        rule(
          'the-rest',
          { effect: ['ddl', 'unbounded-write'] },
          { approve: { by: ['approvers'] } },
        ),
      ],
      limits: [limit(1, 'approve'), limit(4, 'deny')],
    },
  })

  t.test('holds nothing, and goes on to mask and to deny', async (t) => {
    const client = await connectAgent(t, side, proxy)
    await client.query('DELETE FROM scratch')
    await client.query('DROP TABLE scratch', [])
    t.equal(await db.exists('scratch'), false, 'nobody was asked')
    const rows = await client.query('SELECT id, email FROM customers')
    t.equal(rows.length, 2, 'past a limit that would have asked')
    t.notMatch(JSON.stringify(rows), 'ada.marsh', 'masked as ever')
    const many = 'SELECT c.email FROM customers c, customers d, customers e'
    t.equal((await errorFrom(client.query(many))).code, '42501', 'past one that denies')
    t.equal((await errorFrom(client.query('DROP TABLE customers'))).code, '42501')
    t.equal(await db.exists('customers'), true)
    t.same(await proxy.requests(), [])
  })

  t.test('and the report says what would have been held', async (t) => {
    const report = await proxy.command('report', 'shadow', '--since', '1h')
    const shapes = report.shapes as { shape: string; count: number; rules: string[] }[]
    const seen = shapes.map(({ shape, count, rules }) => [shape, count, rules.join()])
    const expected = [
      ['DELETE FROM scratch', 1, 'the-rest'],
      ['DROP TABLE scratch', 1, 'the-rest'],
      ['SELECT id, email FROM customers', 1, 'limits'],
      ['SELECT c.email FROM customers c, customers d, customers e', 1, 'limits'],
    ]
    t.same(seen.sort(), expected.sort())
    t.match(shapes[0], { agents: [{ agent: 'bot', count: 1 }] })
  })
}
