import t, { type Test } from 'tap'
import { complaintsOf, openBrowser } from '../../support/browser.ts'
import { openInbox } from '../../support/inbox-house.ts'
import { signedIn, type Visitor, Wanderer } from '../../support/inbox-visitor.ts'
import { OidcHouse } from '../../support/oidc-house.ts'
import { barriersOf } from '../../support/page-checks.ts'

const DI = 'di@example.com'
const BY_TWO = { requirements: [{ rule: 'two', by: ['dba'], count: 2 }] }
const WHY = { reason: 'the site is down', ticket: 'INC-7', word: 'break glass' }
const MAY = new Map([['support', { clears: ['pii.*'], breakGlass: true }]])

const addressOf = (id: string) => `/inbox/requests/${id}`
const shows = (text: string) => text.includes('break the glass')

/** An inbox in which di, whom no rule asks, may break the glass. */
async function openGlass(t: Test) {
  const house = await openInbox(t)
  house.groups = MAY
  const { id, statementSha256 } = await house.open(BY_TWO)
  const di = await signedIn(t, house, DI)
  const tokenOf = async (visitor: Visitor) =>
    /name="form" value="([^"]+)"/.exec((await visitor.get('/inbox')).text)?.[1] ?? ''
  const breakIt = async (
    visitor: Visitor,
    change: Record<string, string> = {},
    { headers = {}, request = id }: { headers?: Record<string, string>; request?: string } = {},
  ) => {
    const form = await tokenOf(visitor)
    const fields = { form, statement_sha256: statementSha256, ...WHY, ...change }
    return visitor.post(`${addressOf(request)}/break-glass`, fields, headers)
  }
  const state = () => house.desk.get(id)?.state
  return Object.assign(house, { id, di, breakIt, state, statementSha256 })
}

t.test('who may lets a request pass alone, with a reason, a ticket and a word', async (t) => {
  const house = await openGlass(t)
  const { id, di, breakIt, state, records, events, desk } = house
  const { text } = await di.get(addressOf(id))
  t.ok(shows(text))
  t.match(text, '<details class="glass">', 'folded up')
  t.match(text, 'Not yours to sign', 'though no rule asks them')
  for (const [change, says] of [
    [{ word: '' }, 'type: break glass'],
    [{ word: 'yes' }, 'type: break glass'],
    [{ reason: ' ' }, 'a reason and a ticket'],
    [{ ticket: '\n' }, 'a reason and a ticket'],
    [{ reason: 'x'.repeat(2_001) }, 'The reason is too long'],
    [{ ticket: 'x'.repeat(201) }, 'The ticket is too long'],
    [{ statement_sha256: '' }, 'names no statement'],
    [{ statement_sha256: `${'a'.repeat(64)}\n` }, 'names no statement'],
  ] as const) {
    const answer = await breakIt(di, change)
    t.match(answer, { status: 422 }, says)
    t.match(answer.text, says)
    t.equal(state(), 'pending', says)
  }
  const typed = await breakIt(di, { word: 'no', ticket: '"><b>INC-7' })
  t.match(typed.text, '<details class="glass" open>')
  t.match(typed.text, 'the site is down</textarea>', 'what was typed in stays')
  t.match(typed.text, 'value="&quot;&gt;&lt;b&gt;INC-7"')
  t.match(await breakIt(di, { word: ' Break Glass ' }), { status: 303 })
  t.equal(state(), 'approved')
  t.match(desk.get(id)?.votes, [
    { person: DI, channel: 'inbox', reason: 'the site is down', breakGlass: { ticket: 'INC-7' } },
  ])
  t.match(
    records.find(({ type }) => type === 'approval.break_glass'),
    { person: DI, channel: 'inbox', ticket: 'INC-7' },
  )
  t.ok(
    events.some(({ type }) => type === 'break-glass'),
    'and everybody is told',
  )
  const after = await di.get(addressOf(id))
  t.notOk(shows(after.text))
  t.match(after.text, 'alone, by break-glass')
  t.match(await breakIt(di), { status: 303 }, 'a button that is pressed twice')
  t.match(await breakIt(di, { ticket: 'INC-8' }), {
    status: 409,
    text: /Nothing of yours was counted/,
  })
  t.equal(records.filter(({ type }) => type === 'approval.break_glass').length, 1, 'once')
})

t.test('who may not sees no such form, and is refused with one made by hand', async (t) => {
  const house = await openGlass(t)
  const { id, di, breakIt, state, records, statementSha256 } = house
  const refusals = () => records.filter(({ type }) => type === 'approval.refused').length
  const ana = await signedIn(t, house, 'ana@example.com')
  const page = await ana.get(addressOf(id))
  t.notOk(shows(page.text), 'an approver, of no group that may')
  t.match(page.text, 'value="approve"')
  t.match(await breakIt(ana), { status: 403, text: /No group of yours may break the glass/ })
  t.equal(refusals(), 1, 'that they tried is on the record')
  for (const tie of [
    { owners: [DI] },
    { owners: ['support'] },
    { onBehalfOf: DI },
    { credentialCreatedBy: [DI] },
    { asksClear: ['pii.email'] },
  ]) {
    const own = await house.open({ ...BY_TWO, ...tie, binding: JSON.stringify(tie) })
    t.notOk(shows((await di.get(addressOf(own.id))).text), JSON.stringify(tie))
    t.match(await breakIt(di, {}, { request: own.id }), { status: 403 }, JSON.stringify(tie))
    t.equal(house.desk.get(own.id)?.state, 'pending')
  }
  house.groups = new Map()
  t.match(await breakIt(di), { status: 403 }, 'a right that was taken away meanwhile')
  house.groups = MAY
  house.people = house.people.filter(({ email }) => email !== DI)
  const form = { form: 'x', statement_sha256: statementSha256, ...WHY }
  t.match(await di.post(`${addressOf(id)}/break-glass`, form), { status: 401 }, 'who has left')
  t.equal(state(), 'pending')
})

t.test('no other site breaks it, and no link', async (t) => {
  const { id, di, breakIt, state, base, records } = await openGlass(t)
  t.match(await breakIt(di, { form: '' }), { status: 403, text: /open for too long/ })
  t.match(await breakIt(di, { form: 'A'.repeat(43) }), { status: 403 })
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
  ]) {
    t.match(await breakIt(di, {}, { headers }), { status: 403, text: /Another site/ })
  }
  const query = new URLSearchParams(WHY)
  t.match(await di.get(`${addressOf(id)}/break-glass?${query}`), { status: 404 }, 'a GET')
  const asJson = await fetch(`${base}${addressOf(id)}/break-glass`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      cookie: [...di.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    },
    body: JSON.stringify(WHY),
  })
  t.ok(asJson.status >= 400)
  t.equal(state(), 'pending')
  t.same(
    records.filter(({ type }) => type !== 'approval.requested'),
    [],
  )
})

t.test('decided meanwhile, over, another statement, no record: nothing of it counts', async (t) => {
  const house = await openGlass(t)
  const { id, di, breakIt, state, desk, clock } = house
  t.match(await breakIt(di, { statement_sha256: 'f'.repeat(64) }), {
    status: 412,
    text: /this page showed another statement/,
  })
  t.match(await breakIt(di, {}, { request: 'nothing' }), { status: 404 })
  house.recordTrouble = new Error('disk full')
  t.match(await breakIt(di), { status: 500 })
  t.equal(state(), 'pending', 'no record, no run')
  house.recordTrouble = null
  const denied = { person: 'ana@example.com', decision: 'deny', reason: 'no' } as const
  await desk.decide(id, { ...denied, channel: 'api', statementSha256: null })
  t.match(await breakIt(di), { status: 409, text: /denied by ana@example\.com already/ })
  t.equal(state(), 'denied')
  const late = await house.open({ ...BY_TWO, binding: 'late', expiresMs: 60_000 })
  clock.advance(60_000)
  t.match(await breakIt(di, {}, { request: late.id }), { status: 410 })
})

t.test('where people sign in with an account it takes a fresh sign-in', async (t) => {
  const provider = await OidcHouse.start(t)
  const house = await openInbox(t, { oidc: provider.settings })
  await provider.leadsTo(house.base)
  provider.account = { subject: 'sub-di', email: DI }
  house.groups = MAY
  const { base, desk, clock, records } = house
  const { id, statementSha256 } = await house.open({ ...BY_TWO, expiresMs: 7_200_000 })
  const address = `${base}${addressOf(id)}`
  const browser = new Wanderer()
  await browser.go(`${base}/inbox/oidc/start?to=/inbox`)
  clock.advance(6 * 60_000)
  const send = async (form: string) =>
    browser.post(`${address}/break-glass`, { form, statement_sha256: statementSha256, ...WHY })
  const formIn = (text: string) => /name="form" value="([^"]+)"/.exec(text)?.[1] ?? ''
  const page = await browser.go(address)
  t.match(page.text, 'at most 5 minutes ago')
  const sent = await send(formIn(page.text))
  const [, onward = ''] = /id="onward" href="([^"]+)"/.exec(sent.text) ?? []
  t.match(onward, '/inbox/oidc/start?how=fresh')
  t.equal(desk.get(id)?.state, 'pending')
  const { logins } = provider
  clock.advance(Date.now() - clock.now())
  const back = await browser.go(base + onward.replaceAll('&amp;', '&'))
  t.equal(provider.logins, logins + 1, 'they have proved it again')
  t.equal(desk.get(id)?.state, 'pending', 'coming back decides nothing')
  t.match(back.text, '<details class="glass" open>')
  t.match(back.text, 'the site is down</textarea>')
  t.match(back.text, 'value="INC-7"')
  t.notMatch(back.text, 'value="break glass"', 'the word is typed again')
  t.match(await send(formIn(back.text)), { status: 303 })
  t.equal(desk.get(id)?.state, 'approved')

  clock.advance(6 * 60_000)
  const next = await house.open({ ...BY_TWO, binding: 'next' })
  const late = await browser.post(`${base}${addressOf(next.id)}/break-glass`, {
    ...{ form: formIn(back.text), statement_sha256: statementSha256, ...WHY },
  })
  t.match(late.text, 'id="onward"', 'a proof of six minutes ago is none')
  t.equal(desk.get(next.id)?.state, 'pending')

  const bot = await house.open({ ...BY_TWO, binding: 'token' })
  const byToken = await signedIn(t, house, DI)
  const fields = await byToken.form(addressOf(bot.id))
  const form = fields.form ?? formIn((await byToken.get('/inbox')).text)
  const more = { form, statement_sha256: statementSha256, ...WHY }
  const asked = await byToken.post(`${addressOf(bot.id)}/break-glass`, more)
  t.match(asked.text, 'id="onward"', 'a token proves nothing of today')
  t.equal(desk.get(bot.id)?.state, 'pending')
  const ana = await signedIn(t, house, 'ana@example.com')
  const hers = { ...more, form: formIn((await ana.get('/inbox')).text) }
  t.match(
    await ana.post(`${addressOf(bot.id)}/break-glass`, hers),
    { status: 403, text: /No group of yours/ },
    'who may not is sent nowhere',
  )
  t.equal(records.filter(({ type }) => type === 'approval.refused').length, 1)
})

t.test('by a real browser, with scripts and without', async (t) => {
  const { base, tokens, open, desk, ...house } = await openGlass(t)
  const token = await tokens.add(DI)
  for (const javaScriptEnabled of [true, false]) {
    const { id } = await open({ ...BY_TWO, binding: `b${javaScriptEnabled}` })
    const browser = await openBrowser(t, { javaScriptEnabled, width: 320, height: 640 })
    const page = await browser.newPage()
    const complaints = complaintsOf(page)
    await page.goto(`${base}/inbox`)
    await page.getByLabel('Access token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.goto(`${base}${addressOf(id)}`)
    await page.click('.glass-lid')
    await page.getByLabel("Why it can't wait").fill('a')
    await page.getByLabel('Ticket of the incident').fill('INC-9')
    if (javaScriptEnabled) {
      t.same(await barriersOf(page), [])
      const other = await open({ ...BY_TWO, binding: 'other' })
      await page.waitForSelector('#waiting:has-text("3")', { state: 'attached' })
      t.equal(
        await page.getByLabel('Ticket of the incident').inputValue(),
        'INC-9',
        'news of others takes nothing away',
      )
      await desk.withdraw(other.id, 'cancelled', 'line')
    }
    await page.getByLabel('To confirm').fill('break glass')
    await page.click('button.break')
    await page.waitForSelector('.outcome')
    t.match(desk.get(id)?.votes, [{ person: DI, breakGlass: { ticket: 'INC-9' } }])
    t.same(complaints, [])
    await browser.close()
  }
  t.ok(house.id)
})
