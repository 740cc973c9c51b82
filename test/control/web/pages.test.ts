import t from 'tap'
import { answerOf } from '../../approval/fixtures.ts'
import { openBrowser } from '../../support/browser.ts'
import { openInbox } from '../../support/inbox-house.ts'
import { signedIn, Visitor } from '../../support/inbox-visitor.ts'
import { barriersOf } from '../../support/page-checks.ts'

const PAGES = ['/inbox/history', '/inbox/agents', '/inbox/grants', '/inbox/me'] as const
const terms = { minutes: 30, maxRows: 100 }

t.test('history finds what is looked for, by each field and all of them', async (t) => {
  const house = await openInbox(t)
  const { open, desk, clock } = house
  const first = await open({ binding: 'a', statement: "DELETE FROM orders WHERE note = 'Ünique'" })
  await desk.decide(first.id, answerOf('ana@example.com', 'deny'))
  clock.advance(24 * 3_600_000)
  const second = await open({ binding: 'b', agent: 'report-bot', owners: ['eve@example.com'] })
  const visitor = await signedIn(t, house)
  const found = async (query: string) => {
    const { text, status } = await visitor.get(`/inbox/history?${query}`)
    t.equal(status, 200, query)
    return [...text.matchAll(/id="open-(r\d+)"/g)].map(([, id]) => id)
  }
  const [one, two] = [[first.id], [second.id]]
  t.same(await found(''), [second.id, first.id], 'the newest first')
  t.same(await found('q=%C3%BCNIQUE'), one, 'constants of the statement, in any case')
  t.same(await found('q=public.ORDERS'), [second.id, first.id], 'tables')
  t.same(await found('state=denied'), one)
  t.same(await found('agent=report'), two)
  t.same(await found('person=ana@'), one, 'who answered')
  t.same(await found('person=EVE@example.com'), two, 'who owns the agent')
  t.same(await found('since=2026-11-23'), two)
  t.same(await found('until=2026-11-22'), one)
  t.same(await found('until=2026-11-22&agent=report-bot'), [])
  t.match((await visitor.get('/inbox/history?q=.*')).text, 'Nothing fits', 'no pattern, but text')
  for (const bad of [
    ...[
      'state=maybe',
      'since=yesterday',
      'since=2026-13-45',
      'q=a&q=b',
      'after=x',
      'after=a&after=b',
    ],
    `q=${'x'.repeat(201)}`,
  ]) {
    t.equal((await visitor.get(`/inbox/history?${bad}`)).status, 422, bad.slice(0, 30))
  }
  const evil = '"><script>alert(1)</script>'
  const page = await visitor.get(`/inbox/history?agent=${encodeURIComponent(evil)}`)
  t.notMatch(page.text, '<script>alert')
  for (let at = 0; at < 60; at++) {
    await open({ binding: `more${at}`, agent: 'many' })
    clock.advance(1_000)
  }
  const many = await visitor.get('/inbox/history?agent=many')
  const [, next = ''] = /rel="next" href="([^"]+)"/.exec(many.text) ?? []
  t.match(next, 'agent=many', 'the next page is of the same search')
  const older = (await visitor.get(next.replaceAll('&amp;', '&'))).text
  t.equal([...older.matchAll(/id="open-/g)].length, 10)
})

t.test('owners see what their agents ask for, take it back and never sign it', async (t) => {
  const house = await openInbox(t)
  const { open, desk, clock } = house
  const mine = await open({ binding: 'mine', owners: ['bo@example.com'], agent: 'bo-bot' })
  clock.advance(1_000)
  const group = await open({ binding: 'group', owners: ['data-owner'], agent: 'team-bot' })
  await open({ binding: 'other' })
  const bo = await signedIn(t, house)
  const { text } = await bo.get('/inbox/agents')
  t.match(text, /bo-bot<\/bdi><\/a><\/th><td>1</)
  t.ok(text.indexOf('bo-bot') < text.indexOf('team-bot'), 'who has waited longest comes first')
  const own = text.slice(text.indexOf('id="own-title"'))
  t.match(own, `action="/inbox/requests/${group.id}/decision"`)
  t.notMatch(own, 'billing-bot', 'whose owner is somebody else')
  t.notMatch(text, 'value="approve"')
  const [form] = own.split('</form>')
  const fields = [...(form ?? '').matchAll(/name="([^"]+)" value="([^"]*)"/g)]
  const posted = Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]))
  t.match(posted, { decision: 'withdraw' })
  const stranger = await signedIn(t, house, 'ana@example.com')
  t.match((await stranger.get('/inbox/agents')).text, 'You own no agent')
  const path = `/inbox/requests/${mine.id}/decision`
  const { form: token = '' } = await stranger.form(`/inbox/requests/${mine.id}`)
  t.match(await stranger.post(path, { ...posted, form: token }), { status: 403 })
  t.match(await bo.post(path, { ...posted, form: '' }), { status: 403 })
  t.equal(desk.get(mine.id)?.state, 'pending')
  t.match(await bo.post(path, posted), { status: 303 })
  t.match(desk.get(mine.id), { state: 'withdrawn', withdrawnCause: 'owner' })
})

t.test('grants are shown, and ended by whoever may', async (t) => {
  const house = await openInbox(t)
  const { open, desk } = house
  const { id } = await open({
    shape: 'a'.repeat(64),
    requirements: [{ rule: 'r', by: ['dba'], count: 1 }],
  })
  await desk.decide(id, { ...answerOf('ana@example.com'), grant: terms })
  const [grant] = [...desk.grants()]
  const path = `/inbox/grants/${grant?.id}/revoke`
  const di = await signedIn(t, house, 'di@example.com')
  const page = (await di.get('/inbox/grants')).text
  t.match(page, /at most 100 rows each, used 1 time</)
  t.notMatch(page, path, 'who may not end it has no button')
  const formOf = async (visitor: Visitor) =>
    (await visitor.form(`/inbox/requests/${id}`)).form ?? ''
  const tokenOf = async (visitor: Visitor) =>
    /name="form" value="([^"]+)"/.exec((await visitor.get('/inbox/grants')).text)?.[1] ?? ''
  t.equal(await formOf(di), '')
  t.match(await di.post(path, { form: await tokenOf(di) }), { status: 403, text: /may sign such/ })
  const bo = await signedIn(t, house)
  t.match((await bo.get('/inbox/grants')).text, path)
  t.equal((await bo.get(path)).status, 404, 'a link ends nothing')
  t.match(await bo.post(path, { form: await tokenOf(di) }), { status: 403 }, "another's form")
  const cross = { 'sec-fetch-site': 'cross-site' }
  t.match(await bo.post(path, { form: await tokenOf(bo) }, cross), { status: 403 })
  t.equal([...desk.grants()][0]?.revoked, null)
  t.match(await bo.post(path, { form: await tokenOf(bo) }), { status: 303 })
  t.match([...desk.grants()][0]?.revoked, { by: 'bo@example.com' })
  t.match((await bo.get('/inbox/grants')).text, 'revoked by')
  t.match(await bo.post('/inbox/grants/none/revoke', { form: await tokenOf(bo) }), { status: 404 })
})

t.test('nobody sees any of it who is not signed in', async (t) => {
  const house = await openInbox(t)
  await house.open()
  const visitor = new Visitor(house)
  for (const page of PAGES) {
    const answer = await visitor.get(page)
    t.equal(answer.status, 303, page)
    t.equal(answer.headers.get('location'), `/inbox/sign-in?to=${encodeURIComponent(page)}`)
  }
  t.equal((await visitor.post('/inbox/grants/x/revoke', {})).status, 401)
})

t.test('every page can be read by anybody, in any width and both lights', async (t) => {
  const house = await openInbox(t)
  const { open, desk } = house
  const long = `t_${'x'.repeat(80)}`
  const tables = [{ name: long, access: 'read', classes: ['pii.email'] }] as const
  const was = await open({ shape: 'a'.repeat(64), tables, owners: ['bo@example.com'] })
  await desk.decide(was.id, { ...answerOf('ana@example.com'), grant: terms })
  await open({ binding: 'own', tables, owners: ['bo@example.com'], agent: long })
  const { id } = await open({ binding: 'shape', shape: 'b'.repeat(64) })
  const token = await house.tokens.add('bo@example.com')
  for (const [colorScheme, width] of [
    ['light', 320],
    ['dark', 1280],
  ] as const) {
    const browser = await openBrowser(t, { colorScheme, width })
    const page = await browser.newPage()
    await page.goto(`${house.base}/inbox/history`)
    await page.fill('#token', token)
    await page.click('#sign-in button')
    await page.waitForURL('**/inbox/history')
    for (const path of [...PAGES, '/inbox', `/inbox/requests/${id}`]) {
      await page.goto(house.base + path)
      for (const details of await page.locator('details').all()) {
        await details.locator('summary').click()
      }
      t.same(await barriersOf(page), [], `${colorScheme} ${width} ${path}`)
    }
    if (width > 1000) {
      await page.click('button[value="approve-shape"]')
      t.match(await page.textContent('#ask'), /for 30 minutes, at most 1000 rows each\?$/)
      await page.fill('input[name="max_rows"]', '12')
      t.match(await page.textContent('#ask'), /at most 12 rows/)
      await page.click('button[value="approve-shape"]')
      await page.waitForSelector('.outcome')
      t.match([...desk.grants()].at(-1), { maxRows: 12, request: id })
    }
  }
})
