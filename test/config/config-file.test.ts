import { EventEmitter, once } from 'node:events'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigFile, type Reload } from '../../src/config/config-file.ts'
import { systemClock } from '../../src/lib/clock.ts'

async function opened(t: Test, text: string) {
  const path = join(t.testdir({ 'countersign.yaml': text }), 'countersign.yaml')
  const result = await ConfigFile.open({ path, env: {}, clock: systemClock })
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return { path, file: result.file }
}

t.test('keeps the old configuration when the new one is wrong', async (t) => {
  const { path, file } = await opened(t, 'mode: enforce')
  t.same(await file.reload(), { kind: 'same' })

  writeFileSync(path, 'mode: shadow')
  t.match(await file.reload(), { kind: 'changed', config: { mode: 'shadow' } })
  t.equal(file.current.mode, 'shadow')

  writeFileSync(path, 'mode: off')
  t.match(await file.reload(), { kind: 'refused', problems: [/^mode: is neither/] })
  t.equal(file.current.mode, 'shadow')

  rmSync(path)
  t.match(await file.reload(), { kind: 'refused', problems: [/can't be read/] })
  t.equal(file.current.mode, 'shadow')

  writeFileSync(path, 'mode: enforce')
  const both = await Promise.all([file.reload(), file.reload()])
  t.match(both, [{ kind: 'changed' }, { kind: 'same' }])
})

t.test('lets its owner refuse a file that parses', async (t) => {
  const path = join(t.testdir({ 'c.yaml': 'mode: shadow' }), 'c.yaml')
  const accept = () => ['mode: shadow is not for today']
  t.match(await ConfigFile.open({ path, env: {}, clock: systemClock, accept }), {
    ok: false,
    problems: ['mode: shadow is not for today'],
  })
})

t.test('sees an edit, and a file put in its place', async (t) => {
  const { path, file } = await opened(t, 'mode: enforce')
  const events = new EventEmitter()
  const stop = file.watch((reload) => events.emit('reload', reload))
  t.teardown(stop)
  const next = async () => (await once(events, 'reload'))[0] as Reload

  writeFileSync(path, 'mode: shadow')
  t.match(await next(), { kind: 'changed', config: { mode: 'shadow' } })

  writeFileSync(`${path}.new`, 'mode: enforce')
  renameSync(`${path}.new`, path)
  t.match(await next(), { kind: 'changed', config: { mode: 'enforce' } })

  writeFileSync(path, 'modes: enforce')
  t.match(await next(), { kind: 'refused', problems: [/did you mean mode\?/] })
  t.equal(file.current.mode, 'enforce')
})
