import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ControlSupervisor } from '../../src/control/supervisor.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { draftOf } from '../approval/fixtures.ts'

const CHILD = fileURLToPath(new URL('./control-child.js', import.meta.url))

function yamlOf(data: string, more = ''): string {
  return `
listen: { postgres: 127.0.0.1:0, control: 127.0.0.1:0 }
data: ${data}
databases:
  shop: { upstream: "postgres://app:secret@127.0.0.1:5/shop" }
people:
  ana@example.com: { groups: [approvers] }
  owner@example.com: { groups: [support] }
${more}
agents:
  billing-bot: { owners: [owner@example.com], databases: [shop], credential: ./bot.json }
`
}

async function startControl(t: Test) {
  // Not a testdir: that is removed before the process has ended.
  const folder = mkdtempSync(join(tmpdir(), 'countersign-control-'))
  const path = join(folder, 'countersign.yaml')
  const data = join(folder, 'data')
  const text = yamlOf(data)
  writeFileSync(path, text)
  const log: string[] = []
  const supervisor = new ControlSupervisor({
    script: CHILD,
    args: [],
    config: { text, path },
    clock: systemClock,
    log: (line) => log.push(line),
  })
  t.teardown(async () => {
    await supervisor.stop()
    rmSync(folder, { recursive: true })
  })
  const address = await supervisor.start()
  const tokens = new PersonTokens({ data, clock: systemClock })
  const token = await tokens.add('ana@example.com')
  const base = `http://${address?.host}:${address?.port}`
  const call = async (path: string, body?: unknown, as = token) => {
    const response = await fetch(`${base}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { supervisor, address, call, data, log, tokens }
}

/** Asks again until it holds; the processes are real, and so is their time. */
async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 10))
}

function kill(supervisor: ControlSupervisor): void {
  process.kill(supervisor.pid ?? 0, 'SIGKILL')
}

t.test(
  'killed while a statement is held, it comes back, and the hold is decided once',
  async (t) => {
    const { supervisor, address, call, data } = await startControl(t)
    const { gate } = supervisor
    const held = await gate.open(draftOf())
    t.match(held.url, `http://127.0.0.1:${address?.port}/v1/approvals/${held.id}`)
    let resolved = 0
    void held.resolution.then(() => resolved++)

    const before = supervisor.pid
    kill(supervisor)
    await until(() => !supervisor.ready)
    await t.rejects(gate.open(draftOf({ binding: 'b' })), { code: 'GATE_UNAVAILABLE' })
    t.equal(gate.holding, 1, 'what was held goes on waiting')
    await until(() => supervisor.ready)
    t.not(supervisor.pid, before)
    t.same(supervisor.address, address, 'links that were given out are still good')

    const decided = await call(`/v1/approvals/${held.id}/decisions`, { decision: 'approve' })
    t.match(decided, { status: 200, body: { state: 'approved' } })
    t.match(await held.resolution, { kind: 'approved', by: ['ana@example.com'] })
    t.equal(resolved, 1)

    kill(supervisor)
    await until(() => !supervisor.ready)
    await until(() => supervisor.ready)
    const { binding } = draftOf()
    t.equal(await gate.spend(held.id, binding), true, 'an approval outlives the process')
    kill(supervisor)
    await until(() => !supervisor.ready)
    await until(() => supervisor.ready)
    t.equal(await gate.spend(held.id, binding), false, 'and so does its being spent')
    gate.settle(held.id, { rows: 1, ms: 1, sqlState: null })
    await until(async () => (await call(`/v1/approvals/${held.id}`)).body.state === 'executed')

    const trail = join(data, 'audit')
    const records = readdirSync(trail)
      .filter((name) => name.startsWith('control') && name.endsWith('.ndjson'))
      .map((name) => readFileSync(join(trail, name), 'utf8'))
      .join('')
    for (const type of ['requested', 'voted', 'resolved', 'spent']) {
      t.match(records, `approval.${type}`, `the trail has ${type}`)
    }
  },
)

t.test('a decision that was made while the line was down reaches the session', async (t) => {
  const { supervisor, call } = await startControl(t)
  const held = await supervisor.gate.open(draftOf())
  await call(`/v1/approvals/${held.id}/decisions`, { decision: 'deny', reason: 'no' })
  t.match(await held.resolution, { kind: 'rejected', by: 'ana@example.com', reason: 'no' })
  const second = await supervisor.gate.open(draftOf({ binding: 'second' }))
  process.kill(supervisor.pid ?? 0, 'SIGSTOP')
  const stalled = call(`/v1/approvals/${second.id}/decisions`, { decision: 'approve' })
  process.kill(supervisor.pid ?? 0, 'SIGCONT')
  t.equal((await stalled).status, 200)
  t.match(await second.resolution, { kind: 'approved' })
})

t.test('a new configuration changes who may decide; a bad one changes nothing', async (t) => {
  const { supervisor, call, data, tokens } = await startControl(t)
  const bo = await tokens.add('bo@example.com')
  t.equal((await call('/v1/approvals', undefined, bo)).status, 401, 'bo is not known yet')
  t.match(await supervisor.reload('people: 7'), [/./])
  t.equal((await call('/v1/approvals', undefined, bo)).status, 401)
  const text = yamlOf(data, '  bo@example.com: { groups: [approvers] }')
  t.same(await supervisor.reload(text), [])
  t.equal((await call('/v1/approvals', undefined, bo)).status, 200)
  kill(supervisor)
  await until(() => !supervisor.ready)
  await until(() => supervisor.ready)
  t.equal((await call('/v1/approvals', undefined, bo)).status, 200, 'also after a restart')
})

t.test('readiness follows what the data plane reports', async (t) => {
  const { supervisor, call } = await startControl(t)
  t.match(await call('/readyz'), { status: 200 })
  supervisor.report({ troubles: ['the audit trail: disk full'], counters: {} })
  await until(async () => (await call('/readyz')).status === 503)
  t.match((await call('/readyz')).body, { reasons: [/disk full/] })
})

t.test('one that can not start says why, at once', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const folder = t.testdir({})
  const text = yamlOf(join(folder, 'data')).replace(
    'control: 127.0.0.1:0',
    `control: 127.0.0.1:${port}`,
  )
  const supervisor = new ControlSupervisor({
    script: CHILD,
    args: [],
    config: { text, path: join(folder, 'c.yaml') },
    clock: systemClock,
    log: () => {},
  })
  await t.rejects(supervisor.start(), { code: 'CONFIG_INVALID', message: /EADDRINUSE/ })
  await supervisor.stop()
})

t.test('stopping ends the process', async (t) => {
  const { supervisor } = await startControl(t)
  const pid = supervisor.pid ?? 0
  await supervisor.stop()
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  await t.rejects(supervisor.gate.open(draftOf()), { code: 'GATE_UNAVAILABLE' })
})
