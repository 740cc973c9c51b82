import t from 'tap'
import { coversClass, maskOfClass } from '../../src/mask/data-class.ts'
import type { MaskConfig, ResultColumn } from '../../src/mask/plan.ts'
import { type PlanInput, planFor } from '../../src/mask/plan-for.ts'
import type { ColumnId, Flow, OutputLineage } from '../../src/sql/output-lineage.ts'
import { catalogOf, keys, relationOf } from './fixtures.ts'

const WHOLE = '[redacted]'
const CUSTOMERS = 20_001
const TICKETS = 20_002
const catalog = catalogOf([
  relationOf(CUSTOMERS, [
    { name: 'id' },
    { name: 'email', dataClass: 'pii.email' },
    { name: 'contact', derived: true },
    { name: 'ssn', dataClass: 'pii.national-id' },
  ]),
  relationOf(TICKETS, [{ name: 'id' }, { name: 'title' }]),
])
const masks: Record<string, MaskConfig> = {
  pii: { mask: 'null', keepLast: null },
  'pii.email': { mask: 'partial', keepLast: null },
}

function column(tableOid: number, columnNumber: number, name = 'c'): ResultColumn {
  return { name, tableOid, columnNumber, typeOid: 25, typeModifier: -1, format: 0 }
}

function plan(columns: ResultColumn[], more: Partial<PlanInput> = {}) {
  const classification = { output: 'classified' as const, safeOutputs: [] }
  return planFor({ columns, classification, catalog, unmask: [], masks, keys, ...more })
}

/** What becomes of the same cell in each column; `same` where it passes. */
function outcome(made: ReturnType<typeof plan>) {
  return made?.maskers.map((masker) =>
    masker ? (masker(Buffer.from('ana@example.com'))?.toString() ?? null) : 'same',
  )
}

const clear = { classification: { output: 'clear' as const, safeOutputs: [] } }

t.test('masks what is classified, derived, or not known', async (t) => {
  const made = plan([
    column(CUSTOMERS, 1),
    column(CUSTOMERS, 2, 'alias'),
    column(CUSTOMERS, 3),
    column(CUSTOMERS, 4),
    column(CUSTOMERS, 9),
    column(CUSTOMERS, -1),
    column(TICKETS, 2),
    column(0, 0, 'count'),
    column(55_555, 1),
    column(2_600, 1),
  ])
  t.same(outcome(made), [
    'same',
    'a***@example.com',
    '[redacted]',
    null,
    '[redacted]',
    'same',
    'same',
    '[redacted]',
    '[redacted]',
    '[redacted]',
  ])
  t.same(made?.classes, ['pii.email', 'pii.national-id'])
  t.same(made?.masked, ['alias', 'c', 'c', 'c', 'count', 'c', 'c'])
})

t.test(
  'lets a column pass that the classifier calls safe, never one that is classified',
  async (t) => {
    const safe = { classification: { output: 'classified' as const, safeOutputs: [0, 1, 2] } }
    t.same(
      outcome(plan([column(0, 0), column(CUSTOMERS, 2), column(55_555, 1), column(0, 0)], safe)),
      ['same', 'a***@example.com', '[redacted]', '[redacted]'],
    )
  },
)

t.test('passes whole results in which nothing is classified', async (t) => {
  t.equal(plan([column(TICKETS, 1), column(0, 0), column(1_259, 2)], clear), null)
  t.equal(plan([], clear), null)
  t.equal(plan([column(CUSTOMERS, 1), column(TICKETS, 1)]), null)
  t.same(
    outcome(plan([column(0, 0), column(CUSTOMERS, 2)], clear)),
    ['same', 'a***@example.com'],
    'the server knows better than a classifier that saw nothing',
  )
  t.same(outcome(plan([column(55_555, 1)], clear)), ['[redacted]'], 'a table that nobody has read')
})

t.test('unmasks the classes that a rule clears, and no other', async (t) => {
  const columns = [column(CUSTOMERS, 2), column(CUSTOMERS, 3), column(CUSTOMERS, 4), column(0, 0)]
  t.same(outcome(plan(columns, { unmask: ['pii.email'] })), [
    'same',
    '[redacted]',
    null,
    '[redacted]',
  ])
  t.same(outcome(plan(columns, { unmask: ['pii.*'] })), [
    'same',
    '[redacted]',
    'same',
    '[redacted]',
  ])
  t.same(outcome(plan(columns, { unmask: ['pii', '*', ''] }))?.[0], 'a***@example.com')
  t.ok(coversClass('*.email*', 'pii.email-work'))
  t.ok(coversClass('p*i.*', 'pii.x'))
  for (const pattern of ['pii', 'pii.*.*', '*', 'pii.e', 'ii.email', 'a*a.email']) {
    t.notOk(coversClass(pattern, 'pii.email'), pattern)
  }
  t.notOk(coversClass('a*a.b', 'a.b'), 'the two ends do not overlap')
})

t.test('takes the mask of the longest prefix', async (t) => {
  const of = (dataClass: string, all = masks) => maskOfClass(dataClass, all).mask
  t.equal(of('pii.email'), 'partial')
  t.equal(of('pii.email.work'), 'partial')
  t.equal(of('pii.emails'), 'null')
  t.equal(of('piid'), 'redact')
  t.equal(of('constructor', {}), 'redact')
  t.equal(of('__proto__', {}), 'redact')
})

const line = (
  name: string,
  flow: Flow,
  classes: readonly (string | null)[],
  columns?: readonly ColumnId[],
): OutputLineage => ({
  name,
  sources: classes.map((dataClass) => ({ kind: 'column', label: 'x', dataClass, flow })),
  ...(columns ? { columns } : {}),
})
const unknown: OutputLineage = {
  name: 'c',
  sources: [{ kind: 'unknown', label: 'somewhere', flow: 'derived' }],
}
const id = (relation: number, number: number): ColumnId => ({ relation, column: number })

function withLineage(
  columns: ResultColumn[],
  lineage: OutputLineage[],
  more: Partial<PlanInput> = {},
) {
  const classification = { output: 'classified' as const, safeOutputs: [0, 1, 2, 3, 4], lineage }
  return plan(columns, { classification, ...more })
}

t.test('masks what is computed as the strictest of its classes asks, and whole', async (t) => {
  const computed = Array(7).fill(column(0, 0)) as ResultColumn[]
  const made = withLineage(computed, [
    line('c', 'identity', ['pii.email']),
    line('c', 'derived', ['pii.email']),
    line('c', 'derived', ['pii.email', 'pii.ssn']),
    line('c', 'aggregate-safe', ['pii.email']),
    line('c', 'predicate-only', ['pii.ssn']),
    line('c', 'derived', [null]),
    unknown,
  ])
  t.same(outcome(made), ['a***@example.com', WHOLE, null, 'same', 'same', 'same', WHOLE])
  t.same(made?.classes, ['pii.email', 'pii.ssn'])
  t.equal(made?.disagreements, 0)
})

t.test('a rule clears an expression where it clears every class behind it', async (t) => {
  const lineage = [
    line('c', 'derived', ['pii.email']),
    line('c', 'derived', ['pii.email', 'hr.pay']),
    { ...unknown, sources: [...unknown.sources, ...line('c', 'derived', ['pii.email']).sources] },
    line('c', 'derived', ['derived']),
    line('c', 'identity', ['unjudged']),
  ]
  const seen = (...unmask: string[]) =>
    outcome(withLineage(Array(5).fill(column(0, 0)), lineage, { unmask }))
  t.same(seen('pii.email'), ['same', WHOLE, WHOLE, WHOLE, WHOLE])
  t.same(seen('pii.*', 'hr.*'), ['same', 'same', WHOLE, WHOLE, WHOLE])
  t.same(
    seen('*', '*.*'),
    ['same', 'same', WHOLE, WHOLE, WHOLE],
    'nobody knows what "derived" is of',
  )
})

t.test('where lineage and the server differ, it is masked and counted', async (t) => {
  const free = line('c', 'identity', [null], [id(TICKETS, 2)])
  const email = line('c', 'identity', ['pii.email'], [id(CUSTOMERS, 2)])
  for (const [columns, lineage, expected] of [
    // SELECT * of a table that has lost or got a column meanwhile.
    [[column(0, 0), column(0, 0)], [free], [WHOLE, WHOLE]],
    [[column(TICKETS, 2)], [free, free], ['same']],
    [
      [column(TICKETS, 1), column(0, 0)],
      [free, line('c', 'derived', [])],
      ['same', WHOLE],
    ],
    [[column(0, 0, 'another')], [line('c', 'derived', [])], [WHOLE]],
    // The server says that it is free, lineage that it is computed from an address.
    [[column(TICKETS, 2)], [line('c', 'derived', ['pii.email'])], [WHOLE]],
    [[column(CUSTOMERS, 4)], [line('c', 'derived', ['pii.email'])], [null]],
  ] as const) {
    const made = withLineage([...columns], [...lineage], { unmask: [] })
    const all = outcome(made) ?? columns.map(() => 'same')
    t.same(all, expected)
    if (expected.some((one) => one !== 'same')) t.equal(made?.disagreements, 1)
    const cleared = withLineage([...columns], [...lineage], { unmask: ['*.*'] })
    t.same(outcome(cleared) ?? columns.map(() => 'same'), expected, 'nor does a rule clear it')
  }
  const lies = withLineage([column(CUSTOMERS, 2)], [free])
  t.same(
    [outcome(lies), lies?.disagreements],
    [['a***@example.com'], 1],
    'nor is it taken for free',
  )
  const either = line('c', 'identity', ['pii.email'], [id(CUSTOMERS, 2), id(TICKETS, 2)])
  t.equal(withLineage([column(TICKETS, 2)], [either]), null, 'of two of one name the server knows')
  t.same(outcome(withLineage([column(CUSTOMERS, 2)], [either])), ['a***@example.com'])
  t.same(outcome(withLineage([column(0, 0)], [email])), ['a***@example.com'])
})

t.test('a whole row is as its lineage says, and as its table', async (t) => {
  const row = (flow: Flow, ...classes: (string | null)[]) => [line('c', flow, classes)]
  t.equal(withLineage([column(TICKETS, 0)], row('derived', null)), null)
  t.same(outcome(withLineage([column(CUSTOMERS, 0)], row('derived', null))), [WHOLE])
  const made = withLineage([column(CUSTOMERS, 0)], row('derived', 'pii.email'))
  t.same([outcome(made), made?.disagreements], [[WHOLE], 0])
})
