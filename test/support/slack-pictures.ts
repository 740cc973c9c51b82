/*
 * Draws messages and modals as Slack shows them, about, to be looked at after a change of theirs:
 *   node dist/test/support/slack-pictures.js FOLDER
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { slackMessage } from '../../src/approval/channels/slack-blocks.ts'
import { linkView } from '../../src/approval/channels/slack-linking.ts'
import { clearView, denyView, grantView } from '../../src/approval/channels/slack-views.ts'
import type { ApprovalRequest, RequestDraft } from '../../src/approval/request.ts'
import { draftOf } from '../approval/fixtures.ts'
import { openBrowser } from './browser.ts'
import { renderSlack } from './slack-html.ts'

const folder = process.argv[2] ?? 'pictures'

const EXPORT = `COPY (
  SELECT c.id, c.name, c.email, sum(o.total) AS spent
  FROM customers AS c
  JOIN orders AS o ON o.customer_id = c.id
  WHERE o.created_at >= date '2026-10-01' AND c.country = 'DK'
  GROUP BY c.id, c.name, c.email
  ORDER BY spent DESC
) TO STDOUT WITH (FORMAT csv, HEADER)`

function requestOf(
  draft: Partial<RequestDraft>,
  change: Partial<ApprovalRequest> = {},
): ApprovalRequest {
  return {
    ...draftOf(draft),
    id: '86ejavwr5299',
    state: 'pending',
    createdAt: '2026-11-22T12:00:00Z',
    updatedAt: '2026-11-22T12:00:00Z',
    expiresAt: '2026-11-22T12:30:00Z',
    spentAt: null,
    remindedAt: null,
    escalated: [],
    votes: [],
    cleared: [],
    grant: null,
    waiting: 'connection',
    withdrawnCause: null,
    outcome: null,
    history: { approved: 14, lastBy: 'ana@example.com' },
    ...change,
  }
}

const held = requestOf({
  owners: ['cy@example.com'],
  verb: 'COPY TO',
  statement: EXPORT,
  withoutConstants: EXPORT.replace(/'[^']*'/g, '?'),
  claim: 'the October report that finance asked for',
  onBehalfOf: 'di@example.com',
  effects: [
    { effect: 'export', reason: 'COPY TO sends rows out of the database in bulk', at: 0 },
    { effect: 'read', reason: 'reads customers and orders' },
  ],
  tables: [
    { name: 'public.customers', access: 'read', classes: ['pii.email', 'pii.name'] },
    { name: 'public.orders', access: 'read', classes: [] },
  ],
  classes: ['pii.email', 'pii.name'],
  clearable: ['pii.email', 'pii.name'],
  estimatedRows: 1840,
  requirements: [{ rule: 'exports-need-the-data-owner', by: ['data-owner'], count: 1 }],
})

const update = requestOf({
  owners: ['cy@example.com'],
  verb: 'UPDATE',
  shape: 'shape',
  claim: 'close tickets that nobody answered',
  statement: "UPDATE tickets SET state = 'closed', closed_by = 'аdmin' WHERE id = $1",
  parameters: [{ type: 'int8', value: '4711' }],
  effects: [{ effect: 'write', reason: 'updates tickets' }],
  tables: [{ name: 'public.tickets', access: 'write', classes: [] }],
  inTransaction: true,
  estimatedRows: 1,
})
const alike = [2, 3, 4].map((n) => ({ ...update, id: `6ayc9puwes5${n}` }))
const done = requestOf(
  {
    ...held,
    statement: 'DROP TABLE staging_import',
    verb: 'DROP TABLE',
    clearable: [],
    classes: [],
    tables: [{ name: 'public.staging_import', access: 'write', classes: [] }],
    effects: [{ effect: 'ddl', reason: 'drops a table' }],
  },
  {
    state: 'executed',
    waiting: null,
    spentAt: '2026-11-22T12:01:00Z',
    outcome: { rows: 0, ms: 37, sqlState: null },
    votes: [
      {
        ...{ person: 'ana@example.com', decision: 'approve', reason: 'left over from the import' },
        ...{ channel: 'slack', clears: [], grant: null, at: '2026-11-22T12:00:41Z' },
      },
    ],
  },
)

t.test('pictures of Slack', async (t) => {
  mkdirSync(folder, { recursive: true })
  const view = {
    text: 'full',
    regulations: { pii: 'GDPR Art. 4(1)' },
    shortened: new Set<string>(),
    urlOf: (id: string) => `https://countersign.example.com/v1/approvals/${id}`,
  } as const
  const place = { channel: 'C1', ts: '1.1' }
  const long = requestOf({ ...held, statement: `${EXPORT}\n${'-- and more\n'.repeat(1_500)}` })
  const pictures = {
    held: slackMessage(held, view).blocks,
    alike: slackMessage(update, view, alike).blocks,
    done: slackMessage(done, view).blocks,
    long: slackMessage(long, view).blocks,
    redacted: slackMessage(held, { ...view, text: 'redacted' }).blocks,
    'modal-deny': (denyView(update, { hidden: false, place, others: 3 }) as Modal).blocks,
    'modal-grant': (grantView(update, place) as Modal).blocks,
    'modal-link': (linkView('{}') as Modal).blocks,
    'modal-clear': (clearView(held, place, ['pii.email']) as Modal).blocks,
  }
  const context = await openBrowser(t, { width: 720, height: 500, deviceScaleFactor: 1 })
  for (const [name, blocks] of Object.entries(pictures)) {
    const page = await context.newPage()
    const html = renderSlack(blocks as readonly unknown[])
    writeFileSync(join(folder, `slack-${name}.html`), html)
    await page.setContent(html)
    await page.screenshot({ path: join(folder, `slack-${name}.png`), fullPage: true })
    await page.close()
  }
})

interface Modal {
  readonly blocks: readonly unknown[]
}
