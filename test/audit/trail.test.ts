import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openTrail, type TrailOptions } from '../../src/audit/trail.ts'
import { verifyTrails } from '../../src/audit/verify.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { event, FaultyOps, intent, StillClock } from './fixtures.ts'

function optionsOf(t: Test, more: Partial<TrailOptions> = {}) {
  const clock = new StillClock()
  const ops = new FaultyOps()
  const folder = more.folder ?? join(t.testdir({}), 'audit')
  return {
    folder,
    name: 'data',
    clock,
    version: '1.2.3',
    config: 'abc',
    ops,
    ...more,
    manual: { clock, ops },
  }
}

function recordsIn(folder: string): Record<string, unknown>[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
}

const reasonsIn = (folder: string) =>
  recordsIn(folder).flatMap((record) => (record.reason === undefined ? [] : [record.reason]))

/** Lets callbacks of the disk run until `holds`. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

t.test('writes a chain that verifies, private to its owner', async (t) => {
  const options = optionsOf(t)
  const trail = await openTrail(options)
  t.equal(trail.append(event('a')), 2)
  t.equal(
    trail.append({ type: 'approval.spent', id: 'req1', binding: 'b' }),
    3,
    'an approval keeps its id apart from that of the record',
  )
  await trail.durable(3)
  await trail.close()
  const records = recordsIn(options.folder)
  t.match(records, [
    { v: 1, seq: 1, type: 'trail.opened', version: '1.2.3', config: 'abc', prev: '0'.repeat(64) },
    { v: 1, seq: 2, type: 'session.closed', reason: 'a', time: '2026-01-02T03:04:05.006Z' },
    { v: 1, seq: 3, type: 'approval.spent', approval: { id: 'req1' } },
    { v: 1, seq: 4, type: 'trail.closed' },
  ])
  t.equal(new Set(records.map((record) => record.id)).size, 4)
  const [file = ''] = readdirSync(options.folder)
  t.equal(statSync(options.folder).mode & 0o777, 0o700)
  t.equal(statSync(join(options.folder, file)).mode & 0o777, 0o600)
  t.match(await verifyTrails(options.folder, null), { ok: true, chains: [{ records: 4 }] })
  t.throws(() => trail.append(event('late')), { code: 'AUDIT_UNAVAILABLE' })
  await t.rejects(trail.durable(99), /no record 99 yet/)
})

t.test('links intents too, whose hash is made when nobody waits for it', async (t) => {
  const options = optionsOf(t)
  const trail = await openTrail(options)
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 1 + (round % 3); i++) await trail.durable(trail.append(intent))
    if (round % 4 === 0) t.equal(trail.head.hash.length, 64)
    trail.append(event(String(round)))
  }
  trail.append(intent)
  await trail.close()
  t.match(await verifyTrails(options.folder, null), { ok: true })
})

t.test('what may be late comes with others, in its order, before all but intents', async (t) => {
  const options = optionsOf(t)
  const trail = await openTrail(options)
  trail.later(event('first'))
  trail.append(intent)
  trail.later(event('second'))
  trail.flush()
  t.same(reasonsIn(options.folder), [], 'neither is appended yet')
  trail.append(event('third'))
  trail.flush()
  t.same(reasonsIn(options.folder), ['first', 'second', 'third'])
  trail.later(event('fourth'))
  options.manual.clock.advance(5)
  t.same(reasonsIn(options.folder).at(-1), 'fourth', 'and by itself a moment later')
  for (let i = 0; i < 999; i++) trail.later(event('many'))
  t.equal(trail.head.sequence, 6)
  trail.later(event('many'))
  t.equal(trail.head.sequence, 1006, 'at the latest when there are many')
  t.match(await verifyTrails(options.folder, null), { ok: true })
  options.manual.ops.room = 0
  trail.append(event('lost'))
  t.throws(() => trail.flush(), { code: 'AUDIT_UNAVAILABLE' })
  t.throws(() => trail.later(event('refused')), { code: 'AUDIT_UNAVAILABLE' })
  options.manual.ops.room = Number.POSITIVE_INFINITY
  await trail.close()
})

t.test('hands records to the system on flush, and by itself soon after', async (t) => {
  const options = optionsOf(t)
  const trail = await openTrail(options)
  t.teardown(() => trail.close())
  trail.append(event('now'))
  t.same(reasonsIn(options.folder), [])
  trail.flush()
  t.same(reasonsIn(options.folder), ['now'])
  trail.append(event('later'))
  options.manual.clock.advance(5)
  t.same(reasonsIn(options.folder), ['now', 'later'])

  const before = options.manual.ops.syncs
  options.manual.clock.advance(1_000)
  await until(() => options.manual.ops.syncs > before)
  t.pass('what nobody waits for is synced after a second')
})

t.test('serves everybody who waits during a sync with one more', async (t) => {
  const options = optionsOf(t)
  const trail = await openTrail(options)
  t.teardown(() => trail.close())
  const { ops } = options.manual
  const before = ops.syncs
  let open = () => {}
  ops.gate = new Promise((resolve) => {
    open = resolve
  })
  const first = trail.durable(trail.append(event('first')))
  await nextTurn()
  const others = Array.from({ length: 100 }, (_, i) => trail.durable(trail.append(event(`${i}`))))
  open()
  ops.gate = null
  await Promise.all([first, ...others])
  t.equal(ops.syncs - before, 2)
  await trail.durable(1)
  t.equal(ops.syncs - before, 2, 'what is on disk already costs nothing')
})

t.test('goes on in new segments by size and by age', async (t) => {
  const options = optionsOf(t, { maxBytes: 600, rotateMs: 60_000 })
  const trail = await openTrail(options)
  for (let i = 0; i < 20; i++) {
    trail.append(event(`${i}`))
    trail.flush()
  }
  const bySize = readdirSync(options.folder).length
  t.ok(bySize > 5, `${bySize} segments`)
  await trail.durable(trail.head.sequence)
  t.equal(options.manual.ops.open, 1, 'those that are full are closed')
  await trail.durable(trail.append(event('before')))
  options.manual.clock.advance(60_000)
  await trail.durable(trail.append(event('after')))
  t.ok(readdirSync(options.folder).length > bySize)
  await trail.close()
  const again = await openTrail(options)
  await again.close()
  const { ok, chains } = await verifyTrails(options.folder, null)
  t.match({ ok, records: chains[0]?.records }, { ok: true, records: 26 })
})

for (const [fault, breakIt, mendIt] of [
  [
    'the disk is full',
    (ops: FaultyOps) => {
      ops.room = 40
    },
    (ops: FaultyOps) => {
      ops.room = Number.POSITIVE_INFINITY
    },
  ],
  [
    'a sync fails',
    (ops: FaultyOps) => {
      ops.syncFails = true
    },
    (ops: FaultyOps) => {
      ops.syncFails = false
    },
  ],
] as const) {
  t.test(`refuses while ${fault}, loses nothing, and recovers by itself`, async (t) => {
    const options = optionsOf(t)
    const { clock, ops } = options.manual
    const trail = await openTrail(options)
    await trail.durable(trail.append(event('kept')))
    trail.append(event('written, not synced'))
    trail.flush()

    breakIt(ops)
    const pending = trail.durable(trail.append(event('acknowledged by append')))
    await t.rejects(pending, { code: 'AUDIT_UNAVAILABLE', sqlState: '58030' })
    t.match(trail.trouble, /ENOSPC|EIO/)
    t.throws(() => trail.append(event('refused')), { code: 'AUDIT_UNAVAILABLE' })
    t.throws(() => trail.flush(), { code: 'AUDIT_UNAVAILABLE' })
    const refusal = await trail.durable(4).catch((error: Error) => error.message)
    t.notMatch(refusal, '/secret', 'the agent learns no path')
    await trail.durable(2)
    t.pass('what was durable stays so')

    const syncs = ops.syncs
    clock.advance(1_000)
    await until(() => ops.syncs > syncs || ops.room <= 0)
    await nextTurn()
    t.not(trail.trouble, null, 'a retry that fails changes nothing')

    mendIt(ops)
    await until(() => {
      clock.advance(1_000)
      return trail.trouble === null
    })
    await trail.durable(trail.append(event('again')))
    t.equal(ops.open, 1)
    await trail.close()
    t.equal(ops.open, 0)
    t.same(
      [...new Set(reasonsIn(options.folder))],
      ['kept', 'written, not synced', 'acknowledged by append', 'again'],
    )
    t.match(
      recordsIn(options.folder).filter((record) => record.type === 'trail.recovered'),
      [{ cause: /can't be written/, tornBytes: 0 }],
    )
    const { ok, chains } = await verifyTrails(options.folder, null)
    t.ok(ok, JSON.stringify(chains))
  })
}

t.test('refuses to open where it could not write, and leaves no lock', async (t) => {
  const options = optionsOf(t)
  options.manual.ops.createFails = true
  await t.rejects(openTrail(options), { code: 'AUDIT_UNAVAILABLE' })
  options.manual.ops.createFails = false
  const trail = await openTrail(options)
  await t.rejects(openTrail(options), /another process writes the trail/)
  const other = await openTrail({ ...options, name: 'control' })
  await other.close()
  await trail.close()
  await (await openTrail(options)).close()
  await t.rejects(openTrail({ ...options, name: '../x' }), /not the name of a chain/)
})

t.test('says so when it closes with records that it could not write', async (t) => {
  const options = optionsOf(t)
  const trail = await openTrail(options)
  options.manual.ops.room = 0
  trail.append(event('lost?'))
  await nextTurn()
  await t.rejects(trail.close(), { code: 'AUDIT_UNAVAILABLE' })
})

t.test('moves a torn line aside and takes the chain up behind the last whole record', async (t) => {
  const options = optionsOf(t)
  const first = await openTrail(options)
  await first.durable(first.append(event('whole')))
  await first.close()
  const [file = ''] = readdirSync(options.folder)
  appendFileSync(join(options.folder, file), '{"v":1,"id":"x.4","seq":4,"ti')
  // A power cut can leave a file longer than what was written: an empty segment, or zeros.
  writeFileSync(join(options.folder, 'data-000000000004-00.ndjson'), Buffer.alloc(50))

  const second = await openTrail(options)
  await second.close()
  t.match(recordsIn(options.folder).slice(3), [
    { seq: 4, type: 'trail.opened' },
    { seq: 5, type: 'trail.recovered', tornBytes: 79 },
    { seq: 6, type: 'trail.closed' },
  ])
  t.equal(readdirSync(options.folder).filter((name) => name.includes('.torn-')).length, 2)
  const { ok, chains } = await verifyTrails(options.folder, null)
  t.ok(ok, JSON.stringify(chains))
  t.notMatch(JSON.stringify(chains), /not written whole/, 'nothing torn is left in the chain')
})

t.test('keeps every durable record over kill -9', async (t) => {
  const folder = join(t.testdir({}), 'audit')
  const program = fileURLToPath(new URL('./killed-writer.js', import.meta.url))
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, [program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (said.length > 2_000) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const durable = said.split('\n').slice(0, -1).map(Number)
    t.ok(durable.length > 10)
    const trail = await openTrail({ folder, name: 'data', clock: systemClock, version: '1' })
    await trail.close()
    const there = new Set(recordsIn(folder).map((record) => record.seq))
    t.ok(
      durable.every((sequence) => there.has(sequence)),
      `${durable.length} durable records`,
    )
    const { ok, chains } = await verifyTrails(folder, null)
    t.ok(ok, JSON.stringify(chains[0]?.problems))
  }
})
