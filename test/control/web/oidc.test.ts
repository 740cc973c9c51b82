import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CLAIMS_MS } from '../../../src/identity/accounts.ts'
import { complaintsOf, openBrowser } from '../../support/browser.ts'
import { openInbox } from '../../support/inbox-house.ts'
import { Wanderer } from '../../support/inbox-visitor.ts'
import { OidcHouse } from '../../support/oidc-house.ts'
import { barriersOf } from '../../support/page-checks.ts'

const BO = { subject: 'sub-bo', email: 'bo@example.com' }
const START = '/inbox/oidc/start'
const CALLBACK = '/inbox/oidc/callback'
const SESSION = 'countersign'

async function open(t: Test) {
  const provider = await OidcHouse.start(t)
  const house = await openInbox(t, { oidc: provider.settings })
  await provider.leadsTo(house.base)
  provider.account = BO
  const start = (to = '/inbox', how = '') =>
    `${house.base}${START}?to=${encodeURIComponent(to)}&how=${how}`
  return Object.assign(house, { provider, start })
}
type House = Awaited<ReturnType<typeof open>>

async function signIn(house: House, browser = new Wanderer()) {
  const page = await browser.go(house.start())
  return { browser, page }
}

const isIn = async ({ base }: House, browser: Wanderer) =>
  (await browser.go(`${base}/inbox`)).text.includes('Waiting for a signature')

t.test('an account at the identity provider opens a session, and the way leads back', async (t) => {
  const house = await open(t)
  const { id } = await house.open()
  const browser = new Wanderer()
  const way = await browser.go(`${house.base}/v1/approvals/${id}`)
  t.equal(way.url.pathname, '/inbox/sign-in', 'a link to a request leads to the way in')
  const [, start = ''] = /href="(\/inbox\/oidc\/start[^"]*)"/.exec(way.text) ?? []
  t.match(way.text, `Sign in with ${new URL(house.provider.issuer).host}`)
  t.match(way.text, 'id="token"', 'a token goes, too')
  const back = await browser.go(house.base + start)
  t.match(back, { status: 200, url: { pathname: `/inbox/requests/${id}` } })
  t.match(back.text, 'bo@example.com')
  t.equal(house.desk.get(id)?.state, 'pending', 'no way here decides anything')
  const kept = readFileSync(join(house.data, 'sessions.json'), 'utf8')
  t.notOk(kept.includes(browser.cookie(house.base, SESSION) ?? '?'))
  t.notMatch(kept, /eyJ/, 'no token of the provider is kept')
  t.match(house.signIns, [
    { person: 'bo@example.com', subject: 'sub-bo', issuer: house.provider.issuer },
  ])
  house.recordTrouble = new Error('disk full')
  const unrecorded = await signIn(house)
  t.equal(unrecorded.browser.cookie(house.base, SESSION), undefined, 'no record, no session')
  t.equal(statSync(join(house.data, 'accounts.json')).mode & 0o777, 0o600)
})

t.test('signing out ends the session here, and leads to the provider', async (t) => {
  const house = await open(t)
  const { browser, page } = await signIn(house)
  const secret = browser.cookie(house.base, SESSION) ?? ''
  const [, form = ''] =
    /action="\/inbox\/sign-out"><input [^>]*value="([^"]+)"/.exec(page.text) ?? []
  t.match(await browser.post(`${house.base}/inbox/sign-out`, { form: '' }), { status: 403 })
  t.ok(await isIn(house, browser))
  const out = await browser.post(`${house.base}/inbox/sign-out`, { form })
  t.match(out.text, `url=${house.provider.issuer}/session/end?`)
  t.notMatch(out.text, 'id_token_hint')
  browser.setCookie(house.base, SESSION, secret)
  t.notOk(await isIn(house, browser), 'the cookie that was is of no use')
})

t.test(
  'whoever the file does not list, or whose address nobody has verified, stays out',
  async (t) => {
    const house = await open(t)
    const refused = async (account: OidcHouse['account'], words: RegExp) => {
      house.provider.account = account
      const { browser, page } = await signIn(house)
      t.match(page, { status: 403, url: { pathname: CALLBACK }, text: words })
      t.equal(browser.cookie(house.base, SESSION), undefined)
    }
    await refused({ subject: 's1', email: 'zoe@example.com' }, /not listed/)
    await refused({ subject: 's2', email: BO.email, emailVerified: false }, /no verified e-mail/)
    await refused({ subject: 's3' }, /no verified e-mail/)
    await refused(null, /said access_denied\./)
    const { page } = await signIn(house)
    t.notMatch(page.text, 'somebody</b>', 'what it says in words is not shown')
  },
)

t.test("an account that was used is the person's, and no other with their address", async (t) => {
  const house = await open(t)
  const { browser } = await signIn(house)
  house.provider.account = { subject: 'sub-of-a-thief', email: 'BO@example.com' }
  const thief = await signIn(house)
  t.match(thief.page, { status: 403, text: /Another account was used for this e-mail address/ })
  house.provider.account = { subject: BO.subject, email: 'ana@example.com' }
  const renamed = await signIn(house)
  t.match(renamed.page, { status: 403, text: /used by somebody else here/ })
  t.ok(await isIn(house, browser))

  t.ok(house.accounts.forget('Bo@example.com'))
  t.notOk(await isIn(house, browser), 'what is forgotten ends what it has opened')
  house.provider.account = { subject: 'sub-two', email: BO.email }
  t.ok(await isIn(house, (await signIn(house)).browser), 'an operator may let the next one in')

  house.people = house.people.map((each) =>
    each.email === BO.email ? { ...each, oidc: 'sub-listed' } : each,
  )
  const other = await signIn(house)
  t.match(other.page, { status: 403, text: /Another account is listed/ })
  house.provider.account = {
    subject: 'sub-listed',
    email: 'whatever@example.com',
    emailVerified: false,
  }
  const listed = await signIn(house)
  t.match(
    listed.page,
    { status: 200, text: /bo@example\.com/ },
    'where the file names it, it decides',
  )
  house.people = house.people.filter(({ email }) => email !== BO.email)
  t.notOk(await isIn(house, listed.browser), 'whom the file does not list any more')
})

t.test('groups that the provider names count for a quarter of an hour', async (t) => {
  const house = await open(t)
  const { desk, clock, provider, base } = house
  const di = { subject: 'sub-di', email: 'di@example.com' }
  provider.account = { ...di, groups: ['approvers'] }
  const { browser } = await signIn(house)
  const answer = (id: string, channel: 'inbox' | 'slack' = 'inbox') =>
    desk.decide(id, {
      ...{ person: di.email, channel, decision: 'approve', reason: '', statementSha256: null },
    })
  const quorum = [{ rule: 'two', by: ['approvers'], count: 2 }]
  const first = await house.open({ requirements: quorum })
  t.match(await answer(first.id), { kind: 'counted' })
  t.match(await desk.decide(first.id, { ...bo(), decision: 'approve' }), { kind: 'decided' })

  const second = await house.open({ binding: 'b2', requirements: quorum })
  t.match(await answer(second.id, 'slack'), { kind: 'counted' }, 'by whatever channel')
  clock.advance(CLAIMS_MS)
  const third = await house.open({ binding: 'b3' })
  t.match(await answer(third.id), { code: 'not_an_approver' }, 'then they lapse')
  t.match(await desk.decide(second.id, { ...bo(), decision: 'approve' }), { kind: 'decided' })
  const own = await house.open({ binding: 'b4', owners: ['approvers'] })
  t.match(await answer(own.id), { code: 'self_approval' }, 'a lapsed group still ties')

  const { logins } = provider
  await browser.go(`${base}/inbox`)
  t.equal(provider.logins, logins, 'the next page has them named again, and asks for nothing')
  t.ok(browser.way.includes(`${base}${CALLBACK}`))
  t.match(await answer(third.id), { kind: 'decided' })

  clock.advance(CLAIMS_MS)
  provider.update({ ...di, groups: ['support'] })
  await browser.go(`${base}/inbox`)
  const fourth = await house.open({ binding: 'b5' })
  t.match(await answer(fourth.id), { code: 'not_an_approver' }, 'who has left a group has left it')
})

const bo = () =>
  ({ person: 'bo@example.com', channel: 'api', reason: '', statementSha256: null }) as const

t.test('where the provider will not renew, groups lapse and the session stays', async (t) => {
  const house = await open(t)
  const { provider, clock, base } = house
  provider.account = { subject: 'sub-di', email: 'di@example.com', groups: ['approvers'] }
  const { browser } = await signIn(house)
  clock.advance(CLAIMS_MS)
  await provider.leadsTo(base)
  t.ok(await isIn(house, browser), 'it knows nobody any more')
  const { id } = await house.open()
  const given = { ...bo(), person: 'di@example.com', decision: 'approve' } as const
  t.match(await house.desk.decide(id, given), { code: 'not_an_approver' })
})

t.test('what comes back counts in the browser in which it was begun, once', async (t) => {
  const house = await open(t)
  const { base } = house
  const victim = new Wanderer()
  const attacker = new Wanderer()
  const caught = await attacker.go(house.start(), { stopAt: CALLBACK })
  t.match(caught.url.search, /code=.*state=/)
  const forced = await victim.go(caught.url.href)
  t.match(forced, { status: 403, text: /not begun in this browser/ }, 'login CSRF')
  t.equal(victim.cookie(base, SESSION), undefined)
  const mine = await victim.go(house.start(), { stopAt: CALLBACK })
  const lured = await victim.go(caught.url.href)
  t.match(
    lured,
    { status: 403, text: /not begun in this browser/ },
    'who has begun one of their own',
  )
  const injected = new URL(mine.url)
  injected.searchParams.set('code', caught.url.searchParams.get('code') ?? '')
  t.match(
    await victim.go(injected.href),
    { status: 403, text: /said invalid_grant/ },
    'not his code',
  )
  t.match(await victim.go(mine.url.href), { status: 403 }, 'a state is good once')
  for (const search of ['', '?code=x', '?code=x&state=', '?code=x&state=y&state=z']) {
    t.match(await victim.go(`${base}${CALLBACK}${search}`), { status: 403 }, search)
  }
  const mixed = await victim.go(house.start(), { stopAt: CALLBACK })
  mixed.url.searchParams.set('iss', 'https://evil.example')
  t.match(
    await victim.go(mixed.url.href),
    { status: 403, text: /proves nothing/ },
    'another issuer',
  )
  const slow = await victim.go(house.start(), { stopAt: CALLBACK })
  house.clock.advance(10 * 60_000)
  t.match(await victim.go(slow.url.href), { status: 403, text: /took too long/ })
  t.equal(victim.cookie(base, SESSION), undefined)
})

t.test('a session is new however one comes in, and nobody is led elsewhere', async (t) => {
  const house = await open(t)
  const { base } = house
  const planted = 'A'.repeat(43)
  const browser = new Wanderer()
  browser.setCookie(base, SESSION, planted)
  await browser.go(house.start())
  const first = browser.cookie(base, SESSION)
  t.not(first, planted)
  await browser.go(house.start())
  const second = browser.cookie(base, SESSION)
  t.not(second, first)
  const old = new Wanderer()
  old.setCookie(base, SESSION, first ?? '')
  t.notOk(await isIn(house, old), 'what was renewed has ended')
  for (const to of [
    ...['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)'],
    ...['/inbox/../v1', '/inbox/sign-out', '/inbox/requests/a"b', '\\\\evil.example'],
  ]) {
    const page = await browser.go(house.start(to))
    t.equal(page.url.href, `${base}/inbox`, to)
  }
  house.provider.account = { subject: 'sub-ana', email: 'ana@example.com' }
  browser.forget(house.provider.issuer)
  const other = await browser.go(house.start('/inbox', 'fresh'))
  t.match(other, { status: 403, text: /came back as ana@example\.com/ }, 'another person')
  t.ok(await isIn(house, browser))
})

t.test('where no provider is configured nobody signs in by one', async (t) => {
  const house = await openInbox(t)
  const browser = new Wanderer()
  t.match(await browser.go(`${house.base}${START}`), { status: 404 })
  t.match(await browser.go(`${house.base}${CALLBACK}?code=x&state=y`), { status: 404 })
  t.notMatch((await browser.go(`${house.base}/inbox/sign-in`)).text, 'Sign in with')
})

const STEP_UP_MS = 5 * 60_000
const strict = [{ rule: 'strict', by: ['approvers'], count: 1, stepUpMs: STEP_UP_MS }]

t.test('what asks for a fresh sign-in is approved after one, with what was typed in', async (t) => {
  const house = await open(t)
  const { base, desk, clock, provider } = house
  const { browser } = await signIn(house)
  const { id } = await house.open({ requirements: strict, clearable: ['pii.email'] })
  const address = `${base}/inbox/requests/${id}`
  const fields = async () => {
    const { text } = await browser.go(address)
    const form = text.slice(text.indexOf('id="decision"'))
    const hidden = form.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)
    return Object.fromEntries([...hidden].map(([, name = '', value = '']) => [name, value]))
  }
  const post = async (more: Record<string, string>) =>
    browser.post(`${address}/decision`, { ...(await fields()), ...more })
  const typed = { decision: 'approve', reason: 'checked <b> twice', 'clear:pii.email': 'on' }
  const sent = await post(typed)
  const [, onward = ''] = /id="onward" href="([^"]+)"/.exec(sent.text) ?? []
  t.match(
    onward,
    `/inbox/oidc/start?how=fresh&amp;to=${encodeURIComponent(`/inbox/requests/${id}`)}`,
  )
  t.equal(desk.get(id)?.state, 'pending')
  const { logins } = provider
  const back = await browser.go(base + onward.replaceAll('&amp;', '&'))
  t.equal(provider.logins, logins + 1, 'they have proved it again')
  t.equal(desk.get(id)?.state, 'pending', 'coming back decides nothing')
  t.match(back.text, 'checked &lt;b&gt; twice</textarea>')
  t.match(back.text, 'name="clear:pii.email" autocomplete="off" checked')
  t.notMatch((await browser.go(address)).text, 'checked &lt;b&gt;', 'it is shown once')
  t.match(await post(typed), { status: 303 })
  const given = house.records.find(({ type }) => type === 'approval.voted')
  t.match(given, { authenticatedAt: /Z$/, person: 'bo@example.com' })
  t.match(desk.get(id), { state: 'approved', votes: [{ authenticatedAt: /Z$/ }] })

  // The provider goes by the machine's time, which went on meanwhile.
  clock.advance(STEP_UP_MS + 60_000)
  const later = await house.open({ binding: 'later', requirements: strict })
  const late = await browser.post(`${base}/inbox/requests/${later.id}/decision`, {
    ...{ ...(await fields()), idempotency_key: 'another', decision: 'approve' },
    ...{ statement_sha256: later.statementSha256, form: await formToken(browser, base) },
  })
  t.match(late.text, 'id="onward"', 'older than asked')
  t.equal(desk.get(later.id)?.state, 'pending')
})

async function formToken(browser: Wanderer, base: string): Promise<string> {
  const { text } = await browser.go(`${base}/inbox`)
  return /name="form" value="([^"]+)"/.exec(text)?.[1] ?? ''
}

t.test(
  'no channel without a sign-in approves what asks for one, and every one may deny it',
  async (t) => {
    const house = await open(t)
    const { base, desk, clock, tokens, open: ask } = house
    const { id } = await ask({ requirements: strict })
    const token = await tokens.add('bo@example.com')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const call = (path: string, body: object) =>
      fetch(`${base}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    const answer = await call(`/v1/approvals/${id}/decisions`, { decision: 'approve' })
    t.equal(answer.status, 403)
    const said = { error: { code: 'step_up_required' }, inbox: new RegExp(`/v1/approvals/${id}$`) }
    t.match(await answer.json(), said)
    const now = clock.now()
    const by = (proof: object | null, channel = 'inbox') =>
      desk.whyNot(id, { ...bo(), channel, decision: 'approve', proof } as never)
    const at = (authenticatedAt: number) => ({ authenticatedAt, acr: null })
    t.match(await by(null, 'slack'), { code: 'step_up_required' })
    t.match(await by(at(now - STEP_UP_MS - 1)), { code: 'step_up_required' })
    t.match(await by(at(now + 60_000)), { code: 'step_up_required' }, 'of tomorrow')
    t.match(await by(at(Number.NaN)), { code: 'step_up_required' })
    t.equal(await by(at(now - STEP_UP_MS)), null)
    const own = await ask({ binding: 'own', requirements: strict, owners: ['bo@example.com'] })
    const mine = { ...bo(), decision: 'approve', proof: at(now) } as const
    t.match(await desk.decide(own.id, mine), { code: 'self_approval' }, 'it lifts nothing else')
    t.match(await desk.decide(id, { ...bo(), decision: 'deny' }), { kind: 'decided' })

    const two = [
      { rule: 'loose', by: ['dba'], count: 2 },
      { rule: 'strict', by: ['data-owner'], count: 1, stepUpMs: STEP_UP_MS },
    ]
    const both = await ask({ binding: 'both', requirements: two })
    const ana = { ...bo(), person: 'ana@example.com', decision: 'approve' } as const
    t.match(await desk.decide(both.id, ana), { kind: 'counted' }, 'whose rule asks for none')
    t.match(await desk.decide(both.id, { ...mine, proof: null }), { code: 'step_up_required' })
    t.match(await desk.decide(both.id, mine), { kind: 'decided' })
  },
)

t.test('a shape is approved for a time in the inbox, within its terms', async (t) => {
  const house = await open(t)
  const { base, desk } = house
  const { browser } = await signIn(house)
  const shape = 'a'.repeat(64)
  const { id, statementSha256 } = await house.open({ shape })
  const page = await browser.go(`${base}/inbox/requests/${id}`)
  t.match(page.text, 'value="approve-shape"')
  const post = async (key: string, terms: Record<string, string>) =>
    browser.post(`${base}/inbox/requests/${id}/decision`, {
      ...{ form: await formToken(browser, base), statement_sha256: statementSha256 },
      ...{ idempotency_key: key, decision: 'approve-shape', ...terms },
    })
  for (const [minutes, max_rows] of [
    ...[
      ['0', '1'],
      ['1441', '1'],
      ['1', '0'],
      ['1', ''],
      ['', '5'],
      ['1e1', '5'],
      ['-1', '5'],
    ],
  ] as [string, string][]) {
    t.match(await post(`k${minutes}.${max_rows}`, { minutes, max_rows }), { status: 422 })
  }
  t.match(await post('good', { minutes: '5', max_rows: '7' }), { status: 303 })
  t.match([...desk.grants()], [{ shape, maxRows: 7, request: id }])
  const once = await house.open({ binding: 'once' })
  t.notMatch((await browser.go(`${base}/inbox/requests/${once.id}`)).text, 'approve-shape')
})

t.test('real browsers sign in and step up, with scripts and without', async (t) => {
  for (const javaScriptEnabled of [true, false]) {
    const house = await open(t)
    const { base, desk } = house
    const { id } = await house.open({ requirements: strict })
    const browser = await openBrowser(t, { javaScriptEnabled })
    const page = await browser.newPage()
    const complaints = complaintsOf(page)
    // The provider's own page of that name loads what isn't on this machine.
    const end = `${house.provider.issuer}/session/end?**`
    await page.route(end, (route) => route.fulfill({ body: 'signed out' }))
    await page.goto(`${base}/inbox/requests/${id}`)
    if (javaScriptEnabled) t.same(await barriersOf(page), [])
    await page.click('#with-account')
    await page.waitForURL(`**/inbox/requests/${id}`)
    const approve = 'button[value="approve"]'
    await page.click(approve)
    // With scripts the first press asks, the second sends.
    if (javaScriptEnabled) await page.click(approve)
    await page.waitForSelector('text=You have signed in again')
    t.equal(house.provider.logins, 2)
    t.equal(desk.get(id)?.state, 'pending')
    await page.click(approve)
    if (javaScriptEnabled) await page.click(approve)
    await page.waitForSelector('.outcome')
    t.match(desk.get(id), { state: 'approved', votes: [{ person: 'bo@example.com' }] })
    t.same(complaints, [])
    await page.click('text=Sign out')
    await page.waitForURL(end)
    await browser.close()
  }
})
