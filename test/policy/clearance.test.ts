import t from 'tap'
import { withClearance } from '../../src/policy/clearance.ts'
import type { Decision } from '../../src/policy/decision.ts'

const GROUPS = new Map([
  ['data-owner', ['pii.*']],
  ['payroll', ['hr.salary', 'pii.email']],
  ['dba', []],
])
const ALLOW: Decision = { kind: 'allow', rules: ['default'], unmask: [] }
const EXPORT: Decision = {
  kind: 'require-approval',
  rules: ['exports'],
  requirements: [{ rule: 'exports', by: ['dba'], count: 2 }],
  unmask: [],
  holdMs: 5,
  expiresMs: 7,
}

t.test('what is asked for, touched and not shown anyway has to be signed', async (t) => {
  const asks = (asked: string[], touched: string[], decision: Decision = ALLOW) =>
    withClearance(decision, asked, touched, GROUPS)
  t.equal(asks([], ['pii.email']), ALLOW)
  t.equal(asks(['pii.email'], []), ALLOW, 'nothing of it is touched')
  t.equal(asks(['pii.email'], ['hr.salary']), ALLOW)
  const shown: Decision = { ...ALLOW, unmask: ['pii.*'] }
  t.equal(asks(['pii.email'], ['pii.email'], shown), shown, 'a rule shows it')
  t.match(asks(['pii.*', 'hr.*'], ['pii.email', 'hr.salary', 'pci.pan']), {
    kind: 'require-approval',
    requirements: [
      { rule: 'show pii.email', by: ['data-owner', 'payroll'], count: 1 },
      { rule: 'show hr.salary', by: ['payroll'], count: 1 },
    ],
    clear: ['pii.email', 'hr.salary'],
  })
})

t.test('beside what has to be signed anyway, and never instead of it', async (t) => {
  t.same(withClearance(EXPORT, ['pii.email'], ['pii.email'], GROUPS), {
    ...EXPORT,
    rules: ['exports', 'show pii.email'],
    requirements: [
      { rule: 'exports', by: ['dba'], count: 2 },
      { rule: 'show pii.email', by: ['data-owner', 'payroll'], count: 1 },
    ],
    clear: ['pii.email'],
  })
  const deny: Decision = { kind: 'deny', rule: 'no', reason: 'never' }
  t.equal(withClearance(deny, ['pii.email'], ['pii.email'], GROUPS), deny)
  t.match(withClearance(ALLOW, ['*.*'], ['pii.email', 'pci.pan'], GROUPS), {
    kind: 'deny',
    reason: /nobody may show pci\.pan/,
  })
  const ceiling: Decision = {
    ...ALLOW,
    ceiling: { rows: 5, rules: ['small'], beyond: EXPORT },
  }
  t.equal(withClearance(ceiling, ['pii.email'], ['pii.email'], GROUPS).kind, 'require-approval')
})
