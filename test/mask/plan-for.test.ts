import t from 'tap'
import { coversClass, maskOfClass } from '../../src/mask/data-class.ts'
import type { MaskConfig, ResultColumn } from '../../src/mask/plan.ts'
import { type PlanInput, planFor } from '../../src/mask/plan-for.ts'
import { catalogOf, keys, relationOf } from './fixtures.ts'

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
