import t, { type Test } from 'tap'
import { complaintsOf, openBrowser } from '../../support/browser.ts'
import { type InboxHouse, openInbox } from '../../support/inbox-house.ts'
import { signedIn, Visitor, Wanderer } from '../../support/inbox-visitor.ts'
import { BY } from '../../support/linking-house.ts'
import { OidcHouse } from '../../support/oidc-house.ts'
import { barriersOf } from '../../support/page-checks.ts'

const CY = 'cy@example.com'
const SLACK = { chat: 'slack', org: 'T1' } as const
const TEAMS = { chat: 'teams', org: '7e9a0000-0000-4000-8000-0000000000c0' } as const
const ME = '/inbox/me'
const full = async () => ({ ok: true, knownAs: null }) as const

const tokenOf = (text: string) => /name="form" value="([^"]+)"/.exec(text)?.[1] ?? ''
const codeIn = (text: string) => /id="code">([^<]+)</.exec(text)?.[1] ?? ''

/** cy, who lists no account, at the page Me. */
async function open(t: Test, chats: readonly (typeof SLACK | typeof TEAMS)[] = [SLACK, TEAMS]) {
  const house = await openInbox(t, { chats })
  const visitor = await signedIn(t, house, CY)
  const form = tokenOf((await visitor.get(ME)).text)
  const link = (fields: Record<string, string> = SLACK, headers = {}) =>
    visitor.post('/inbox/me/link', { form, ...fields }, headers)
  return Object.assign(house, { visitor, form, link })
}

t.test('the page Me gives a code, shows what it came to, and takes that back', async (t) => {
  const { visitor, form, link, linking, clock, logged, records } = await open(t)
  const before = (await visitor.get(ME)).text
  t.match(before, /Slack.*workspace <bdi>T1.*not linked.*Link Slack/s)
  t.match(before, /Teams.*not linked.*Link Teams/s)
  t.equal(codeIn(before), '')
  const answer = await link()
  t.match(answer, { status: 200, text: /type in:.*Give it to nobody/s })
  t.equal(answer.headers.get('cache-control'), 'no-store')
  const code = codeIn(answer.text)
  t.match(code, /^[A-Z2-9]{4}-[A-Z2-9]{4}$/)
  for (const path of [ME, '/inbox/me/link']) {
    t.notMatch((await visitor.get(path)).text, code, `${path} shows none, and makes none`)
  }
  const account = { ...SLACK, user: 'UCY' }
  t.match(await linking.claim(account, code, full), { ok: true, person: CY })
  const linked = (await visitor.get(ME)).text
  const day = new Date(clock.now()).toISOString().slice(0, 10)
  t.match(linked, `<bdi>UCY</bdi>, linked <time class="moment" datetime="${day}`)
  t.notMatch(linked, 'Link Slack')
  t.match(await visitor.post('/inbox/me/unlink', { form, ...TEAMS }), { status: 404 })
  t.match(await visitor.post('/inbox/me/unlink', { form, ...SLACK }), { status: 303 })
  t.equal(linking.links.personOf(account, linking.directory()), undefined, 'at once')
  t.match(records.at(-1), { type: 'person.unlinked', by: 'person', account: 'UCY' })
  t.notOk(JSON.stringify([logged, linking.logged, records]).includes(code))
})

t.test('it is there where a chat is, and says what the file has to say', async (t) => {
  const house = await open(t, [SLACK])
  const { link, visitor, places, linking, form } = house
  t.notMatch((await visitor.get(ME)).text, 'Teams')
  for (const fields of [TEAMS, { ...SLACK, org: 'T2' }, { chat: 'irc', org: 'T1' }, {}]) {
    t.match(await link(fields as Record<string, string>), { status: 404 }, JSON.stringify(fields))
  }
  await linking.claim({ ...SLACK, user: 'UCY' }, linking.begin(CY, 'slack', BY), full)
  places.length = 0
  t.match((await visitor.get(ME)).text, 'UCY', 'what is not configured any more can be removed')
  t.match(await visitor.post('/inbox/me/unlink', { form, ...SLACK }), { status: 303 })
  t.notMatch((await visitor.get(ME)).text, 'in chats')
  places.push(SLACK)
  house.people = house.people.map((each) =>
    each.email === CY ? { ...each, slack: 'UFILE' } : each,
  )
  const { text } = await visitor.get(ME)
  t.match(text, '<bdi>UFILE</bdi>, as the configuration says')
  t.notMatch(text, 'Link Slack')
  const plain = await openInbox(t)
  const other = await signedIn(t, plain, CY)
  const page = await other.get(ME)
  t.notMatch(page.text, 'in chats')
  const posted = { form: tokenOf(page.text), ...SLACK }
  t.match(await other.post('/inbox/me/link', posted), { status: 404 })
})

t.test('nobody else has a code made, or an account taken away', async (t) => {
  const { visitor, link, form, linking, base } = await open(t)
  await linking.claim({ ...SLACK, user: 'UCY' }, linking.begin(CY, 'slack', BY), full)
  const code = linking.begin(CY, 'teams', BY)
  const stranger = new Visitor({ base } as InboxHouse)
  for (const path of ['/inbox/me/link', '/inbox/me/unlink']) {
    const chat = path.endsWith('unlink') ? SLACK : TEAMS
    const post = (fields: Record<string, string>, headers = {}) =>
      visitor.post(path, { ...chat, ...fields }, headers)
    t.match(await post({}), { status: 403 }, 'no token of a form')
    t.match(await post({ form: `${form}x` }), { status: 403 }, 'another one')
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
    ]) {
      t.match(await post({ form }, headers), { status: 403 }, JSON.stringify(headers))
    }
    t.match(await stranger.post(path, { form, ...chat }), { status: 401 }, 'nobody is signed in')
    t.match(await visitor.get(`${path}?${new URLSearchParams({ form, ...chat })}`), {
      status: path.endsWith('unlink') ? 404 : 200,
    })
  }
  t.equal(linking.links.of(CY).length, 1)
  t.match(await linking.claim({ ...TEAMS, user: 'u' }, code, full), { ok: true }, 'the code lives')
  const other = await link({ ...SLACK, person: 'ana@example.com', email: 'ana@example.com' })
  const claim = await linking.claim({ ...SLACK, user: 'U2' }, codeIn(other.text), full)
  t.match(claim, { message: /Another account is linked to you/ }, 'a code is of who is signed in')
})

t.test('where there is an identity provider, a code takes a fresh sign-in', async (t) => {
  const provider = await OidcHouse.start(t)
  const house = await openInbox(t, { oidc: provider.settings, chats: [SLACK] })
  const { base, clock, linking } = house
  await provider.leadsTo(base)
  provider.account = { subject: 'sub-cy', email: CY }
  const browser = new Wanderer()
  await browser.go(`${base}/inbox/oidc/start`)
  const ask = async () => {
    const form = tokenOf((await browser.go(base + ME)).text)
    return browser.post(`${base}/inbox/me/link`, { form, ...SLACK })
  }
  const prove = () => browser.go(`${base}/inbox/oidc/start?how=fresh&to=${encodeURIComponent(ME)}`)
  t.match((await browser.go(base + ME)).text, 'you are asked to sign in again first')
  const first = await ask()
  t.match(first.text, `url=/inbox/oidc/start?how=fresh&amp;to=${encodeURIComponent(ME)}`)
  t.equal(codeIn(first.text), '', 'nobody knows since when they are signed in there')
  const logins = provider.logins
  t.match((await prove()).url, { pathname: ME })
  t.equal(provider.logins, logins + 1, 'they proved it again')
  const code = codeIn((await ask()).text)
  t.match(await linking.claim({ ...SLACK, user: 'UCY' }, code, full), { ok: true })
  t.match(linking.links.of(CY), [{ by: { issuer: provider.issuer, subject: 'sub-cy' } }])
  await linking.unlink(CY, SLACK)
  clock.advance(5 * 60_000 + 5_000)
  t.match((await ask()).text, 'how=fresh', 'which counts for five minutes')
  clock.advance(-10 * 60_000)
  t.match((await ask()).text, 'how=fresh', 'and a proof of tomorrow is none')
  const byToken = await signedIn(t, house, CY)
  const form = tokenOf((await byToken.get(ME)).text)
  const answer = await byToken.post('/inbox/me/link', { form, ...SLACK })
  t.match(answer.text, 'how=fresh', 'an access token proves nothing lately')
})

t.test('real browsers show the code, with scripts and without', async (t) => {
  const { base, tokens, linking, open: ask } = await openInbox(t, { chats: [SLACK, TEAMS] })
  const token = await tokens.add(CY)
  for (const javaScriptEnabled of [true, false]) {
    const browser = await openBrowser(t, { javaScriptEnabled, width: 320, height: 640 })
    const page = await browser.newPage()
    const complaints = complaintsOf(page)
    await page.goto(`${base}${ME}`)
    await page.fill('#token', token)
    await page.click('#sign-in button')
    await page.click('text=Link Slack')
    const code = (await page.textContent('#code')) ?? ''
    t.match(code, /^\S{9}$/)
    t.notMatch(page.url(), code)
    if (javaScriptEnabled) {
      t.same(await barriersOf(page), [])
      await ask()
      await page.waitForSelector('.waiting', { state: 'attached' })
      t.equal(await page.textContent('#code'), code, 'it stays while the page keeps itself new')
    }
    const user = `U${javaScriptEnabled}`
    t.match(await linking.claim({ ...SLACK, user }, code, full), { ok: true })
    await page.goto(`${base}${ME}`)
    await page.click('text=Remove')
    await page.waitForSelector('text=Link Slack')
    t.same(linking.links.of(CY), [])
    t.same(complaints, [])
    await browser.close()
  }
})
