// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { complaintsOf, openBrowser } from '../support/browser.ts'
import { APPROVER, type Countersign, OWNER, startCountersign } from '../support/countersign.ts'
import { connect, denyAll, errorFrom, exists } from '../support/e2e-client.ts'
import { childrenOf } from '../support/e2e-processes.ts'
import { barriersOf } from '../support/page-checks.ts'
import { startPostgres } from '../support/postgres.ts'
import { SHOP } from '../support/shop.ts'

/** A statement on `brief` may wait so long; long enough to open its page. */
const BRIEF_SECONDS = 8

const RULES = [
  {
    name: 'brief',
    when: { effect: 'ddl', tables: ['public.brief'] },
    then: { approve: { by: ['approvers'], hold: '1s', expires: `${BRIEF_SECONDS}s` } },
  },
  {
    name: 'by-two',
    when: { effect: 'ddl', tables: ['public.precious'] },
    then: { approve: { by: ['approvers'], count: 2 } },
  },
]
const CY = 'cy@example.com'

async function signIn(page: Page, proxy: Countersign, person = APPROVER): Promise<void> {
  await page.goto(`${proxy.control}/inbox`)
  await page.getByLabel('Access token').fill(proxy.tokenOf(person))
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Waiting for a signature' }).waitFor()
}

/** What the browser complained of on any page. */
const complaints: (readonly string[])[] = []

async function inboxPage(t: Test, context: BrowserContext, address: string): Promise<Page> {
  const page = await context.newPage()
  complaints.push(complaintsOf(page))
  t.teardown(() => page.close())
  page.on('dialog', (dialog) => t.fail(`a dialog opened: ${dialog.message()}`))
  await page.goto(address)
  return page
}

const requestAddress = (proxy: Countersign, id: string) => `${proxy.control}/inbox/requests/${id}`
const outcome = (page: Page, hasText: string) => page.locator('.outcome', { hasText })
const waitingFor = (page: Page, name: string) =>
  page.getByRole('region', { name: 'Waiting for a signature' }).getByRole('link', { name })
const approveButton = (page: Page) => page.getByRole('button', { name: 'Approve once' })

t.test('a person decides in the inbox', async (t) => {
  const db = await startPostgres(t, {
    schema: `${SHOP} CREATE TABLE brief (id integer); CREATE TABLE precious (id integer);`,
  })
  const people = {
    [OWNER]: { groups: ['approvers'] },
    [APPROVER]: { groups: ['approvers'] },
    [CY]: { groups: ['approvers'] },
  }
  const proxy = await startCountersign(t, {
    upstream: db.superuserUrl,
    config: { rules: RULES, people },
  })
  const context = await openBrowser(t)
  const first = context.pages()[0] ?? (await context.newPage())
  await signIn(first, proxy)
  t.afterEach(() => denyAll(proxy))

  async function held(t: Test, statement: string, options = '') {
    const client = await connect(t, proxy, { options })
    const ended = errorFrom(client.query(statement))
    const request = await proxy.pending((each) => each.statement === statement)
    return { client, ended, id: request.id }
  }

  t.test('what is held appears by itself; a, Enter: it is signed and runs', async (t) => {
    await db.query('CREATE TABLE victim (id integer)')
    const page = await inboxPage(t, context, `${proxy.control}/inbox`)
    await page.getByText('Nothing waits.').waitFor()
    t.match(await page.title(), /^Inbox/)
    const { ended } = await held(t, 'DROP TABLE victim')
    const link = page.getByRole('link', { name: 'DROP TABLE on public.victim' })
    await link.waitFor()
    t.match(await page.title(), /^\(1\) Inbox/)
    t.match(await page.locator('#said').textContent(), /bot asks for DROP TABLE on shop/)
    t.match(await page.locator('.countdown').first().textContent(), /^(30:00|29:\d\d)$/)

    await page.keyboard.press('j')
    t.ok(await link.and(page.locator(':focus')).count(), 'j moves to it')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'DROP TABLE on public.victim' }).waitFor()
    await page.keyboard.press('a')
    await page.getByText('Approve once: DROP TABLE on public.victim, shop (production)?').waitFor()
    t.equal(await exists(db, 'victim'), true, 'one key signs nothing')
    await page.keyboard.press('Enter')
    t.same(await ended, { message: 'no error' })
    t.equal(await exists(db, 'victim'), false)
    await outcome(page, `approved by ${APPROVER}; executed`).waitFor()
    t.equal(await approveButton(page).count(), 0)
    await page.keyboard.press('Escape')
    const history = page.getByRole('region', { name: 'History' })
    await history.getByText(`approved by ${APPROVER}; executed`).first().waitFor()
  })

  t.test('d, a reason, Enter: the agent hears why', async (t) => {
    const { ended, id } = await held(t, 'DROP TABLE orders')
    const page = await inboxPage(t, context, requestAddress(proxy, id))
    await page.keyboard.press('d')
    await page.keyboard.type('why now? adjust the audit first')
    t.equal((await proxy.request(id)).state, 'pending', 'its letters are no commands')
    await page.keyboard.press('Enter')
    t.match(await ended, { code: '42501', message: /adjust the audit first/ })
    await outcome(page, `denied by ${APPROVER}: why now? adjust the audit first`).waitFor()
    t.equal(await exists(db, 'orders'), true)
  })

  t.test('a slip of the hand signs nothing', async (t) => {
    const { id } = await held(t, 'DROP TABLE scratch')
    const page = await inboxPage(t, context, requestAddress(proxy, id))
    // On a low screen the bar keeps to its end: where the button that signs stands afterwards, too.
    await page.setViewportSize({ width: 1280, height: 420 })
    await approveButton(page).dblclick({ position: { x: 8, y: 20 } })
    await page.getByRole('button', { name: 'Back' }).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('a')
    await page.keyboard.press('a')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Enter')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('a')
    await page.keyboard.press('Escape')
    const request = await proxy.request(id)
    t.match(request, { state: 'pending', votes: [] })
  })

  t.test('what was decided elsewhere can be decided no more', async (t) => {
    const { ended, id } = await held(t, 'DROP TABLE scratch')
    const one = await inboxPage(t, context, requestAddress(proxy, id))
    const list = await inboxPage(t, context, `${proxy.control}/inbox`)
    await waitingFor(list, 'DROP TABLE on public.scratch').waitFor()
    await one.keyboard.press('d')
    await one.keyboard.type('half a reas')
    await proxy.decide(id, 'deny', 'decided in chat')
    await outcome(one, `denied by ${APPROVER}: decided in chat`).waitFor()
    t.equal(await approveButton(one).count(), 0)
    await list.getByText('Nothing waits.').waitFor()
    t.match(await ended, { code: '42501' })
  })

  t.test('two have to sign; who has signed is shown, and typed words stay', async (t) => {
    const { token } = await proxy.command('token', 'add', CY)
    const { ended, id } = await held(t, 'DROP TABLE precious')
    const page = await inboxPage(t, context, requestAddress(proxy, id))
    await page.getByText('0 of 2 signed').waitFor()
    await page.keyboard.press('a')
    await page.getByLabel('Reason').fill('seen by me')
    const vote = await fetch(`${proxy.control}/v1/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    })
    t.equal(vote.status, 202)
    await page.getByText('1 of 2 signed').waitFor()
    t.equal(await page.getByLabel('Reason').inputValue(), 'seen by me')
    await page.keyboard.press('Enter')
    t.same(await ended, { message: 'no error' })
    t.match(await proxy.settled(id, 'approved'), {
      votes: [{ person: CY }, { reason: 'seen by me' }],
    })
  })

  t.test('nobody signs for their own agent', async (t) => {
    const { ended, id } = await held(t, 'DROP TABLE scratch')
    const owners = await openBrowser(t, { width: 360 })
    const page = await inboxPage(t, owners, proxy.control)
    await signIn(page, proxy, OWNER)
    await page.goto(requestAddress(proxy, id))
    await page.getByText('You own this agent, so somebody else has to decide').waitFor()
    t.equal(await approveButton(page).count(), 0)
    await page.keyboard.press('a')
    await page.getByRole('button', { name: 'Withdraw the request' }).click()
    await page.getByText('Nobody can approve it then').waitFor()
    await page.getByRole('button', { name: 'Withdraw the request' }).click()
    await outcome(page, 'withdrawn: an owner of the agent took it back').waitFor()
    t.match(await proxy.request(id), { state: 'withdrawn', withdrawn_cause: 'owner' })
    t.ok((await ended).code)
  })

  t.test("a countdown goes by the server's clock, and its end is the end", async (t) => {
    const page = await inboxPage(t, context, `${proxy.control}/inbox`)
    await page.addInitScript('{ const now = Date.now; Date.now = () => now() - 18_000_000 }')
    const { id } = await held(t, 'ALTER TABLE brief ADD COLUMN x integer')
    await page.goto(requestAddress(proxy, id))
    await page
      .getByText(/^00:0[1-8]$/)
      .first()
      .waitFor()
    await page
      .getByText(/^00:0[0-2]$/)
      .first()
      .waitFor()
    await outcome(page, 'expired: nobody answered in time').waitFor()
    t.equal(await approveButton(page).count(), 0)
    t.match(await proxy.request(id), { state: 'expired' })
  })

  t.test('a lost connection is told of, and found again', async (t) => {
    const page = await inboxPage(t, context, `${proxy.control}/inbox`)
    await page.getByText('Nothing waits.').waitFor()
    const lost = page.getByText('The connection is lost')
    const told = lost.waitFor()
    for (const pid of childrenOf(proxy.pid)) process.kill(pid, 'SIGKILL')
    await told
    await lost.waitFor({ state: 'hidden' })
    const { id, ended } = await held(t, 'DROP TABLE scratch')
    await waitingFor(page, 'DROP TABLE on public.scratch').click()
    await page.getByRole('heading', { name: 'DROP TABLE on public.scratch' }).waitFor()
    await page.waitForLoadState()
    await page.keyboard.press('a')
    await page.getByText('Approve once: DROP TABLE on public.scratch').waitFor()
    await page.keyboard.press('Enter')
    t.same(await ended, { message: 'no error' }, 'and nobody was signed out')
    t.match(await proxy.settled(id, 'approved'), { state: 'executed' })
    await db.query('CREATE TABLE scratch (id integer, note text)')
  })

  t.test('a statement that is markup and bidi stays what it is', async (t) => {
    const evil = `DROP TABLE scratch --'</code></script><script>alert(1)</script><img src=x onerror="alert(1)"> \u202egnihtyreve\u202c <svg onload=alert(1)>`
    const { id, ended } = await held(
      t,
      evil,
      '-c countersign.claim=<script>alert(1)</script><img\\ src=x\\ onerror=alert(1)>',
    )
    const page = await inboxPage(t, context, `${proxy.control}/inbox`)
    await page.locator(`#open-${id}`).waitFor()
    await page.goto(requestAddress(proxy, id))
    t.equal(await page.locator('main img, main svg, main script').count(), 0)
    const text = (await page.locator('.statement code').textContent()) ?? ''
    t.equal(text.replaceAll('U+202E', '\u202e').replaceAll('U+202C', '\u202c'), evil)
    await page.getByText("Has characters that don't show").waitFor()
    const shownAs = 'getComputedStyle(document.querySelector(".statement pre")).unicodeBidi'
    t.equal(await page.evaluate(shownAs), 'bidi-override', 'letters stand in the order of the text')
    t.match(await page.locator('.facts').textContent(), '<script>alert(1)</script>')
    await page.keyboard.press('d')
    await page.keyboard.type('<script>alert(2)</script>')
    await page.keyboard.press('Enter')
    t.match(await ended, { code: '42501' })
    await page.getByText('<script>alert(2)</script>').first().waitFor()
  })

  t.test('no page of another site frames it, posts to it or reads it', async (t) => {
    const { id } = await held(t, 'DROP TABLE scratch')
    const target = requestAddress(proxy, id)
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`<title>evil</title><iframe id=frame src="${target}"></iframe>
        <form id=form method=post target=sink action="${target}/decision"><input name=decision value=approve></form>
        <iframe name=sink></iframe><a id=link href="${proxy.control}/v1/approvals/${id}">a link in a chat</a>`)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const evil = `http://localhost:${(server.address() as AddressInfo).port}/`
    const page = await context.newPage()
    t.teardown(() => page.close())
    const refused = page.waitForEvent('console', (message) =>
      /frame-ancestors/.test(message.text()),
    )
    await page.goto(evil)
    t.match((await refused).text(), 'blocked', 'the browser shows no page of ours in a frame')
    const posted = page.waitForResponse((answer) => answer.url().endsWith('/decision'))
    await page.evaluate('document.getElementById("form").submit()')
    t.ok([401, 403].includes((await posted).status()), 'posted')
    const read = `fetch("${target}", { credentials: "include" }).then(() => "read", () => "refused")`
    t.equal(await page.evaluate(read), 'refused')
    t.match(await proxy.request(id), { state: 'pending' })

    await page.click('#link')
    await approveButton(page).waitFor()
    t.match(page.url(), target, 'but whoever follows a link reads the request, signed in as before')
  })

  t.test('the link of a demo signs in, and leaves no token in the address', async (t) => {
    const fresh = await openBrowser(t)
    const page = await inboxPage(t, fresh, `${proxy.control}/#${proxy.tokenOf(APPROVER)}`)
    await page.getByText('Nothing waits.').waitFor()
    t.equal(page.url(), `${proxy.control}/inbox`)
    await page.goto(`${proxy.control}/#${proxy.tokenOf(OWNER)}`)
    await page.locator('.person', { hasText: APPROVER }).waitFor()
    t.notMatch(page.url(), 'cst_', 'and makes nobody who is signed in somebody else')
    const elsewhere = proxy.control.replace('127.0.0.1', 'inbox.localhost')
    await page.goto(`${elsewhere}/#${proxy.tokenOf(APPROVER)}`)
    await page.getByLabel('Access token').waitFor()
    t.equal(await page.getByLabel('Access token').inputValue(), '', 'on this machine only')
    t.notMatch(page.url(), 'cst_')
  })

  t.test('who signs out in one tab is signed out in all', async (t) => {
    const fresh = await openBrowser(t)
    const page = await inboxPage(t, fresh, proxy.control)
    await signIn(page, proxy)
    const other = await fresh.newPage()
    await other.goto(`${proxy.control}/inbox`)
    await other.getByRole('button', { name: 'Sign out' }).click()
    await other.getByLabel('Access token').waitFor()
    const { id } = await held(t, 'DROP TABLE scratch')
    await page.getByText('You are signed out.').waitFor()
    await page.goBack().catch(() => {})
    await page.goto(requestAddress(proxy, id))
    await page.getByLabel('Access token').waitFor()
  })

  t.test('it works without scripts', async (t) => {
    const plain = await openBrowser(t, { javaScriptEnabled: false })
    const page = await plain.newPage()
    await signIn(page, proxy)
    const { ended, id } = await held(t, 'TRUNCATE scratch')
    await page.reload()
    await waitingFor(page, 'TRUNCATE on public.scratch').click()
    await page.getByLabel('Reason').fill('no script ran')
    await approveButton(page).click()
    t.same(await ended, { message: 'no error' })
    await outcome(page, `approved by ${APPROVER} (no script ran)`).waitFor()
    t.match(await proxy.settled(id, 'approved'), { state: 'executed' })
  })

  t.test('anybody can read it, on any screen', async (t) => {
    const long = `UPDATE scratch SET note = '${'wide'.repeat(120)}' ${'\n-- line'.repeat(90)}`
    const { id } = await held(t, long)
    const strange = await held(t, 'DROP TABLE orders --\u202e\u0430')
    const page = await inboxPage(t, await openBrowser(t), proxy.control)
    t.same(await barriersOf(page), [], 'sign-in')
    await signIn(page, proxy)
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 700, 360, 320]) {
        const what = `${colorScheme}, ${width} wide`
        await page.emulateMedia({ colorScheme })
        await page.setViewportSize({ width, height: 700 })
        await page.goto(`${proxy.control}/inbox`)
        t.same(await barriersOf(page), [], `list, ${what}`)
        await page.goto(requestAddress(proxy, strange.id))
        t.same(await barriersOf(page), [], `odd, ${what}`)
        await page.goto(requestAddress(proxy, id))
        await page.getByText('This statement is long').waitFor()
        t.same(await barriersOf(page), [], `request, ${what}`)
        for (const key of ['a', 'Escape', 'd']) {
          await page.keyboard.press(key)
          t.same(await barriersOf(page), [], `after ${key}, ${what}`)
        }
      }
    }
  })

  t.test('no script failed and no policy of a page was broken', async (t) => {
    const all = complaints.flat().filter((each) => !/^Failed to load resource/.test(each))
    t.same(all, [])
    t.ok(complaints.length > 10)
  })
})
