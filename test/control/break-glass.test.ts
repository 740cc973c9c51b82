import { join } from 'node:path'
import t, { type Test } from 'tap'
import { statusOf } from '../../src/approval/channels/rendering.ts'
import type { ApprovalRecord } from '../../src/approval/record.ts'
import { openTrail } from '../../src/audit/trail.ts'
import { registerApprovals } from '../../src/cli/approvals.ts'
import { registerReportBreakGlass } from '../../src/cli/report-break-glass.ts'
import { DeskCounters } from '../../src/control/health.ts'
import { answerOf } from '../approval/fixtures.ts'
import { runCommand } from '../cli/command.ts'
import { openActions } from '../support/actions-house.ts'

const WHY = { reason: 'the site is down', ticket: 'INC-7' }
const BY_TWO = { requirements: [{ rule: 'two', by: ['dba'], count: 2 }] }

/** A house in which di, of a group that no rule asks, may break the glass. */
async function openGlass(t: Test) {
  const house = await openActions(t)
  house.groups = new Map([['support', { clears: [], breakGlass: true }]])
  const counters = new DeskCounters()
  house.desk.subscribe((event) => counters.add(event))
  const di = await house.personTokens.add('di@example.com')
  const breakIt = (id: string, options: { token?: string; body?: object } = {}) =>
    house.call(`/v1/approvals/${id}/break-glass`, { token: di, body: WHY, ...options })
  return Object.assign(house, { counters, di, breakIt })
}

t.test('one person lets a request pass alone, and everybody is told', async (t) => {
  const { open, breakIt, desk, records, events, counters } = await openGlass(t)
  const { id, binding } = await open(BY_TWO)
  t.match(await desk.decide(id, answerOf('di@example.com')), { code: 'not_an_approver' })
  const broken = await breakIt(id)
  t.match(broken, { status: 200, body: { state: 'approved' } })
  t.match(broken.body.votes, [
    { person: 'di@example.com', reason: 'the site is down', break_glass: { ticket: 'INC-7' } },
  ])
  const at = records.findIndex(({ type }) => type === 'approval.break_glass')
  t.match(records[at], { person: 'di@example.com', ...WHY, agent: 'billing-bot', database: 'shop' })
  t.match(records[at + 1], { type: 'approval.resolved' }, 'on the disk before anything comes of it')
  t.same(
    events.map(({ type }) => type),
    ['requested', 'resolved', 'break-glass'],
  )
  t.equal(counters.all.get('break_glass_total'), 1)
  const request = desk.get(id)
  t.match(request && statusOf(request), /di@example\.com ALONE, BY BREAK-GLASS, ticket INC-7/)
  t.ok(await desk.spend(id, binding))
  t.notOk(await desk.spend(id, binding), 'for one execution')
  t.match(await breakIt(id), { status: 409 })
})

t.test('what it does not lift', async (t) => {
  const house = await openGlass(t)
  const { open, breakIt, desk, records, tokens, ask, clock } = house
  const code = (answer: { status: number; body: Record<string, unknown> }) =>
    (answer.body.error as { code?: string } | undefined)?.code
  const one = await open(BY_TWO)
  t.equal(code(await breakIt(one.id, { token: tokens.ana })), 'not_an_approver', 'ana may not')
  t.match(records.at(-1), { type: 'approval.refused', person: 'ana@example.com' })
  t.equal(code(await breakIt(one.id, { token: tokens.bot })), 'not_a_person')
  const ties = [
    { owners: ['support'] },
    { owners: ['Di@example.com'] },
    { onBehalfOf: 'di@example.com' },
    { credentialCreatedBy: ['di@example.com'] },
    { agent: 'di@example.com' },
  ]
  for (const [at, tie] of ties.entries()) {
    const { id } = await open({ ...BY_TWO, ...tie, binding: `tied ${at}` })
    t.equal(code(await breakIt(id)), 'self_approval', JSON.stringify(tie))
    t.equal(desk.get(id)?.state, 'pending')
  }
  const clear = await open({ ...BY_TWO, asksClear: ['pii.email'], binding: 'clear' })
  t.equal(code(await breakIt(clear.id)), 'may_not_clear', 'nothing leaves in clear by it')
  for (const body of [
    { ...WHY, ticket: '' },
    { ...WHY, reason: '' },
    { reason: 'x' },
    { ticket: 'x' },
  ]) {
    t.equal((await breakIt(one.id, { body })).status, 422, 'a reason and a ticket')
  }
  const other = { ...WHY, statement_sha256: 'f'.repeat(64) }
  t.equal((await breakIt(one.id, { body: other })).status, 412)
  house.people = house.people.map((each) => ({
    ...each,
    groups: each.groups.filter((group) => group !== 'support'),
  }))
  t.equal(code(await breakIt(one.id)), 'not_an_approver', 'whoever left the group')
  const action = await ask()
  t.equal(code(await breakIt(String(action.body.id))), 'not_an_approver')
  house.recordTrouble = new Error('disk full')
  t.equal((await breakIt(one.id)).status, 500)
  t.equal(desk.get(one.id)?.state, 'pending', 'no record, no run')
  house.recordTrouble = null
  clock.advance(31 * 60_000)
  t.equal((await breakIt(one.id)).status, 410)
})

t.test('the command line breaks it, and reports who did', async (t) => {
  const { open, base, di, records, data, desk, clock } = await openGlass(t)
  const { id, binding } = await open(BY_TWO)
  const glass = (...args: string[]) =>
    runCommand(registerApprovals, ['approvals', 'break-glass', id, '--url', base, ...args], {
      COUNTERSIGN_TOKEN: di,
    })
  t.match(await glass('--reason', 'down'), { code: 1, err: /--ticket/ })
  const broken = await glass('--reason', 'down', '--ticket', 'INC-8\u001b[2J')
  t.match(broken, {
    code: 0,
    out: /approved by di@example\.com ALONE, BY BREAK-GLASS, ticket INC-8\\u/,
  })
  await desk.spend(id, binding)

  const folder = join(data, 'audit')
  const trail = await openTrail({ folder, name: 'control', clock, version: '1', config: 'c' })
  const report = (...args: string[]) =>
    runCommand(registerReportBreakGlass, ['report', 'break-glass', '--folder', folder, ...args])
  trail.flush()
  t.match(await report(), { code: 0, out: /Nobody has broken the glass/ })
  for (const record of records as ApprovalRecord[]) trail.append(record)
  trail.flush()
  const said = await report()
  t.match(said, { code: 0, out: /di@example\.com \(cli\) .*billing-bot: DROP TABLE, shop .*used/ })
  t.notMatch(said.out, '\u001b', 'nothing of it moves a cursor')
  const { break_glass: all } = JSON.parse((await report('--json')).out)
  t.match(all, [{ request: id, reason: 'down', ticket: /^INC-8/, usedAt: String }])
  t.match(await report('--since', '2030-01-01'), { code: 0 })
  t.match(await report('--since', 'soon'), { code: 2 })
  await trail.close()
})
