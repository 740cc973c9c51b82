import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { DENY_REASONS } from '../../../src/approval/deny-reasons.ts'
import { SESSION_MS } from '../../../src/control/web/web-sessions.ts'
import { answerOf } from '../../approval/fixtures.ts'
import { openInbox } from '../../support/inbox-house.ts'
import { signedIn, Visitor } from '../../support/inbox-visitor.ts'

const addressOf = (id: string) => `/inbox/requests/${id}`

async function decide(
  visitor: Visitor,
  id: string,
  decision: string,
  change: Record<string, string> = {},
  headers: Record<string, string> = {},
) {
  const fields = await visitor.form(addressOf(id))
  return visitor.post(`${addressOf(id)}/decision`, { ...fields, decision, ...change }, headers)
}

t.test('a token of a person opens a session, and nothing else does', async (t) => {
  const house = await openInbox(t)
  const visitor = new Visitor(house)
  t.match(await visitor.get('/inbox'), { status: 303 })
  t.equal((await visitor.get('/')).headers.get('location'), '/inbox')
  const agentSecret = 'Zk3vJx0yq1Qw5uQ2m4pTn7rS9aBcDeFg'
  for (const token of [
    '',
    agentSecret,
    'cst_',
    `cst_${'A'.repeat(43)}`,
    `cst_${'A'.repeat(200)}`,
  ]) {
    const answer = await visitor.signIn(token)
    t.match(answer, { status: 403, text: /no access token of a person/ }, token)
    t.equal((await visitor.get('/inbox')).status, 303, 'and nobody is signed in')
  }
  const token = await house.tokens.add('bo@example.com')
  const done = await visitor.signIn(` ${token}\n`)
  t.match(done, { status: 303 })
  const cookie = done.headers.getSetCookie()[0] ?? ''
  t.match(cookie, /^countersign=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
  t.match(await visitor.get('/inbox'), { status: 200, text: /bo@example\.com/ })
  const kept = readFileSync(join(house.data, 'sessions.json'), 'utf8')
  t.notOk(kept.includes(token) || kept.includes(visitor.cookies.get('countersign') ?? '?'))
  t.equal(statSync(join(house.data, 'sessions.json')).mode & 0o777, 0o600)
  t.notMatch(house.logged.join(), 'cst_', 'no token is logged')
})

t.test('a token in an address signs nobody in', async (t) => {
  const house = await openInbox(t)
  const token = await house.tokens.add('bo@example.com')
  const visitor = new Visitor(house)
  t.equal((await visitor.get(`/inbox?token=${token}`)).status, 303)
  t.equal((await visitor.get('/inbox', { authorization: `Bearer ${token}` })).status, 303)
  t.equal((await visitor.get(`/inbox/sign-in?token=${token}`)).status, 200)
})

t.test('a session ends with its time, its token, its person or by signing out', async (t) => {
  const house = await openInbox(t)
  const isIn = async (visitor: Visitor) => (await visitor.get('/inbox')).status === 200
  const late = await signedIn(t, house)
  house.clock.advance(SESSION_MS - 1)
  t.ok(await isIn(late))
  house.clock.advance(1)
  t.notOk(await isIn(late), 'its time is over')

  const out = await signedIn(t, house)
  const cookies = new Map(out.cookies)
  const [, form = ''] =
    /action="\/inbox\/sign-out"><input [^>]*value="([^"]+)"/.exec((await out.get('/inbox')).text) ??
    []
  t.match(await out.post('/inbox/sign-out', { form: 'x'.repeat(43) }), { status: 403 })
  t.match(await out.post('/inbox/sign-out', { form }), { status: 303 })
  for (const [name, value] of cookies) out.cookies.set(name, value)
  t.notOk(await isIn(out), 'the cookie that was is of no use')

  const gone = await signedIn(t, house, 'cy@example.com')
  house.people = house.people.filter(({ email }) => email !== 'cy@example.com')
  t.notOk(await isIn(gone), 'whom the configuration does not list any more')

  const taken = await signedIn(t, house)
  const secret = taken.cookies.get('countersign') ?? ''
  t.match(house.newSessions().find(secret), { person: 'bo@example.com' }, 'a restart keeps it')
  writeFileSync(join(house.data, 'tokens.json'), '{"version":1,"tokens":[]}')
  t.notOk(await isIn(taken), 'its token was taken back')
  writeFileSync(join(house.data, 'sessions.json'), '{"version":1,"sessions":[{')
  t.equal(house.newSessions().find(secret), null, 'a broken file signs nobody in')
})

t.test('guessing tokens is closed after ten attempts, for a minute', async (t) => {
  const house = await openInbox(t)
  const visitor = new Visitor(house)
  for (let at = 0; at < 10; at++) t.equal((await visitor.signIn('cst_guess')).status, 403)
  const token = await house.tokens.add('bo@example.com')
  const closed = await visitor.signIn(token)
  t.match(closed, { status: 429, text: /Too many attempts/ })
  t.equal(closed.headers.get('retry-after'), '60')
  house.clock.advance(60_000)
  t.match(await visitor.signIn(token), { status: 303 })
})

t.test('pages say to browsers what they may do with them', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open()
  const visitor = await signedIn(t, house)
  for (const path of ['/inbox', addressOf(id), '/inbox/sign-in', addressOf('nothere')]) {
    const { headers, text } = await visitor.get(path)
    t.match(
      headers.get('content-security-policy'),
      /^default-src 'none'; script-src 'self'; style-src 'self';.*form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    )
    t.notMatch(headers.get('content-security-policy'), /unsafe|\*|http/)
    t.equal(headers.get('x-frame-options'), 'DENY')
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.notMatch(text, /<script>|<style|\son\w+=|\sstyle=|javascript:|https?:\/\/(?!127)/, path)
  }
})

t.test('files carry their content in their address, and all of it is small', async (t) => {
  const house = await openInbox(t)
  await house.open()
  const visitor = await signedIn(t, house)
  const { text } = await visitor.get(addressOf('r1'))
  const [, folder = ''] = /(\/inbox\/assets\/[0-9a-f]{12}\/)inbox\.css/.exec(text) ?? []
  let bytes = text.length
  for (const name of ['inbox.css', 'icon.svg', ...scripts()]) {
    const file = await visitor.get(folder + name)
    t.match(file, { status: 200 }, name)
    t.equal(file.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    bytes += file.text.length
  }
  t.ok(bytes < 60_000, `${bytes} bytes`)
  for (const path of [
    `${folder}../tsconfig.json`,
    `${folder}tsconfig.json`,
    '/inbox/assets/0/inbox.css',
  ]) {
    t.equal((await visitor.get(path)).status, 404, path)
  }
})

function scripts(): readonly string[] {
  return ['inbox', 'countdown', 'decide', 'keys', 'live', 'swap'].map((name) => `${name}.js`)
}

t.test('what waits comes first, by deadline; then what was, page by page', async (t) => {
  const house = await openInbox(t)
  const { open, desk, clock } = house
  for (let at = 0; at < 33; at++) {
    const { id } = await open({ binding: `old${at}`, statement: `DROP TABLE old${at}` })
    await desk.decide(id, { ...answerOf('ana@example.com', 'deny'), reason: `no <b>${at}</b>` })
    clock.advance(1_000)
  }
  const late = await open({ binding: 'late', expiresMs: 900_000 })
  const soon = await open({ binding: 'soon', expiresMs: 60_000 })
  const visitor = await signedIn(t, house)
  const { text } = await visitor.get('/inbox')
  t.match(text, '<title>(2) Inbox')
  t.match(text, /<b>2<\/b> waiting/)
  t.ok(text.indexOf(`open-${soon.id}"`) < text.indexOf(`open-${late.id}"`), 'the nearest first')
  t.ok(text.indexOf(`open-${late.id}"`) < text.indexOf('open-r33'), 'history behind it')
  t.match(text, 'denied by ana@example.com: no &lt;b&gt;32&lt;/b&gt;')
  t.notMatch(text, 'open-r3"')
  const [, older = ''] = /href="(\/inbox\?older=[^"]+)"/.exec(text) ?? []
  const next = await visitor.get(older)
  for (const id of ['r1', 'r2', 'r3']) t.match(next.text, `open-${id}"`)
  t.notMatch(next.text, 'open-r4"')
  t.equal((await visitor.get('/inbox?older=xx')).status, 422)
})

t.test('a request shows all that a person needs to decide', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open({
    onBehalfOf: 'di@example.com',
    claim: 'clean </q><script>up',
    parameters: [
      { type: 'text', value: 'x\u202e<i>' },
      { type: null, value: null },
    ],
    tables: [{ name: 'public.orders', access: 'write', classes: ['pii.email'] }],
    estimatedRows: 1200,
    inTransaction: true,
    requirements: [{ rule: 'two', by: ['dba'], count: 2 }],
  })
  await house.desk.decide(id, { ...answerOf('ana@example.com'), reason: 'checked' })
  const visitor = await signedIn(t, house)
  const { text } = await visitor.get(addressOf(id))
  for (const words of [
    ...['billing-bot', 'owner@example.com', 'production', 'agent’s claim', 'public.orders'],
    ...['pii.email', 'about 1,200 rows', 'guess', 'its locks are held', 'rule', '1 of 2 signed'],
    ...[
      'it drops a table',
      'never: this shape is new',
      'ana@example.com</bdi> approved',
      'checked',
    ],
    ...['&lt;/q&gt;&lt;script&gt;up', 'x<b class="unseen"', 'NULL', 'Approve once'],
  ]) {
    t.ok(text.includes(words), words)
  }
})

t.test(
  'what has changed is fetched without the statement; a flood of requests stays short',
  async (t) => {
    const house = await openInbox(t)
    const { id } = await house.open({ parameters: [{ type: 'text', value: 'the value' }] })
    const visitor = await signedIn(t, house)
    const live = await visitor.get(addressOf(id), { 'countersign-part': 'live' })
    t.match(live.text, 'id="decide"')
    t.notMatch(live.text, /class="sql"|the value/)
    for (let at = 0; at < 130; at++) await house.open({ binding: `b${at}` })
    const { text } = await visitor.get('/inbox')
    t.equal([...text.matchAll(/<li class="request">/g)].length, 100)
    t.match(text, '31 more wait')
    t.match(text, '<b>131</b> waiting')
  },
)

t.test('after the fifth approval of the same, a button shows it as a rule', async (t) => {
  const house = await openInbox(t)
  const visitor = await signedIn(t, house)
  const draft = {
    ...{
      verb: 'UPDATE',
      shape: 'orders by id',
      statement: 'UPDATE orders SET note = 1 WHERE id = 2',
    },
    effects: [{ effect: 'write', reason: 'it changes rows' }] as const,
  }
  for (let time = 1; time <= 5; time++) {
    const { id, binding } = await house.open({ ...draft, binding: `time ${time}` })
    t.notMatch((await visitor.get(addressOf(id))).text, 'Make it a rule', `before time ${time}`)
    await house.desk.decide(id, answerOf('ana@example.com'))
    await house.desk.spend(id, binding)
    await house.desk.settle(id, { rows: time, ms: 1, sqlState: null })
  }
  const { id } = await house.open({ ...draft, binding: 'the next' })
  const { text } = await visitor.get(addressOf(id))
  t.match(text, /<summary>Make it a rule<\/summary>[\s\S]*max_rows: 5/)
})

t.test('a decision counts, with its reason, once', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open()
  const visitor = await signedIn(t, house)
  const fields = { ...(await visitor.form(addressOf(id))), decision: 'approve', reason: 'fine' }
  const path = `${addressOf(id)}/decision`
  const both = await Promise.all([visitor.post(path, fields), visitor.post(path, fields)])
  t.same(
    both.map(({ status, headers }) => [status, headers.get('location')]),
    [
      [303, addressOf(id)],
      [303, addressOf(id)],
    ],
    'a double click is one decision',
  )
  t.match(house.desk.get(id), {
    state: 'approved',
    votes: [{ person: 'bo@example.com', reason: 'fine' }],
  })
  t.equal(house.records.filter(({ type }) => type === 'approval.voted').length, 1)
  const page = await visitor.get(addressOf(id))
  t.match(page.text, 'approved by bo@example.com (fine), not used yet')
  t.notMatch(page.text, 'name="decision"')
})

t.test('a refusal says what was chosen, and an approval does not', async (t) => {
  const house = await openInbox(t)
  const visitor = await signedIn(t, house)
  const answer = async (decision: string, canned: string, reason: string) => {
    const { id } = await house.open({ binding: `${decision}${canned}${reason}` })
    const fields = { ...(await visitor.form(addressOf(id))), decision, canned, reason }
    await visitor.post(`${addressOf(id)}/decision`, fields)
    return house.desk.get(id)?.votes[0]?.reason
  }
  const [broad = ''] = DENY_REASONS
  t.equal(await answer('deny', broad, 'one year is enough'), `${broad}. one year is enough`)
  t.equal(await answer('deny', broad, ''), broad)
  t.equal(await answer('deny', 'words of somebody else', 'mine'), 'mine')
  t.equal(await answer('approve', broad, 'checked'), 'checked')
})

t.test('what a person may unmask is theirs to choose, and chosen by nobody else', async (t) => {
  const house = await openInbox(t)
  const clearable = ['pii.email', 'hr.salary']
  const { id } = await house.open({ clearable, classes: clearable })
  const bo = await signedIn(t, house)
  const page = (await bo.get(addressOf(id))).text
  t.match(page, /<input type="checkbox" name="clear:pii\.email" autocomplete="off">/)
  t.notMatch(page, 'clear:hr.salary', 'no group of theirs clears it')
  const cy = await signedIn(t, house, 'cy@example.com')
  t.notMatch((await cy.get(addressOf(id))).text, 'clear:')
  for (const [visitor, dataClass] of [
    [cy, 'pii.email'],
    [bo, 'hr.salary'],
    [bo, 'pii.*'],
  ] as const) {
    const refused = await decide(visitor, id, 'approve', { [`clear:${dataClass}`]: 'on' })
    t.match(refused, { status: 403, text: /Nothing was decided/ }, dataClass)
  }
  t.match(await decide(bo, id, 'approve', { 'clear:pii.email': 'on' }), { status: 303 })
  t.match(house.desk.get(id), { state: 'approved', cleared: ['pii.email'] })
  const after = (await bo.get(addressOf(id))).text
  t.match(after, /Unmasks<\/dt><dd><strong>.*pii\.email.*<\/strong>/)
})

t.test('every way in which a decision is refused is said in words', async (t) => {
  const house = await openInbox(t)
  const { desk, open, records, clock } = house
  const bo = await signedIn(t, house)

  const { id } = await open()
  const stale = await decide(bo, id, 'approve', { statement_sha256: 'f'.repeat(64) })
  t.match(stale, { status: 412, text: /showed another statement/ }, 'another statement was read')
  t.equal(desk.get(id)?.state, 'pending')

  const first = await bo.form(addressOf(id))
  const second = await bo.form(addressOf(id))
  const path = `${addressOf(id)}/decision`
  t.match(await bo.post(path, { ...first, decision: 'deny' }), { status: 303 })
  const late = await bo.post(path, { ...second, decision: 'approve' })
  t.match(late, { status: 409, text: /it was denied by bo@example\.com already/ }, 'two tabs')
  t.equal(desk.get(id)?.state, 'denied')
  const reused = await bo.post(path, { ...first, decision: 'approve' })
  t.match(reused, { status: 422, text: /Idempotency-Key/ }, 'a key is for one decision')

  const own = await open({ binding: 'own', owners: ['bo@example.com'] })
  const page = await bo.get(addressOf(own.id))
  t.match(page.text, /You own this agent, so somebody else has to decide/)
  t.notMatch(page.text, 'value="approve"')
  const mine = await decide(bo, own.id, 'approve')
  t.match(mine, { status: 403, text: /You own this agent/ }, 'whatever the page shows')
  t.match(records.at(-1), { type: 'approval.refused', person: 'bo@example.com' })
  t.match(await decide(bo, own.id, 'withdraw'), { status: 303 })
  t.match(desk.get(own.id), { state: 'withdrawn', withdrawnCause: 'owner' })

  const behalf = await open({ binding: 'behalf', onBehalfOf: 'BO@example.com' })
  t.match((await bo.get(addressOf(behalf.id))).text, 'The agent acts on your behalf')
  const di = await signedIn(t, house, 'di@example.com')
  t.match((await di.get(addressOf(behalf.id))).text, /those who may decide: approvers/)

  const short = await open({ binding: 'short', expiresMs: 1_000 })
  const fields = await bo.form(addressOf(short.id))
  clock.advance(1_000)
  const gone = await bo.post(`${addressOf(short.id)}/decision`, { ...fields, decision: 'approve' })
  t.match(gone, { status: 410, text: /it is over/ })
  t.match(await bo.get(addressOf('none')), { status: 404, text: /no such request/ })
  t.match(await decide(bo, behalf.id, 'maybe', { ...fields, decision: 'maybe' }), { status: 422 })
})

t.test('a signature that cannot be recorded is none, and the page says so', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open()
  const visitor = await signedIn(t, house)
  house.recordTrouble = new Error('disk full')
  const answer = await decide(visitor, id, 'approve')
  t.ok(answer.status >= 500)
  t.notMatch(answer.text, 'disk full')
  t.equal(house.desk.get(id)?.state, 'pending')
})

t.test('no page of another site can decide or sign in', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open()
  const visitor = await signedIn(t, house)
  const refused = { status: 403, text: /nothing was decided/i }
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: house.base.replace('127.0.0.1', 'localhost') },
  ]) {
    t.match(await decide(visitor, id, 'approve', {}, headers), refused, JSON.stringify(headers))
  }
  t.match(await decide(visitor, id, 'approve', { form: '' }), refused, 'no token in the form')
  const other = await signedIn(t, house, 'ana@example.com')
  const { form = '' } = await other.form(addressOf(id))
  t.match(await decide(visitor, id, 'approve', { form }), refused, "another session's token")
  t.equal(house.desk.get(id)?.state, 'pending')

  const json = await visitor.get(addressOf(id), {})
  t.equal(json.headers.get('access-control-allow-origin'), null)
  const stranger = new Visitor(house)
  const token = await house.tokens.add('bo@example.com')
  t.match(await stranger.post('/inbox/sign-in', { token, form: '' }), { status: 403 })
  t.match(await stranger.post('/inbox/sign-in', { token, form: 'x'.repeat(43) }), { status: 403 })
  t.equal(stranger.cookies.size, 0)
  const right = { origin: house.base, 'sec-fetch-site': 'same-origin' }
  t.match(await decide(visitor, id, 'approve', {}, right), { status: 303 })
})

t.test('cookies are of no use to the API, nor its forms', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open()
  const visitor = await signedIn(t, house)
  t.equal((await visitor.get('/v1/approvals')).status, 401)
  t.equal((await visitor.get('/v1/events')).status, 401)
  const posted = await visitor.post(`/v1/approvals/${id}/decisions`, { decision: 'approve' })
  t.equal(posted.status, 401)
  const token = await house.tokens.add('bo@example.com')
  const bearer = { authorization: `Bearer ${token}` }
  const form = await visitor.post(`/v1/approvals/${id}/decisions`, { decision: 'approve' }, bearer)
  t.equal(form.status, 415)
  const json = await fetch(`${house.base}${addressOf(id)}/decision`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      cookie: `countersign=${visitor.cookies.get('countersign')}`,
    },
    body: '{}',
  })
  t.equal(json.status, 415)
  t.equal((await new Visitor(house).get('/inbox/events')).status, 401)
  t.equal(house.desk.get(id)?.state, 'pending')
})

t.test('a link to a request leads a person to it, and a program to its JSON', async (t) => {
  const house = await openInbox(t)
  const { id } = await house.open()
  const visitor = new Visitor(house)
  const followed = { accept: 'text/html,*/*', 'sec-fetch-site': 'cross-site' }
  const link = await visitor.get(`/v1/approvals/${id}`, followed)
  t.equal(link.headers.get('location'), addressOf(id))
  const again = await visitor.get(addressOf(id), followed)
  t.match(again, { status: 200, text: `content="0; url=${addressOf(id)}?from=link"` })
  const way = await visitor.get(`${addressOf(id)}?from=link`, followed)
  t.equal(way.headers.get('location'), `/inbox/sign-in?to=${encodeURIComponent(addressOf(id))}`)
  const token = await house.tokens.add('bo@example.com')
  for (const to of [
    '//evil.example',
    'https://evil.example',
    '/inbox/../v1',
    '/inbox/requests/a/b',
  ]) {
    const fields = await visitor.form(`/inbox/sign-in?to=${encodeURIComponent(to)}`)
    t.equal(fields.to, '/inbox', to)
    const answer = await visitor.post('/inbox/sign-in', { ...fields, to, token })
    t.equal(answer.headers.get('location'), '/inbox', to)
    visitor.cookies.clear()
  }
  const bearer = { accept: 'text/html', authorization: `Bearer ${token}` }
  t.match(await visitor.get(`/v1/approvals/${id}`, bearer), { status: 200, text: /"statement"/ })
  t.equal((await visitor.get(`/v1/approvals/${id}`)).status, 401)
})

/** Asks as a browser does that reaches us by another name; fetch wouldn't let us say it. */
function getAs(host: string, url: string, cookie = ''): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { headers: { host, cookie } }, (answer) => {
      answer.resume()
      resolve(answer)
    })
    asked.on('error', reject)
    asked.end()
  })
}

t.test('behind https, cookies travel by TLS only and belong to one host', async (t) => {
  const house = await openInbox(t, { publicUrl: 'https://countersign.example.com' })
  const { id } = await house.open()
  for (const host of ['countersign.example.com', 'inbox.internal:6480']) {
    const { headers } = await getAs(host, `${house.base}/inbox/sign-in`)
    t.match(
      headers['set-cookie']?.[0],
      /^__Host-countersign-form=.*; Path=\/; .*SameSite=Strict; Secure$/,
    )
  }
  const visitor = await signedIn(t, house)
  t.same([...visitor.cookies.keys()], ['countersign-form', 'countersign'], 'but on this machine')
  const secret = visitor.cookies.get('countersign')
  const status = async (cookie: string) =>
    (await getAs('countersign.example.com', `${house.base}/inbox`, cookie)).statusCode
  t.equal(await status(`__Host-countersign=${secret}`), 200)
  t.equal(await status(`countersign=${secret}`), 303, 'a cookie that another host could set')
  const origin = { origin: 'https://countersign.example.com', 'sec-fetch-site': 'same-origin' }
  t.match(await decide(visitor, id, 'approve', {}, origin), { status: 303 }, 'its own address')
})
