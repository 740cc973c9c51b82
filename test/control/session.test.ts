import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { registerApprovals } from '../../src/cli/approvals.ts'
import { registerLogin, registerWhoami } from '../../src/cli/login.ts'
import { OidcClient } from '../../src/identity/oidc-client.ts'
import { TOKEN_MS } from '../../src/identity/session-tokens.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { deferred } from '../../src/lib/deferred.ts'
import { runCommand } from '../cli/command.ts'
import { openInbox } from '../support/inbox-house.ts'
import { Wanderer } from '../support/inbox-visitor.ts'
import { OidcHouse } from '../support/oidc-house.ts'

const BO = { subject: 'sub-bo', email: 'bo@example.com' }

async function open(t: Test) {
  const provider = await OidcHouse.start(t)
  const house = await openInbox(t, { oidc: provider.settings })
  await provider.leadsTo(house.base)
  provider.account = BO
  const call = async (path: string, body: object | null, token?: string) => {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
    if (body) headers['content-type'] = 'application/json'
    const init = { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) }
    const answer = await fetch(house.base + path, init)
    return { status: answer.status, body: (await answer.json()) as Record<string, never> }
  }
  const begin = async () => (await call('/v1/session/device', {})).body
  return Object.assign(house, { provider, call, begin })
}
type House = Awaited<ReturnType<typeof open>>

/** What a person does with the code, in a browser of theirs. */
async function approve(address: string): Promise<string> {
  const browser = new Wanderer()
  let page = await browser.go(address)
  for (let forms = 0; forms < 3 && page.text.includes('<form'); forms++) {
    const [, action = page.url.href] = /action="([^"]+)"/.exec(page.text) ?? []
    const inputs = page.text.matchAll(/<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g)
    const fields = Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]))
    const answer = await browser.post(action, { ...fields, confirm: 'yes' })
    const location = answer.headers.get('location')
    if (location === null) return answer.text
    page = await browser.go(new URL(location, page.url).href)
  }
  return page.text
}

/** The proxy's time by hand, moved on whenever the command line waits. */
function clockOf(house: House, meanwhile: () => Promise<unknown>): Clock {
  return {
    now: () => house.clock.now(),
    monotonic: () => house.clock.monotonic(),
    after(ms, fire) {
      void meanwhile().then(() => {
        house.clock.advance(ms)
        fire()
      })
      return () => {}
    },
  }
}

t.test('the command line logs in by a code, and out again', async (t) => {
  const house = await open(t)
  const home = t.testdir({})
  const env = { HOME: home, COUNTERSIGN_URL: house.base }
  let waits = 0
  const login = runCommand(
    (program, io) => {
      let said = ''
      const out = (text: string) => {
        said += text
        io.out(text)
      }
      const clock = clockOf(house, async () => {
        const [, address = ''] = /Open {2}(\S+)/.exec(said) ?? []
        if (++waits === 2) await approve(address)
      })
      registerLogin(program, { ...io, out }, { clock })
    },
    ['login'],
    env,
  )
  const ran = await login
  t.match(ran, {
    code: 0,
    out: /^Open {2}http.*\nCode {2}\w{4}-\w{4}\nlogged in as bo@example\.com/,
  })
  t.equal(waits, 2, 'it asked again when nobody had signed in')
  const path = join(home, '.config', 'countersign', 'sessions.json')
  t.equal(statSync(path).mode & 0o777, 0o600)
  const [, token = ''] = /"token": "(css_[\w-]{43})"/.exec(readFileSync(path, 'utf8')) ?? []
  const kept = readFileSync(join(house.data, 'session-tokens.json'), 'utf8')
  t.notOk(kept.includes(token), 'the proxy keeps its hash')

  const whoami = () => runCommand(registerWhoami, ['whoami'], env)
  t.match(await whoami(), {
    code: 0,
    out: /^bo@example\.com \(dba, approvers, data-owner\), until/,
  })
  const { id } = await house.open()
  const decide = ['approvals', 'approve', id, '--reason', 'fine']
  t.match(await runCommand(registerApprovals, decide, env), { code: 0 })
  t.match(house.desk.get(id), { state: 'approved', votes: [{ channel: 'cli' }] })
  const strict = [{ rule: 'strict', by: ['approvers'], count: 1, stepUpMs: 300_000 }]
  const fresh = await house.open({ binding: 'fresh', requirements: strict })
  const refused = await runCommand(registerApprovals, ['approvals', 'approve', fresh.id], env)
  t.match(refused, { code: 1, err: /sign-in of at most 5 min ago/ })

  const elsewhere = { ...env, COUNTERSIGN_URL: 'http://127.0.0.1:1' }
  t.match(await runCommand(registerWhoami, ['whoami'], elsewhere), {
    code: 2,
    err: /nobody is logged/,
  })
  const logout = await runCommand(registerLogin, ['login', '--logout'], env)
  t.match(logout, { code: 0, out: 'logged out' })
  t.match(await house.call('/v1/session', null, token), { status: 401 })
  t.match(await whoami(), { code: 2 })
  const clear = { ...env, COUNTERSIGN_URL: 'http://countersign.example.com' }
  t.match(await runCommand(registerLogin, ['login'], clear), { code: 2, err: /not https/ })
})

t.test('a code gives one token, to who began, in time and as often as told', async (t) => {
  const house = await open(t)
  const { call, begin, clock } = house
  const begun = await begin()
  const { device, user_code: code, verification_uri_complete: address } = begun
  for (const other of [code, 'A'.repeat(43), '']) {
    const { status } = await call('/v1/session', { device: other })
    t.ok([410, 422].includes(status), `polled by another: ${status}`)
  }
  t.match(await call('/v1/session', { device }), { status: 202 }, 'too soon')
  clock.advance(5_000)
  t.match(await call('/v1/session', { device }), { status: 202, body: { interval: 5 } })
  await approve(address ?? '')
  t.match(await call('/v1/session', { device }), { status: 202 }, 'too soon: nobody is asked')
  clock.advance(5_000)
  const both = await Promise.all([call('/v1/session', { device }), call('/v1/session', { device })])
  t.same(both.map(({ status }) => status).sort(), [200, 202], 'one of two at once')
  clock.advance(5_000)
  t.match(await call('/v1/session', { device }), { status: 410 }, 'once')
  const late = await begin()
  clock.advance(31 * 60_000)
  t.match(await call('/v1/session', { device: late.device }), { status: 410 })
  for (let at = 0; at < 10; at++) await begin()
  t.match(await call('/v1/session/device', {}), { status: 429 })
})

t.test('two polls that are under way when somebody signs in get one token', async (t) => {
  const house = await open(t)
  const { call, begin, clock, signIns } = house
  const { device, verification_uri_complete: address } = await begin()
  await approve(address ?? '')
  const { pollDevice } = OidcClient.prototype
  t.teardown(() => {
    OidcClient.prototype.pollDevice = pollDevice
  })
  const [first, second] = [deferred<void>(), deferred<void>()]
  const waiting = [second, first]
  let answer: ReturnType<typeof pollDevice> | null = null
  // The provider's answer is there for both before either of them goes on.
  OidcClient.prototype.pollDevice = async function (code) {
    waiting.pop()?.resolve()
    answer ??= pollDevice.call(this, code)
    await second.promise
    return answer
  }
  clock.advance(5_000)
  const one = call('/v1/session', { device })
  await first.promise
  clock.advance(5_000)
  const both = await Promise.all([one, call('/v1/session', { device })])
  t.same(both.map(({ status }) => status).sort(), [200, 410])
  const given = both.filter(({ body }) => 'token' in body)
  t.equal(given.length, 1)
  t.equal(signIns.length, 1, 'and one is on the trail')
})

t.test('a token ends with its time, its account and its person, and is no cookie', async (t) => {
  const house = await open(t)
  const { call, begin, clock, accounts, base } = house
  const signIn = async () => {
    const { device, verification_uri_complete: address } = await begin()
    await approve(address ?? '')
    clock.advance(5_000)
    return String((await call('/v1/session', { device })).body.token)
  }
  const isGood = async (token: string) => (await call('/v1/session', null, token)).status === 200
  const first = await signIn()
  t.ok(await isGood(first))
  const browser = new Wanderer()
  browser.setCookie(base, 'countersign', first.slice('css_'.length))
  t.match((await browser.go(`${base}/inbox`)).url.pathname, '/inbox/sign-in')
  await browser.go(`${base}/inbox/oidc/start`)
  t.notOk(await isGood(`css_${browser.cookie(base, 'countersign')}`), 'nor is a cookie a token')
  t.match(await call('/v1/session/end', {}, await house.tokens.add(BO.email)), { status: 409 })
  house.people = house.people.filter(({ email }) => email !== BO.email)
  t.notOk(await isGood(first), 'whose person left people:')
  house.people = [...house.people, { email: BO.email, groups: ['approvers'], slack: null }]
  t.ok(await isGood(first))
  accounts.forget(BO.email)
  t.notOk(await isGood(first), 'whose account was forgotten')
  const second = await signIn()
  clock.advance(TOKEN_MS)
  t.notOk(await isGood(second))
  house.provider.account = { subject: 'x', email: 'zoe@example.com' }
  const { device, verification_uri_complete: address } = await begin()
  await approve(address ?? '')
  clock.advance(5_000)
  const stranger = await call('/v1/session', { device })
  t.match(stranger, { status: 403, body: { error: { code: 'not_listed' } } })
})

t.test('a person sees where they are signed in, and ends what they like of it', async (t) => {
  const house = await open(t)
  const { call, begin, clock, base } = house
  const { device, verification_uri_complete: address } = await begin()
  await approve(address ?? '')
  clock.advance(5_000)
  const token = String((await call('/v1/session', { device })).body.token)
  const [bo, other] = [new Wanderer(), new Wanderer()]
  await bo.go(`${base}/inbox/oidc/start`)
  await other.go(`${base}/inbox/oidc/start`)
  const ana = new Wanderer()
  house.provider.account = { subject: 'sub-ana', email: 'ana@example.com' }
  await ana.go(`${base}/inbox/oidc/start`)
  const page = async (browser: Wanderer) => {
    const { text } = await browser.go(`${base}/inbox/me`)
    const forms = text.matchAll(
      /name="form" value="([^"]+)"><input type="hidden" name="kind" value="([^"]+)"><input type="hidden" name="session" value="([^"]+)"/g,
    )
    return {
      text,
      forms: [...forms].map(([, form = '', kind = '', session = '']) => ({ form, kind, session })),
    }
  }
  const mine = await page(bo)
  t.match(mine.text, `Signed in at <bdi>${house.provider.issuer}`)
  t.same(
    mine.forms.map(({ kind }) => kind),
    ['browser', 'browser', 'command-line'],
  )
  const [newest, , line] = mine.forms as [Fields, Fields, Fields]
  const theirs = await page(ana)
  t.same(theirs.forms.length, 1)
  const form = theirs.forms[0]?.form ?? ''
  for (const one of [newest, line]) {
    t.match(await ana.post(`${base}/inbox/me/end`, { ...one, form }), { status: 404 })
    t.match(await bo.post(`${base}/inbox/me/end`, { ...one, form }), { status: 403 })
  }
  t.match(await call('/v1/session', null, token), { status: 200 })
  t.match(await bo.post(`${base}/inbox/me/end`, line), { status: 303 })
  t.match(await call('/v1/session', null, token), { status: 401 })
  t.match(await bo.post(`${base}/inbox/me/end`, newest), { status: 303 })
  t.equal((await other.go(`${base}/inbox`)).url.pathname, '/inbox/sign-in')
  t.equal((await bo.go(`${base}/inbox`)).url.pathname, '/inbox')
})

interface Fields extends Record<string, string> {
  readonly form: string
  readonly kind: string
  readonly session: string
}
