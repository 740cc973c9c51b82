import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ActorRecord, StatementRecord } from '../../src/audit/events.ts'
import { openTrail } from '../../src/audit/trail.ts'
import { registerAudit } from '../../src/cli/audit.ts'
import { StillClock } from '../audit/fixtures.ts'
import { runCommand } from './command.ts'

const actor = (agent: string): ActorRecord => ({
  agent,
  owners: [],
  onBehalfOf: null,
  address: '127.0.0.1',
  tls: null,
  applicationName: '',
})

const stmt = (verb: string, sql: string, tables: string[]): StatementRecord => ({
  verb,
  sql,
  sha256: 'x',
  fingerprint: 'y',
  effects: [],
  tables,
  classes: [],
  transaction: 'idle',
})

const target = { system: 'postgresql', database: 'shop', environment: null } as const

/** A trail of two chains, as a proxy leaves it. */
async function setUp(t: Test) {
  const folder = t.testdir({ 'c.yaml': 'data: ./data' })
  const clock = new StillClock()
  const data = join(folder, 'data')
  const options = {
    folder: join(data, 'audit'),
    clock,
    version: '1',
    checkpoints: { everyMs: 60_000, keyPath: join(data, 'keys', 'audit.key') },
  }
  const trail = await openTrail({ ...options, name: 'data' })
  const control = await openTrail({ ...options, name: 'control' })
  const common = { session: 's', statement: 1, target, rules: [] }
  clock.advance(1_000)
  trail.append({
    ...common,
    type: 'statement.intent',
    actor: actor('billing-bot'),
    stmt: stmt('SELECT', 'SELECT 1 \u001b[2J\nFROM x', ['public.x']),
    parametersHmac: null,
    decision: 'allowed',
    policy: 'f00d',
    approval: null,
  })
  clock.advance(3_600_000)
  control.append({
    type: 'approval.voted',
    id: 'r1',
    person: 'ana@example.com',
    decision: 'deny',
    reason: 'no',
    channel: 'cli',
    clears: [],
    terms: null,
    authenticatedAt: null,
    acr: null,
  })
  clock.advance(3_600_000)
  trail.append({
    ...common,
    type: 'statement.refused',
    actor: actor('other-bot'),
    stmt: stmt('DROP TABLE', 'DROP TABLE customers', ['public.customers']),
    parametersHmac: null,
    sqlState: '42501',
    reason: 'denied by ana@example.com',
    approval: { id: 'r1' },
  })
  clock.advance(1_000)
  await trail.close()
  await control.close()
  const config = join(folder, 'c.yaml')
  const audit = (...args: string[]) =>
    runCommand(
      (program, io) => registerAudit(program, io, { clock }),
      ['audit', ...args, '--config', config],
    )
  return { folder, data, audit }
}

t.test('verifies, and says what it has found', async (t) => {
  const { data, audit } = await setUp(t)
  const sound = await audit('verify')
  t.match(sound, { code: 0, err: '' })
  t.match(
    sound.out,
    /^control: sound, 3 records.*\ndata: sound, 4 records.* 0 records since the last/,
  )
  t.match(JSON.parse((await audit('verify', '--json')).out), { ok: true, chains: [{}, {}] })

  const folder = join(data, 'audit')
  const [file = ''] = readdirSync(folder).filter((name) => /^data-.*ndjson$/.test(name))
  const path = join(folder, file)
  writeFileSync(path, readFileSync(path, 'utf8').replace('DROP TABLE customers', 'SELECT 1'))
  const edited = await audit('verify')
  t.match(edited, { code: 1, out: /data: NOT SOUND.*\n {2}edited {2}data-.*record 3 was changed/ })

  rmSync(join(data, 'keys'), { recursive: true })
  t.match(await audit('verify'), { code: 1, err: /audit\.key/ }, 'a key that has gone is no excuse')
  rmSync(folder, { recursive: true })
  t.match(await audit('verify'), { code: 2, err: /there is no trail yet/ })
})

t.test('prints the newest of all chains in order', async (t) => {
  const { data, audit } = await setUp(t)
  const { out, code } = await audit('tail')
  t.equal(code, 0)
  const types = out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('  ')[2])
  t.same(types.slice(2), [
    'statement.intent',
    'approval.voted',
    'statement.refused',
    'trail.closed',
    'trail.closed',
  ])
  t.notMatch(out, '\u001b', 'a record can not speak to the terminal')
  t.equal(
    (await audit('tail', '-n', '2', '--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)).length,
    2,
  )
  t.match(await audit('tail', '-n', '0'), { code: 2 })
  const folder = join(data, 'audit')
  t.match(await runCommand(registerAudit, ['audit', 'tail', '--folder', folder]), { code: 0 })
  t.match(await runCommand(registerAudit, ['audit', 'tail']), { code: 2, err: /say where/ })
})

t.test('finds records by what they say', async (t) => {
  const { data, audit } = await setUp(t)
  const found = async (...args: string[]) => {
    const { out } = await audit('search', '--json', ...args)
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).type)
  }
  t.same(await found('--agent', 'billing-*'), ['statement.intent'])
  t.same(await found('--agent', 'bot'), [])
  t.same(await found('--verb', 'drop table'), ['statement.refused'])
  t.same(await found('--table', 'public.*', '--database', 'shop'), [
    'statement.intent',
    'statement.refused',
  ])
  t.same(await found('--decision', 'refused'), ['statement.refused'])
  t.same(await found('--decision', 'allowed', '--verb', 'DROP*'), [])
  t.same(await found('--text', 'ANA@'), ['approval.voted', 'statement.refused'])
  t.same(await found('--since', '30m', '--agent', '*'), ['statement.refused'])
  t.same(await found('--until', '2026-01-02T04:00:00Z', '--agent', '*'), ['statement.intent'])
  t.same(await found('--text', 'r1', '--limit', '1'), ['approval.voted'])
  t.match(await audit('search', '--agent', 'nobody'), { code: 1, out: '' })
  t.match(await audit('search', '--since', 'once'), { code: 2, err: /--since takes a time/ })
  t.match(await audit('search', '--decision', 'maybe'), { code: 2 })
  t.match(await audit('search', '--help'), { code: 0, out: /Exit codes: 0 something was found/ })

  const folder = join(data, 'audit')
  const [file = ''] = readdirSync(folder).filter((name) => name.startsWith('data-'))
  appendFileSync(join(folder, file), 'noise\n{"torn')
  t.same(await found('--agent', 'billing-bot'), ['statement.intent'], 'whatever else lies there')
})
