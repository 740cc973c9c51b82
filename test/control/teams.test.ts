import t from 'tap'
import type { Trail } from '../../src/audit/events.ts'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { ControlPlane } from '../../src/control/control-plane.ts'
import { systemClock } from '../../src/lib/clock.ts'

const BOT = `channels:
  teams: { app_id: a, app_secret: b, tenant: 7e9a0000-0000-4000-8000-0000000000c0, conversation: "19:abc@thread.tacv2" }
`

t.test('a bot has its address while it is configured', async (t) => {
  const data = t.testdir({})
  const config = (bot: string): Config => {
    const text = `listen: { control: "127.0.0.1:0" }\ndata: ${data}\n${bot}`
    const parsed = parseConfig(text, { path: '/x.yaml', env: {} })
    if (!parsed.ok) throw new Error(parsed.problems.join())
    return parsed.config
  }
  const trail = { append: () => ({}), durable: async () => {}, trouble: null } as unknown as Trail
  const log: string[] = []
  const plane = await ControlPlane.open({
    ...{ config: config(''), trail, clock: systemClock, newId: () => 'r1', listen: null },
    log: (text) => log.push(text),
  })
  t.teardown(() => plane.stop({ dataPlaneGone: true }))
  const post = async () => {
    const url = `http://127.0.0.1:${plane.listening?.port}/channels/teams/messages`
    const body = JSON.stringify({ type: 'invoke', channelId: 'msteams', serviceUrl: 'https://x' })
    const response = await fetch(url, { method: 'POST', body })
    return [response.status, await response.json()]
  }
  t.match(await post(), [404, { error: {} }])
  t.same(await plane.reload(config(BOT)), [])
  t.same(await post(), [401, { error: 'not signed' }])
  const metrics = async () =>
    (await fetch(`http://127.0.0.1:${plane.listening?.port}/metrics`)).text()
  t.match(await metrics(), /^countersign_chat_up\{chat="teams"\} [01]$/m)
  t.match(
    await metrics(),
    /^countersign_answers_refused_total\{channel="teams",cause="unsigned"\} 1$/m,
  )
  t.same(await plane.reload(config('')), [])
  t.notMatch(await metrics(), 'chat_up')
  t.match(await post(), [404, {}])
  t.same(log, [])
})
