import t from 'tap'
import { formatRecord } from '../../src/audit/record.ts'
import { intent } from './fixtures.ts'

t.test(
  'the most frequent record, put together from parts, is the JSON that any other would be',
  async (t) => {
    const frame = { id: 'run.1', seq: 1, prev: '0' }
    for (const approval of [null, { id: 'abc', by: ['bo@example.com'], cleared: ['pii.email'] }]) {
      const line = formatRecord(frame, 0, { ...intent, approval })
      const { type, parametersHmac, stmt, session, statement, actor, target, ...rest } = {
        ...intent,
        approval,
      }
      const expected = {
        v: 1,
        id: 'run.1',
        seq: 1,
        time: '1970-01-01T00:00:00.000Z',
        type,
        session,
        statement,
        actor,
        target,
        stmt: { ...stmt, parametersHmac },
        ...rest,
        prev: '0',
      }
      t.equal(line, JSON.stringify(expected))
      t.equal(formatRecord(frame, 0, { ...intent, approval }), line, 'and again')
    }
  },
)

t.test('outcomes and refusals too', async (t) => {
  const frame = { id: 'run.2', seq: 2, prev: '0' }
  const head = { v: 1, id: 'run.2', seq: 2, time: '1970-01-01T00:00:00.000Z' }
  const outcome = {
    type: 'statement.outcome',
    session: 's\u2028"1',
    statement: 7,
    sqlState: '42P01',
    rows: 3,
    bytes: 2 ** 40,
    ms: 0.25,
    masked: ['e"mail'],
  } as const
  const expected = { ...head, ...outcome, prev: '0' }
  t.equal(formatRecord(frame, 0, outcome), JSON.stringify(expected))
  const none = { ...outcome, sqlState: null, masked: [] }
  t.equal(formatRecord(frame, 0, none), JSON.stringify({ ...expected, ...none }))
  const { decision: _, policy: _policy, ...asked } = intent
  const refused = {
    ...asked,
    type: 'statement.refused',
    sqlState: '42501',
    reason: 'no',
    parametersHmac: 'abc',
    approval: null,
  } as const
  t.match(JSON.parse(formatRecord(frame, 0, refused)), {
    ...head,
    type: 'statement.refused',
    stmt: { sql: 'SELECT ?', parametersHmac: 'abc' },
  })
})
