import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AuditEvent } from '../../src/audit/events.ts'
import { openTrail } from '../../src/audit/trail.ts'
import { registerReportShadow } from '../../src/cli/report-shadow.ts'
import { StillClock } from '../audit/fixtures.ts'
import { runCommand } from './command.ts'

const target = { system: 'postgresql', database: 'shop', environment: null } as const
const HOUR = 3_600_000

interface Said {
  readonly agent?: string
  readonly sql?: string | null
  readonly fingerprint?: string
  readonly decision?: 'allowed' | 'approved' | 'shadow'
  readonly rules?: readonly string[]
  readonly statement?: number
}

function intent({
  agent = 'billing-bot',
  sql = 'DELETE FROM t WHERE id = $1',
  fingerprint = 'f1',
  decision = 'shadow',
  rules = ['the-rest'],
  statement = 1,
}: Said): AuditEvent {
  return {
    type: 'statement.intent',
    session: 's',
    statement,
    actor: {
      agent,
      owners: [],
      onBehalfOf: null,
      address: '127.0.0.1',
      tls: null,
      applicationName: '',
    },
    target,
    stmt: {
      verb: 'DELETE',
      sql,
      sha256: 'x',
      fingerprint,
      effects: [{ effect: 'write', reason: 'it writes' }],
      tables: ['public.t'],
      classes: ['pii.email'],
      transaction: 'idle',
    },
    parametersHmac: null,
    decision,
    policy: 'f00d',
    rules,
    approval: null,
  }
}

async function setUp(t: Test) {
  const folder = t.testdir({ 'c.yaml': 'data: ./data' })
  const clock = new StillClock()
  const data = join(folder, 'data')
  const trail = await openTrail({
    folder: join(data, 'audit'),
    name: 'data',
    clock,
    version: '1',
    checkpoints: { everyMs: 60_000, keyPath: join(data, 'keys', 'audit.key') },
  })
  const run = (...args: string[]) =>
    runCommand(
      (program, io) => registerReportShadow(program, io, { clock }),
      ['report', 'shadow', '--config', join(folder, 'c.yaml'), ...args],
    )
  const report = async (...args: string[]) => {
    trail.flush()
    return JSON.parse((await run('--json', ...args)).out)
  }
  return { folder: join(data, 'audit'), clock, trail, run, report }
}

t.test('tells what people would have been asked for, by shape', async (t) => {
  const { clock, trail, run, report } = await setUp(t)
  t.match(await run(), { code: 0, out: /nobody would have been asked/ })
  trail.append(intent({ sql: 'DROP TABLE old', fingerprint: 'f0' }))
  clock.advance(10 * 24 * HOUR)
  for (const agent of ['billing-bot', 'billing-bot', 'pipeline']) trail.append(intent({ agent }))
  trail.append(intent({ rules: ['two-of-them'], sql: 'DELETE FROM t WHERE id = $1' }))
  trail.append(intent({ sql: 'COPY \u001b[2Jt TO STDOUT\n', fingerprint: 'f2' }))
  for (const decision of ['allowed', 'approved'] as const) trail.append(intent({ decision }))
  trail.append(intent({ decision: 'allowed', statement: 7, fingerprint: 'f3', sql: 'SELECT 1' }))
  const exceeded = { type: 'statement.exceeded', session: 's', rows: 10, reason: 'x' } as const
  trail.append({ ...exceeded, statement: 7, approval: null })
  trail.append({ ...exceeded, statement: 7, approval: { id: 'r', by: [], cleared: [] } })
  trail.append({ ...exceeded, statement: 99, approval: null })
  const action = {
    ...({ type: 'action.allowed', id: 'a', agent: 'deploy-bot', onBehalfOf: null } as const),
    ...{ action: 'model.deploy', resource: 'm', sha256: 'x', rules: ['deployments'] },
  }
  trail.append({ ...action, decision: 'shadow' })
  trail.append({ ...action, decision: 'allowed' })

  const { asked, shapes } = await report()
  t.equal(asked, 7)
  t.match(shapes, [
    {
      shape: 'DELETE FROM t WHERE id = $1',
      verb: 'DELETE',
      database: 'shop',
      count: 4,
      agents: [
        { agent: 'billing-bot', count: 3 },
        { agent: 'pipeline', count: 1 },
      ],
      rules: ['the-rest', 'two-of-them'],
      effects: ['write'],
      tables: ['public.t'],
      classes: ['pii.email'],
    },
    { verb: 'DELETE', count: 1 },
    { shape: 'SELECT 1', rules: ['limits'], count: 1 },
    { shape: 'model.deploy', verb: 'ACTION', rules: ['deployments'], count: 1 },
  ])
  t.equal(shapes.length, 4, 'what is older than a week is not in it')
  t.equal((await report('--since', '11d')).asked, 8)
  t.equal((await report('--since', '1ms')).asked, 7)
  const said = (await run()).out
  t.match(said, /asked 7 times, for 4 shapes/)
  t.match(
    said,
    /4 {2}shop {2}DELETE FROM t WHERE id = \$1; by billing-bot 3, pipeline 1; rule the-rest/,
  )
  t.notMatch(said, '\u001b', 'no text moves the cursor')
  t.equal(said.trimEnd().split('\n').length, 5)
  await trail.close()
})

t.test('counts what it can not read as nothing, and is used by its words', async (t) => {
  const { folder, trail, run, report } = await setUp(t)
  trail.append(intent({ sql: null }))
  trail.flush()
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.ndjson'))
  appendFileSync(
    join(folder, file),
    '{"v":1,"seq":9,"time":"2999-01-01T00:00:00.000Z","type":"statement.intent","decision":"shadow"}\nnot json\n',
  )
  t.match(await report(), { asked: 1, shapes: [{ shape: 'f1' }] }, 'without texts, by fingerprint')
  t.match(await run('--since', 'soon'), { code: 2, err: /--since takes a time/ })
  const nowhere = ['report', 'shadow', '--config', join(folder, 'none.yaml')]
  t.match(await runCommand(registerReportShadow, nowhere), { code: 2 })
  await trail.close()
})
