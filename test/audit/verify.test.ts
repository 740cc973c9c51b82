import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile as readFileAsync } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkpointPath } from '../../src/audit/checkpoint.ts'
import { loadCheckpointKey, loadPublicKey } from '../../src/audit/checkpoint-key.ts'
import { GENESIS, lineHash } from '../../src/audit/record.ts'
import { openTrail } from '../../src/audit/trail.ts'
import { verifyTrails } from '../../src/audit/verify.ts'
import { event, FaultyOps, StillClock } from './fixtures.ts'

/** A closed trail of 12 records in several segments, with checkpoints. */
async function signedTrail(t: Test) {
  const root = t.testdir({})
  const folder = join(root, 'audit')
  const keyPath = join(root, 'keys', 'audit.key')
  const clock = new StillClock()
  const checkpoints = { everyMs: 60_000, keyPath }
  const trail = await openTrail({
    folder,
    name: 'data',
    clock,
    version: '1',
    maxBytes: 800,
    checkpoints,
  })
  for (let i = 2; i <= 11; i++) await trail.durable(trail.append(event(`reason ${i}`)))
  await trail.close()
  const key = await loadPublicKey(`${keyPath}.pub`)
  return { folder, keyPath, key, verify: () => verifyTrails(folder, key) }
}

const segmentsOf = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => join(folder, name))

/** Rewrites the lines of the whole chain, file by file. */
function rewrite(folder: string, change: (lines: string[]) => string[]): void {
  const files = segmentsOf(folder)
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1))
  for (const file of files.slice(1)) rmSync(file)
  writeFileSync(
    files[0] ?? '',
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

/** What someone does who knows how the chain is made. */
function rechain(lines: string[]): string[] {
  let prev = GENESIS
  return lines.map((line, i) => {
    const changed = JSON.stringify({ ...JSON.parse(line), seq: i + 1, prev })
    prev = lineHash(changed)
    return changed
  })
}

t.test('finds nothing wrong with a trail that nobody has touched', async (t) => {
  const { folder, keyPath, verify } = await signedTrail(t)
  const { ok, chains } = await verify()
  t.match(
    { ok, chains },
    { ok: true, chains: [{ records: 12, checkpoints: 2, unanchored: 0, notes: [] }] },
  )
  t.ok(segmentsOf(folder).length > 2)
  t.equal(statSync(keyPath).mode & 0o777, 0o600)
  t.equal(statSync(checkpointPath(folder, 'data')).mode & 0o777, 0o600)
  t.notMatch(JSON.stringify(await verifyTrails(join(folder, 'none'), null)), /problem/)
})

const attacks: [string, (lines: string[]) => string[], RegExp][] = [
  [
    'edited',
    (l) => l.map((s) => s.replace('reason 5', 'reason X')),
    /edited.*record 5 was changed/,
  ],
  [
    'edited and chained anew',
    (l) => rechain(l.map((s) => s.replace('reason 5', 'reason X'))),
    /edited.*was signed/,
  ],
  [
    'removed',
    (l) => l.filter((s) => !s.includes('reason 5')),
    /removed.*records 5 to 5 are missing/,
  ],
  [
    'removed and chained anew',
    (l) => rechain(l.filter((s) => !s.includes('reason 5'))),
    /truncated/,
  ],
  ['removed at the beginning', (l) => l.slice(3), /removed.*records 1 to 3/],
  [
    'swapped',
    (l) => [...l.slice(0, 4), l[5] ?? '', l[4] ?? '', ...l.slice(6)],
    /reordered|removed/,
  ],
  [
    'inserted',
    (l) => [...l.slice(0, 5), l[4]?.replace('reason', 'lie') ?? '', ...l.slice(5)],
    /inserted/,
  ],
  [
    'inserted and chained anew',
    (l) => rechain([...l.slice(0, 5), l[4] ?? '', ...l.slice(5)]),
    /was signed/,
  ],
  [
    'cut off at the end',
    (l) => l.slice(0, 9),
    /truncated.*12 records were signed, the chain ends with 9/,
  ],
  [
    'the last one edited',
    (l) => l.map((s) => s.replace('trail.closed', 'trail.opened')),
    /record 12 is not the one that was signed/,
  ],
  ['turned into noise', (l) => l.map((s, i) => (i === 6 ? 'noise' : s)), /is not a record/],
]
for (const [name, attack, expected] of attacks) {
  t.test(`finds a record that was ${name}`, async (t) => {
    const { folder, verify } = await signedTrail(t)
    rewrite(folder, attack)
    const { ok, chains } = await verify()
    t.notOk(ok)
    t.match(
      chains[0]?.problems.map(({ kind, message }) => `${kind}: ${message}`).join('\n'),
      expected,
    )
  })
}

t.test('finds a missing segment, and a missing chain', async (t) => {
  const { folder, verify } = await signedTrail(t)
  rmSync(segmentsOf(folder)[1] ?? '')
  t.match(await verify(), { ok: false, chains: [{ problems: [{ kind: 'removed' }] }] })
  for (const file of segmentsOf(folder)) rmSync(file)
  t.match(await verify(), {
    ok: false,
    chains: [{ chain: 'data', problems: [{ kind: 'truncated' }] }],
  })
})

t.test('believes no checkpoint that the key has not signed', async (t) => {
  const { folder, verify } = await signedTrail(t)
  const path = checkpointPath(folder, 'data')
  const [first = '', last = ''] = readFileSync(path, 'utf8').split('\n')
  rewrite(folder, (lines) => lines.slice(0, 5))
  const forged = { ...JSON.parse(last), size: 5 }
  writeFileSync(path, `${first}\n${JSON.stringify(forged)}\n`)
  t.match(await verify(), { ok: false, chains: [{ problems: [{ kind: 'checkpoint' }] }] })

  const strangers = await loadCheckpointKey(join(folder, '..', 'k', 'other.key'))
  t.match(await verifyTrails(folder, strangers), { ok: false })

  writeFileSync(path, `${first}\n{"v":1,"cha`)
  const { ok, chains } = await verify()
  t.match({ ok, notes: chains[0]?.notes }, { ok: true, notes: [/not written whole/] })
  t.equal(chains[0]?.unanchored, 4, 'and it says how many records nothing vouches for')
})

t.test('signs now and then, and only what is on disk', async (t) => {
  const root = t.testdir({})
  const clock = new StillClock()
  const keyPath = join(root, 'k', 'audit.key')
  const folder = join(root, 'a')
  const trail = await openTrail({
    folder,
    name: 'data',
    clock,
    version: '1',
    checkpoints: { everyMs: 60_000, keyPath },
  })
  const signed = () =>
    readFileSync(checkpointPath(folder, 'data'), 'utf8').trim().split('\n').length
  t.equal(signed(), 1)
  clock.advance(60_000)
  trail.append(event('a'))
  clock.advance(60_000)
  while (signed() < 2) await new Promise(setImmediate)
  await trail.close()
  t.equal(signed(), 3, 'nothing new, nothing signed; the end is signed')
  const again = await openTrail({
    folder,
    name: 'data',
    clock,
    version: '1',
    checkpoints: { everyMs: 60_000, keyPath },
  })
  await again.close()
  t.match(await verifyTrails(folder, await loadPublicKey(keyPath)), {
    ok: true,
    chains: [{ unanchored: 0 }],
  })
})

t.test('signs nothing that a crash could still take', async (t) => {
  const root = t.testdir({})
  const clock = new StillClock()
  const ops = new FaultyOps()
  const folder = join(root, 'a')
  const checkpoints = { everyMs: 60_000, keyPath: join(root, 'k', 'audit.key') }
  const trail = await openTrail({ folder, name: 'data', clock, version: '1', checkpoints, ops })
  const signed = () =>
    readFileSync(checkpointPath(folder, 'data'), 'utf8').trim().split('\n').length
  let open = () => {}
  ops.gate = new Promise((resolve) => {
    open = resolve
  })
  trail.append(event('in memory'))
  const { syncs } = ops
  clock.advance(60_000)
  while (ops.syncs === syncs) await new Promise(setImmediate)
  // A signature would be there after a few operations on the disk.
  for (let read = 0; read < 50; read++) await readFileAsync(checkpointPath(folder, 'data'))
  t.equal(signed(), 1)
  open()
  ops.gate = null
  await trail.close()
  t.ok(signed() > 1)
})
