import { join } from 'node:path'
import t from 'tap'
import { openTrail } from '../../src/audit/trail.ts'
import { ManualClock } from '../approval/fixtures.ts'
import { openActions } from '../support/actions-house.ts'

type Page = {
  records: { chain: string; record: { type: string; seq: number; agent?: string } }[]
  next: string | null
}

async function openSearch(t: Parameters<typeof openActions>[0]) {
  const house = await openActions(t)
  const clock = new ManualClock()
  const open = (name: string) =>
    openTrail({ folder: join(house.data, 'audit'), name, clock, version: '1', config: 'c' })
  const [control, data] = await Promise.all([open('control'), open('data')])
  t.teardown(() => Promise.all([control.close(), data.close()]))
  for (let at = 0; at < 5; at++) {
    clock.advance(60_000)
    const agent = at % 2 ? 'odd-bot' : 'even-bot'
    control.append({
      ...{ type: 'approval.requested', id: `r${at}`, binding: 'b', agent, database: 'shop' },
      ...{ sha256: 's', verb: 'DROP TABLE', rules: [], clear: [] },
    })
  }
  data.append({ type: 'cancel.requested', session: null, address: '10.0.0.1' })
  control.flush()
  data.flush()
  const search = async (query: string, token = house.tokens.ana) => {
    const { status, body } = await house.call(`/v1/audit?${query}`, { token })
    return { status, body: body as unknown as Page }
  }
  return Object.assign(house, { search })
}

t.test('people search the trail, and that they did is on it', async (t) => {
  const { search, searched, tokens } = await openSearch(t)
  const all = await search('')
  const types = all.body.records.map(({ chain, record }) => `${chain} ${record.type}`)
  t.same(types, [
    'control trail.opened',
    ...Array(5).fill('control approval.requested'),
    'data trail.opened',
    'data cancel.requested',
  ])
  t.equal(all.body.next, null)
  t.match(searched, [{ type: 'audit.searched', person: 'ana@example.com', channel: 'api' }])
  const odd = await search('agent=odd-*&type=approval.*')
  t.same(
    odd.body.records.map(({ record }) => record.agent),
    ['odd-bot', 'odd-bot'],
  )
  t.equal((await search('database=blog')).body.records.length, 0)
  const times = 'since=2026-11-22T12:02:00Z&until=2026-11-22T12:03:00Z&type=approval.*'
  t.equal((await search(times)).body.records.length, 2)
  t.equal((await search('', tokens.bot)).status, 403, 'no agent reads it')
})

t.test('it comes page by page, and a page holds the place of the next', async (t) => {
  const { search, searched } = await openSearch(t)
  const seen: string[] = []
  let cursor: string | null = ''
  for (let page = 0; cursor !== null && page < 20; page++) {
    const { body }: { body: Page } = await search(`limit=3${cursor && `&cursor=${cursor}`}`)
    t.ok(body.records.length <= 3)
    seen.push(...body.records.map(({ chain, record }) => `${chain}:${record.seq}`))
    cursor = body.next
  }
  t.same(seen, [...[1, 2, 3, 4, 5, 6].map((seq) => `control:${seq}`), 'data:1', 'data:2'])
  t.equal(searched.length, 1, 'one search')
  for (const wrong of ['cursor=../etc:1', 'cursor=data', 'since=soon', 'limit=201', 'sql=x']) {
    t.equal((await search(wrong)).status, 422, wrong)
  }
  const stars = `agent=${'*a'.repeat(90)}*`
  t.equal((await search(stars)).status, 200, 'no pattern stalls it')
})

t.test('nobody reads it where that can not be recorded', async (t) => {
  const house = await openSearch(t)
  house.recordTrouble = new Error('disk full')
  t.equal((await house.search('')).status, 500)
})
