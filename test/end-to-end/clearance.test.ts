import t, { type Test } from 'tap'
import { APPROVER, type Countersign, OWNER, startCountersign } from '../support/countersign.ts'
import {
  type AgentSays,
  codeOf,
  connectAgent,
  errorFrom,
  ONE_SIDE_EACH,
  type Side,
} from '../support/e2e-sides.ts'

/** Signs, and may show e-mail addresses. */
const KEEPER = 'cy@example.com'
const BOTH = 'SELECT id, email, ssn FROM customers WHERE id = 1'
const CLEAR = 'ada.marsh@x.test'
const SECRET = /966-34|5008/
const MASKED = /^a\*+@x\.test$/
const PEOPLE = {
  people: {
    [OWNER]: { groups: ['approvers', 'data-owner'] },
    [APPROVER]: { groups: ['approvers'] },
    [KEEPER]: { groups: ['approvers', 'data-owner'] },
  },
  groups: { 'data-owner': { clears: ['pii.email'] } },
}
// biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
const READS = { name: 'reads', when: { classes: 'pii.*' }, then: { approve: { by: 'approvers' } } }

for (const side of ONE_SIDE_EACH) t.test(side.name, (t) => clearance(t, side))

async function clearance(t: Test, side: Side): Promise<void> {
  const db = await side.start(t)
  if (!db) return

  t.test('who signs may show a class that is theirs to clear, once', async (t) => {
    const proxy = await startWith(t, db.upstream, { rules: [READS] })
    const client = await connectAgent(t, side, proxy)
    const held = async (sql = BOTH) => {
      const rows = client.query(sql)
      const { id } = await proxy.pending((request) => request.statement === sql)
      return { rows, id }
    }

    const first = await held()
    t.match(await proxy.request(first.id), {
      asks_clear: [],
      clearable: ['pii.email', 'pii.national-id'],
    })
    const wrong: [person: string, ...clear: string[]][] = [
      [APPROVER, 'pii.email'],
      [KEEPER, 'pii.national-id'],
      [KEEPER, 'pii.email', 'pii.national-id'],
      [KEEPER, 'hr.salary'],
      [KEEPER, 'pii.*'],
    ]
    for (const [person, ...clear] of wrong) {
      const { status, code } = await approve(proxy, first.id, person, clear)
      t.same([status, code], [403, 'may_not_clear'], `${person} ${clear.join()}`)
    }
    t.same((await approve(proxy, first.id, OWNER, ['pii.email'])).code, 'self_approval')
    t.equal((await proxy.request(first.id)).state, 'pending', 'nothing of that was counted')

    t.equal((await approve(proxy, first.id, KEEPER, ['pii.email'])).status, 200)
    const [shown] = await first.rows
    t.match(shown, { email: CLEAR })
    t.notMatch(JSON.stringify(shown), SECRET, 'no other class is shown')
    t.match(await proxy.settled(first.id, 'approved'), { cleared: ['pii.email'] })
    const about = proxy.records().filter(({ approval }) => idOf(approval) === first.id)
    t.match(
      about.find(({ type }) => type === 'approval.voted'),
      { clears: ['pii.email'] },
    )
    t.match(
      about.find(({ type }) => type === 'approval.resolved'),
      { cleared: ['pii.email'] },
    )
    const intents = proxy.records().filter(({ type }) => type === 'statement.intent')
    t.match(intents.at(-1), { approval: { id: first.id, cleared: ['pii.email'] } })

    const second = await held()
    await proxy.approve(second.id)
    t.match((await second.rows)[0], { email: MASKED }, 'the next time it is masked again')

    const made = await held("SELECT concat(email, ' ', ssn) AS made FROM customers")
    await approve(proxy, made.id, KEEPER, ['pii.email'])
    const text = JSON.stringify(await made.rows)
    t.notMatch(text, SECRET, 'what is made of both is masked')
    t.notMatch(text, CLEAR)
  })

  t.test('an agent may ask to see a class, and then it has to be signed', async (t) => {
    const proxy = await startWith(t, db.upstream)
    const connect = (says: AgentSays) => connectAgent(t, side, proxy, says)

    t.test('by somebody who may show it', async (t) => {
      const client = await connect({ clear: 'pii.email' })
      t.match(await client.query('SELECT name FROM customers WHERE id = 1'), [{ name: 'Ada' }])
      const rows = client.query(BOTH)
      const { id, ...shown } = await proxy.pending()
      t.match(shown, {
        asks_clear: ['pii.email'],
        requirements: [{ rule: 'show pii.email', by: ['data-owner'], count: 1 }],
      })
      t.equal((await approve(proxy, id, APPROVER)).code, 'not_an_approver')
      t.equal((await approve(proxy, id, OWNER)).code, 'self_approval')
      t.equal((await approve(proxy, id, KEEPER)).status, 200)
      const [row] = await rows
      t.match(row, { email: CLEAR })
      t.notMatch(JSON.stringify(row), SECRET)
    })

    t.test('values and all, and as a ticket once', async (t) => {
      const client = await connect({ clear: 'pii.email', hold: '300ms' })
      const of = (id: number) => client.query('SELECT email FROM customers WHERE id = ?', [id])
      t.equal(await codeOf(of(1)), 'ZA001')
      const { id } = await proxy.pending()
      t.equal((await approve(proxy, id, KEEPER)).status, 200)
      t.equal(await codeOf(of(2)), 'ZA001', 'other values are another request')
      t.same(await of(1), [{ email: CLEAR }])
      t.equal(await codeOf(of(1)), 'ZA001', 'once')
      const other = await connect({ hold: '300ms' })
      const [row] = await other.query('SELECT email FROM customers WHERE id = 1')
      t.match(row, { email: MASKED }, 'who does not ask sees what anybody sees')
    })

    t.test('and what nobody may show is refused, whatever else is asked', async (t) => {
      const before = await proxy.requests()
      for (const clear of ['pii.national-id', 'pii.*', '*.*', 'pii.email,pii.national-id']) {
        const client = await connect({ clear })
        const { code, message } = await errorFrom(client.query(BOTH))
        t.equal(code, '42501', clear)
        t.match(message, /nobody may show pii\.national-id in clear/)
        t.same(await proxy.requests(), before, 'nobody is asked')
      }
      const wrong = await errorFrom(connect({ clear: 'pii email' }).then(({ query }) => query('')))
      t.match(wrong.message, /no data class/)
    })
  })
}

function startWith(t: Test, upstream: string, config: object = {}): Promise<Countersign> {
  return startCountersign(t, { upstream, config: { ...PEOPLE, ...config } }).then(async (proxy) => {
    await proxy.giveToken(KEEPER)
    return proxy
  })
}

function idOf(approval: unknown): unknown {
  return (approval as { readonly id?: unknown } | null | undefined)?.id
}

async function approve(
  proxy: Countersign,
  id: string,
  person: string,
  clear: readonly string[] = [],
): Promise<{ readonly status: number; readonly code: string | undefined }> {
  const body = { decision: 'approve', ...(clear.length > 0 && { clear }) }
  const answer = await proxy.api(`/v1/approvals/${id}/decisions`, { body, person })
  const { error } = (await answer.json()) as { error?: { code: string } }
  return { status: answer.status, code: error?.code }
}
