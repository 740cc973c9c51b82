import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { AppendLog, type OpenFile } from '../../src/approval/append-log.ts'
import { KeyedLock } from '../../src/approval/keyed-lock.ts'
import { ApprovalStore } from '../../src/approval/store.ts'
import { answerOf, draftOf, openDesk } from './fixtures.ts'

t.test('what was written is read back; a torn end is dropped, kept lines are not', async (t) => {
  const path = join(t.testdir({}), 'log')
  const kept: unknown[] = []
  const snapshot = () => kept.map((line) => JSON.stringify(line))
  const log = await AppendLog.open(path, () => t.fail('nothing is there'), snapshot)
  await Promise.all([1, 2, 3].map((n) => log.append({ n }, () => kept.push({ n }))))
  await log.close()
  await t.rejects(
    log.append({ n: 4 }, () => {}),
    /closed/,
  )
  const text = readFileSync(path, 'utf8')
  for (let length = 0; length <= text.length; length++) {
    const torn = t.testdir({ log: text.slice(0, length) })
    const read: unknown[] = []
    const again = await AppendLog.open(
      join(torn, 'log'),
      (line) => read.push(line),
      () => [],
    )
    await again.close()
    const whole = text.slice(0, length).split('\n').length - 1
    if (read.length !== whole) t.fail(`cut at ${length}: ${read.length} of ${whole} lines`)
  }
  t.equal(kept.length, 3)
})

t.test('a disk that fails changes nothing, and all is written anew when it is back', async (t) => {
  const data = t.testdir({})
  let full = false
  const openFile: OpenFile = async (path, flags, mode) => {
    const file = await open(path, flags, mode)
    const datasync = file.datasync.bind(file)
    file.datasync = async () => {
      if (full) throw new Error('ENOSPC: no space left on device')
      await datasync()
    }
    file.sync = file.datasync
    return file
  }
  const { desk, store } = await openDesk(t, { data, openFile })
  const { id, binding } = (await desk.open(draftOf(), 'line')).request
  full = true
  for (let tries = 0; tries < 2; tries++) {
    await t.rejects(desk.decide(id, answerOf('ana@example.com')), /ENOSPC/)
    t.equal(desk.get(id)?.state, 'pending', 'nobody was told otherwise')
  }
  t.match(store.trouble, /ENOSPC/)
  full = false
  t.match(await desk.decide(id, answerOf('bo@example.com', 'deny')), { kind: 'decided' })
  t.equal(store.trouble, null)
  t.equal(await desk.spend(id, binding), false)
  const again = await ApprovalStore.open({ data })
  t.match(again.get(id), { state: 'denied', votes: [{ person: 'bo@example.com' }] })
  await again.close()
})

t.test('a step waits for the one before it, and a failed one stops nobody', async (t) => {
  const lock = new KeyedLock()
  const order: string[] = []
  const first = lock.run('k', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    order.push('first')
    throw new Error('no')
  })
  const second = lock.run('k', async () => order.push('second'))
  const other = lock.run('other', async () => order.push('other'))
  await t.rejects(first, /no/)
  await Promise.all([second, other])
  t.same(order, ['other', 'first', 'second'])
  await lock.idle()
})
