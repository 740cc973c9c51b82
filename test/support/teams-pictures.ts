/*
 * Draws cards as Teams shows them, about, to be looked at after a change of theirs:
 *   node dist/test/support/teams-pictures.js FOLDER
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EVERYBODY } from '../../src/approval/channels/teams-audience.ts'
import { teamsCard } from '../../src/approval/channels/teams-message.ts'
import { draftOf, openDesk } from '../approval/fixtures.ts'
import { openBrowser } from './browser.ts'
import { renderTeams } from './teams-html.ts'

const folder = process.argv[2] ?? 'pictures'

const EXPORT = `COPY (
  SELECT c.id, c.name, c.email, sum(o.total) AS spent
  FROM customers AS c
  JOIN orders AS o ON o.customer_id = c.id
  WHERE o.created_at >= date '2026-10-01' AND c.country = 'DK'
  GROUP BY c.id, c.name, c.email
  ORDER BY spent DESC
) TO STDOUT WITH (FORMAT csv, HEADER)`

const held = draftOf({
  ...{ verb: 'COPY TO', statement: EXPORT, withoutConstants: EXPORT.replace(/'[^']*'/g, '?') },
  ...{ owners: ['cy@example.com'], shape: 'shape', inTransaction: true, estimatedRows: 1840 },
  claim: 'the October report that finance asked for',
  effects: [
    { effect: 'export', reason: 'COPY TO sends rows out of the database in bulk' },
    { effect: 'read', reason: 'reads customers and orders' },
  ],
  tables: [
    { name: 'public.customers', access: 'read', classes: ['pii.email', 'pii.name'] },
    { name: 'public.orders', access: 'read', classes: [] },
  ],
  classes: ['pii.email', 'pii.name'],
})

t.test('pictures of Teams', async (t) => {
  mkdirSync(folder, { recursive: true })
  const { desk } = await openDesk(t)
  const { request } = await desk.open(held, 'line')
  const view = {
    text: 'full',
    regulations: { pii: 'GDPR Art. 4(1)' },
    shortened: new Set<string>(),
    urlOf: (id: string) => `https://countersign.example.com/v1/approvals/${id}`,
  } as const
  const viewers = { ids: ['29:ana'], all: true }
  const mine = { audience: { approves: true, denies: true, clears: ['pii.email'] }, viewers }
  const theirs = { audience: { approves: false, denies: false, clears: [] }, viewers }
  const done = {
    ...request,
    state: 'executed' as const,
    outcome: { rows: 1840, ms: 37, sqlState: null },
    votes: [
      {
        ...({
          person: 'ana@example.com',
          decision: 'approve',
          reason: '',
          channel: 'teams',
        } as const),
        ...{ clears: [], grant: null, at: '2026-11-22T12:00:41Z' },
      },
    ],
  }
  const long = { ...request, statement: `${EXPORT}\n${'-- and more\n'.repeat(200)}` }
  const others = [
    { ...request, id: 'r2' },
    { ...done, id: 'r3' },
  ]
  const note = "Your account isn't that of anybody in the configuration (people: teams: 8f2c)."
  const cards = {
    mine: teamsCard({ ...request, clearable: ['pii.email'] }, view, mine),
    together: teamsCard({ ...request, clearable: ['pii.email'] }, view, { ...mine, others }),
    theirs: teamsCard(request, view, theirs),
    unknown: teamsCard(request, view, { audience: { ...EVERYBODY, unknown: true, note }, viewers }),
    done: teamsCard(done, view, theirs),
    long: teamsCard(long, view, mine),
    redacted: teamsCard(request, { ...view, text: 'redacted' }, mine),
  }
  const context = await openBrowser(t, { width: 720, height: 500 })
  for (const [name, card] of Object.entries(cards)) {
    const page = await context.newPage()
    await page.setContent(renderTeams(card))
    await page.screenshot({ path: join(folder, `teams-${name}.png`), fullPage: true })
    await page.close()
  }
})
