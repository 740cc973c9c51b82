/*
 * Takes pictures of the inbox in every shape it has, to be looked at after a change of its looks:
 *   node dist/test/support/inbox-pictures.js FOLDER
 * and those of the README:
 *   node dist/test/support/inbox-pictures.js docs/images --readme
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { answerOf } from '../approval/fixtures.ts'
import { openBrowser } from './browser.ts'
import { type InboxHouse, openInbox } from './inbox-house.ts'

const folder = process.argv[2] ?? 'pictures'
const SHAPES = [
  { name: 'desktop-light', width: 1280, height: 860, colorScheme: 'light' },
  { name: 'desktop-dark', width: 1280, height: 860, colorScheme: 'dark' },
  { name: 'narrow-light', width: 320, height: 640, colorScheme: 'light' },
  { name: 'phone-light', width: 360, height: 740, colorScheme: 'light' },
  { name: 'phone-dark', width: 360, height: 740, colorScheme: 'dark' },
] as const

const EXPORT = `-- monthly report for finance
SELECT c.id, c.name, c.email, sum(o.total) AS spent
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.id
WHERE o.created_at >= date '2026-10-01' AND c.country = $1
GROUP BY c.id, c.name, c.email
HAVING sum(o.total) > 1000
ORDER BY spent DESC`

const held = {
  agent: 'billing-bot',
  owners: ['cy@example.com'],
  verb: 'COPY TO',
  statement: `COPY (\n${EXPORT.replace('$1', "'DK'")}\n) TO STDOUT WITH (FORMAT csv, HEADER)`,
  claim: 'the October report that finance asked for',
  onBehalfOf: 'di@example.com',
  binding: 'export',
  effects: [
    { effect: 'export', reason: 'COPY TO sends rows out of the database in bulk' },
    { effect: 'read', reason: 'reads customers and orders' },
  ],
  tables: [
    { name: 'public.customers', access: 'read', classes: ['pii.email'] },
    { name: 'public.orders', access: 'read', classes: [] },
  ],
  classes: ['pii.email'],
  estimatedRows: 1840,
  requirements: [{ rule: 'exports-need-the-data-owner', by: ['data-owner'], count: 1 }],
} as const

function longScript(): string {
  const rows = Array.from({ length: 60 }, (_, at) => `  (${at}, 'ticket ${at}', now(), NULL)`)
  return `INSERT INTO tickets (id, title, opened_at, closed_at) VALUES\n${rows.join(',\n')};`
}

const odd = `UPDATE accounts SET owner = 'eve\u202e' --\u202d' WHERE nаme = 'Ana' AND id\u200b = 7`

async function fill(house: InboxHouse): Promise<Record<'held' | 'odd' | 'long' | 'shape', string>> {
  const { open, desk, clock } = house
  const was = async (change: object, person: string, decision: 'approve' | 'deny', why = '') => {
    const { id, binding } = await open(change)
    clock.advance(40_000)
    await desk.decide(id, { ...answerOf(person, decision), reason: why })
    if (decision === 'approve') {
      await desk.spend(id, binding)
      await desk.settle(id, { rows: 412, ms: 37, sqlState: null })
    }
    clock.advance(600_000)
  }
  await was(
    {
      binding: 'a',
      statement: 'DROP TABLE staging_import',
      verb: 'DROP TABLE',
      tables: [{ name: 'public.staging_import', access: 'write', classes: [] }],
    },
    'ana@example.com',
    'approve',
    'left over from the import',
  )
  await was(
    {
      binding: 'b',
      verb: 'GRANT',
      statement: 'GRANT ALL ON ALL TABLES IN SCHEMA public TO reporting',
      tables: [],
    },
    'bo@example.com',
    'deny',
    'give it the three tables it needs, not all of them',
  )
  await open({
    binding: 'c',
    expiresMs: 60_000,
    statement: 'TRUNCATE sessions',
    verb: 'TRUNCATE',
    tables: [{ name: 'public.sessions', access: 'write', classes: [] }],
  })
  clock.advance(3_600_000)
  const waiting = await open(held)
  clock.advance(31_000)
  const strange = await open({
    ...held,
    binding: 'odd',
    statement: odd,
    verb: 'UPDATE',
    agent: 'support-bot',
    onBehalfOf: null,
    expiresMs: 240_000,
    claim: 'correct a name',
    tables: [{ name: 'public.accounts', access: 'write', classes: [] }],
    effects: [
      { effect: 'unbounded-write', reason: 'the condition of the UPDATE looks at no row' },
      { effect: 'write', reason: 'updates accounts' },
    ],
    parameters: [
      { type: 'text', value: 'DK' },
      { type: 'int4', value: '7' },
      { type: null, value: null },
    ],
    inTransaction: true,
    requirements: [{ rule: 'by-two', by: ['dba', 'approvers'], count: 2 }],
  })
  const long = await open({
    ...held,
    binding: 'long',
    statement: longScript(),
    verb: 'INSERT',
    agent: 'pipeline',
    onBehalfOf: null,
    claim: null,
    expiresMs: 7_200_000,
    tables: [{ name: 'public.tickets', access: 'write', classes: [] }],
    estimatedRows: null,
    effects: [{ effect: 'opaque', reason: 'a trigger on tickets runs code that is not read' }],
    parameters: [],
  })
  const update = {
    ...{ verb: 'UPDATE', statement: "UPDATE tickets SET state = 'closed' WHERE id = 4711" },
    tables: [{ name: 'public.tickets', access: 'write', classes: [] }],
    effects: [{ effect: 'write', reason: 'changes rows of tickets' }],
  } as const
  const granted = await open({ ...update, binding: 'granted', shape: 'a'.repeat(64) })
  const grant = { minutes: 30, maxRows: 100 }
  await desk.decide(granted.id, { ...answerOf('ana@example.com'), grant })
  const own = { owners: ['bo@example.com'], agent: 'support-bot' }
  const shape = await open({ ...update, binding: 'shape', shape: 'b'.repeat(64) })
  await open({ ...update, ...own, binding: 'own' })
  return { held: waiting.id, odd: strange.id, long: long.id, shape: shape.id }
}

async function signIn(context: BrowserContext, house: InboxHouse, token: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${house.base}/inbox`)
  await page.getByLabel('Access token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}

async function picture(page: Page, name: string, fullPage = true): Promise<void> {
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage })
}

async function shapes(t: Test): Promise<void> {
  const empty = await openInbox(t)
  const house = await openInbox(t, { chats: CHATS })
  const token = await house.tokens.add('bo@example.com')
  const emptyToken = await empty.tokens.add('bo@example.com')
  const ids = await fill(house)
  for (const { name, ...shape } of SHAPES) {
    const context = await openBrowser(t, shape)
    const nobody = await context.newPage()
    await nobody.goto(`${house.base}/inbox`)
    await picture(nobody, `sign-in-${name}`)
    await picture(await signIn(context, empty, emptyToken), `empty-${name}`)
    await context.clearCookies()
    const page = await signIn(context, house, token)
    await picture(page, `list-${name}`)
    await page.goto(`${house.base}/inbox/requests/${ids.held}`)
    await picture(page, `held-${name}`, false)
    await picture(page, `held-full-${name}`)
    await page.keyboard.press('a')
    await picture(page, `approve-${name}`, false)
    await page.keyboard.press('Escape')
    await page.keyboard.press('d')
    await picture(page, `deny-${name}`, false)
    await page.goto(`${house.base}/inbox/requests/${ids.odd}`)
    await picture(page, `odd-${name}`)
    await page.goto(`${house.base}/inbox/requests/${ids.long}`)
    await picture(page, `long-${name}`, false)
    await page.keyboard.press('?')
    await picture(page, `help-${name}`, false)
    await page.goto(`${house.base}/inbox/requests/r2`)
    await picture(page, `denied-${name}`, false)
    await page.goto(`${house.base}/inbox/requests/${ids.shape}`)
    await page.click('details.shape summary')
    await picture(page, `shape-${name}`)
    for (const part of ['history', 'agents', 'grants', 'me']) {
      await page.goto(`${house.base}/inbox/${part}`)
      await picture(page, `${part}-${name}`)
    }
    const before = house.groups
    house.groups = new Map([['data-owner', { clears: [], breakGlass: true }]])
    await page.goto(`${house.base}/inbox/requests/${ids.shape}`)
    await picture(page, `glass-${name}`)
    await page.click('.glass-lid')
    await page.getByLabel("Why it can't wait").fill('tickets pile up and nobody answers')
    await page.getByLabel('Ticket of the incident').fill('INC-7')
    await page.getByLabel('To confirm').fill('yes')
    await page.click('button.break')
    await picture(page, `glass-open-${name}`)
    house.groups = before
    const owner = await house.tokens.add('cy@example.com')
    await context.clearCookies()
    const other = await signIn(context, house, owner)
    await linkedAccounts(other, house, name)
    await other.goto(`${house.base}/inbox/requests/${ids.held}`)
    await picture(other, `own-${name}`, false)
    await context.close()
  }
}

const CHATS = [
  { chat: 'slack', org: 'T024BE7LD' },
  { chat: 'teams', org: '7e9a0000-0000-4000-8000-0000000000c0' },
] as const

/** The page Me of somebody whose accounts nobody lists: with a code, and with what came of it. */
async function linkedAccounts(page: Page, { base, linking }: InboxHouse, name: string) {
  // The narrowest that there are.
  if (name.startsWith('phone')) await page.setViewportSize({ width: 320, height: 640 })
  await page.goto(`${base}/inbox/me`)
  await picture(page, `me-unlinked-${name}`)
  await page.click('text=Link Slack')
  await picture(page, `me-code-${name}`)
  const code = (await page.textContent('#code')) ?? ''
  const account = { ...CHATS[0], user: 'U061F7AUR' }
  await linking.claim(account, code, async () => ({ ok: true, knownAs: null }))
  await page.goto(`${base}/inbox/me`)
  await picture(page, `me-linked-${name}`)
  await page.click('text=Remove')
}

/** The pictures of the README. */
async function forReadme(t: Test): Promise<void> {
  const house = await openInbox(t)
  const token = await house.tokens.add('bo@example.com')
  const { held: id } = await fill(house)
  const shots = [
    { name: 'inbox-request', width: 1100, height: 760, colorScheme: 'light' },
    { name: 'inbox-phone', width: 360, height: 720, colorScheme: 'dark' },
  ] as const
  for (const { name, ...shape } of shots) {
    const context = await openBrowser(t, shape)
    const page = await signIn(context, house, token)
    await page.goto(`${house.base}/inbox/requests/${id}`)
    await picture(page, name, false)
    if (name === 'inbox-request') {
      await page.goto(`${house.base}/inbox`)
      await picture(page, 'inbox-list', false)
    }
    await context.close()
  }
}

mkdirSync(folder, { recursive: true })
if (process.argv[3] === '--readme') t.test('pictures of the README', forReadme)
else t.test('pictures of the inbox', shapes)
