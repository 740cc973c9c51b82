// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import t from 'tap'
import type { DecisionInput } from '../../src/policy/conditions.ts'
import { decide, explain } from '../../src/policy/decide.ts'
import type { RuleConfig } from '../../src/policy/rule.ts'
import type { Classification, Effect, TableUse } from '../../src/sql/statement.ts'

function table(name: string, columns: string[] = ['id'], access: 'read' | 'write' = 'read') {
  const [schema = null, own = ''] = name.includes('.') ? name.split('.') : [null, name]
  return { schema, name: own, access, classes: {}, columns } satisfies TableUse
}

function asked(effects: Effect[], more: Partial<Classification> = {}, rest = {}): DecisionInput {
  const classification = {
    verb: 'SELECT',
    effects: effects.map((effect) => ({ effect, reason: `because of ${effect}` })),
    tables: [],
    classes: [],
    ...more,
  } as unknown as Classification
  return {
    classification,
    agent: 'billing-bot',
    groups: ['dba'],
    database: 'shop',
    environment: 'production',
    inTransaction: false,
    now: Date.UTC(2026, 0, 5, 23, 30),
    ...rest,
  }
}

function approve(name: string, when: RuleConfig['when'], by = ['dba'], count = 1): RuleConfig {
  return { name, when, then: { kind: 'approve', by, count, hold: null, expires: null } }
}
function allow(name: string, when: RuleConfig['when']): RuleConfig {
  return { name, when, then: { kind: 'allow', maxRows: null } }
}
function deny(name: string, when: RuleConfig['when']): RuleConfig {
  return { name, when, then: { kind: 'deny', reason: `no, says ${name}` } }
}

t.test('without rules, sensitive effects need one approver and the rest passes', async (t) => {
  for (const effect of [
    'export',
    'ddl',
    'privilege',
    'server',
    'unbounded-write',
    'probe',
    'opaque',
  ] as const) {
    t.match(decide(asked(['read', effect]), []), {
      kind: 'require-approval',
      requirements: [{ rule: 'default', by: ['approvers'], count: 1 }],
      expiresMs: 1_800_000,
      holdMs: null,
    })
  }
  t.match(decide(asked(['read', 'write', 'session', 'transaction']), []), { kind: 'allow' })
  t.match(decide(asked([]), []), { kind: 'require-approval' }, 'nothing known is not nothing done')
})

t.test('deny wins, approvals add up, the first matching rule speaks for an effect', async (t) => {
  const rules = [
    deny('no-grants', { effect: ['privilege'] }),
    approve('two-for-ddl', { effect: ['ddl'] }, ['dba'], 2),
    approve('exports', { effect: ['export'] }, ['data-owner']),
    deny('never-reached', { effect: ['ddl'] }),
  ]
  t.match(decide(asked(['ddl', 'export', 'privilege']), rules), { kind: 'deny', rule: 'no-grants' })
  const both = decide(asked(['ddl', 'export', 'read']), rules)
  t.match(both, {
    kind: 'require-approval',
    requirements: [
      { rule: 'two-for-ddl', count: 2 },
      { rule: 'exports', by: ['data-owner'] },
    ],
  })
  t.match(explain(asked(['read', 'ddl']), rules).effects, [
    { effect: 'read', rule: 'default', reasons: ['because of read'] },
    { effect: 'ddl', rule: 'two-for-ddl', action: { kind: 'approve' } },
  ])
  t.match(decide(asked(['read']), [approve('all', {})]), { kind: 'require-approval' })
  const timed: RuleConfig[] = [
    {
      name: 'a',
      when: { effect: ['ddl'] },
      then: { kind: 'approve', by: ['x'], count: 1, hold: 9000, expires: 60_000 },
    },
    {
      name: 'b',
      when: { effect: ['export'] },
      then: { kind: 'approve', by: ['x'], count: 1, hold: 5000, expires: null },
    },
  ]
  t.match(decide(asked(['ddl', 'export']), timed), { holdMs: 5000, expiresMs: 60_000 })
})

t.test('an allow must cover all that is touched; a stop needs to meet any of it', async (t) => {
  const tickets = allow('tickets', { effect: ['unbounded-write'], tables: ['public.tickets'] })
  const on = (...tables: TableUse[]) => asked(['unbounded-write'], { tables })
  t.match(decide(on(table('public.tickets')), [tickets]), { kind: 'allow' })
  t.match(decide(on(table('public.tickets'), table('public.people')), [tickets]), {
    kind: 'require-approval',
  })
  t.match(decide(on(table('tickets')), [tickets]), { kind: 'require-approval' }, 'unknown schema')
  t.match(decide(on(), [tickets]), { kind: 'require-approval' }, 'no table at all')
  const opaque = asked(['opaque', 'read'], { tables: [table('public.tickets')] })
  const loose = allow('loose', { tables: ['public.tickets'] })
  t.match(decide(opaque, [loose]), { kind: 'require-approval' }, 'what is opaque is never covered')
  const people = deny('people', { tables: ['public.people'] })
  t.match(decide(on(table('public.tickets'), table('public.people')), [people]), { kind: 'deny' })
  t.match(decide(on(table('people')), [people]), { kind: 'deny' }, 'it may be the one')
  t.match(decide(on(table('old.people')), [people]), { kind: 'require-approval' })
})

t.test('columns and classes hold with their wildcards', async (t) => {
  const probe = (columns: string[], classes: string[]) =>
    asked(['probe'], { tables: [table('public.people', columns)], classes })
  const cols = allow('cols', { effect: ['probe'], columns: ['public.people.n*'] })
  t.match(decide(probe(['name', 'nick'], []), [cols]), { kind: 'allow' })
  t.match(decide(probe(['name', 'email'], []), [cols]), { kind: 'require-approval' })
  const wipe = asked(['unbounded-write'], { tables: [table('public.people', [], 'write')] })
  t.match(decide(wipe, [allow('w', { columns: ['public.people.name'] })]), {
    kind: 'require-approval',
  })
  t.match(decide(wipe, [deny('w', { columns: ['public.people.email'] })]), { kind: 'deny' })
  const cls = allow('cls', { effect: ['probe'], classes: ['pii.*'] })
  t.match(decide(probe([], ['pii.email', 'pii.name']), [cls]), { kind: 'allow' })
  t.match(decide(probe([], ['pii.email', 'pci.pan']), [cls]), { kind: 'require-approval' })
  t.match(decide(probe([], []), [cls]), { kind: 'require-approval' })
})

t.test('who, where and when', async (t) => {
  const yes = (when: RuleConfig['when'], rest = {}, verb = 'DROP TABLE') =>
    decide(asked(['read'], { verb }, rest), [deny('r', when)]).kind === 'deny'
  t.ok(yes({ agent: ['billing-*'], group: ['dba'], database: ['shop'], environment: ['prod*'] }))
  t.notOk(yes({ agent: ['billing'] }))
  t.notOk(yes({ environment: ['*'] }, { environment: null }))
  t.ok(yes({ verb: ['drop *'] }))
  t.notOk(yes({ verb: ['DROP'] }))
  t.ok(yes({ inTransaction: false }))
  t.notOk(yes({ inTransaction: true }))
  t.ok(yes({ hours: '22:00-06:00' }))
  t.ok(yes({ hours: '22:00-06:00' }, { now: Date.UTC(2026, 0, 5, 5, 59) }))
  t.notOk(yes({ hours: '22:00-06:00' }, { now: Date.UTC(2026, 0, 5, 6, 0) }))
  t.notOk(yes({ hours: '08:00-18:00' }))
})

t.test('an unmask rule clears classes and decides nothing', async (t) => {
  const rule: RuleConfig = {
    name: 'support',
    when: { agent: ['billing-bot'], classes: ['pii.email'] },
    then: { kind: 'unmask', classes: ['pii.email'] },
  }
  const read = asked(['read'], { classes: ['pii.email', 'pci.pan'] })
  t.match(decide(read, [rule]), { kind: 'allow', unmask: ['pii.email'] })
  t.match(decide(asked(['read'], { classes: ['pci.pan'] }), [rule]), { unmask: [] })
  t.match(decide(asked(['export'], { classes: ['pii.email'] }), [rule]), {
    kind: 'require-approval',
    unmask: ['pii.email'],
  })
  const bound = { ...rule, when: { ...rule.when, tables: ['public.people'] } }
  const two = asked(['read'], {
    classes: ['pii.email'],
    tables: [table('public.people'), table('public.newsletter')],
  })
  t.match(decide(two, [bound]), { unmask: [] }, 'a table beyond the rule')
})
