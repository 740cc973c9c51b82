import t from 'tap'
import type { AuditEvent } from '../../src/audit/events.ts'
import { formatRecord } from '../../src/audit/record.ts'

const intent: AuditEvent = {
  type: 'statement.intent',
  session: 's"1',
  statement: 7,
  actor: {
    agent: 'bot',
    owners: ['ana@example.com'],
    onBehalfOf: null,
    address: '::1',
    tls: null,
    applicationName: 'a\n"b',
  },
  target: { system: 'postgresql', database: 'shop', environment: null },
  stmt: {
    verb: 'SELECT',
    sql: 'SELECT ?',
    sha256: 'x',
    fingerprint: 'y',
    parametersHmac: null,
    effects: [{ effect: 'read', reason: 'reads data' }],
    tables: [],
    classes: [],
    transaction: 'idle',
  },
  decision: 'allowed',
  policy: 'f00d',
  rules: ['default'],
  approval: null,
}

t.test(
  'the most frequent record, put together from parts, is the JSON that any other would be',
  async (t) => {
    const frame = { id: 'run.1', seq: 1, prev: '0' }
    for (const approval of [null, { id: 'abc', by: ['bo@example.com'] }]) {
      const line = formatRecord(frame, 0, { ...intent, approval })
      const { type, ...rest } = { ...intent, approval }
      const expected = {
        v: 1,
        id: 'run.1',
        seq: 1,
        time: '1970-01-01T00:00:00.000Z',
        type,
        ...rest,
        prev: '0',
      }
      t.equal(line, JSON.stringify(expected))
      t.equal(formatRecord(frame, 0, { ...intent, approval }), line, 'and again')
    }
  },
)
