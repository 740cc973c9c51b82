import t from 'tap'
import { type MysqlPlanInput, mysqlPlanFor } from '../../../src/mask/mysql/plan-for.ts'
import type { MaskConfig, ResultColumn } from '../../../src/mask/plan.ts'
import type { LineageSource, OutputLineage } from '../../../src/sql/output-lineage.ts'
import { memorySchema } from '../../sql/mysql/memory-schema.ts'
import { columnOf, keys } from './fixtures.ts'

const schema = memorySchema({
  schema: 'shop',
  tables: {
    customers: {
      columns: {
        id: null,
        name: null,
        email: 'pii.email',
        ssn: 'pii.national-id',
        initials: null,
      },
      derived: ['initials'],
    },
    tickets: { columns: { id: null, title: null } },
    contacts: { columns: { address: 'pii.email', id: null }, definition: 'SELECT 1' },
  },
}).current
const masks: Record<string, MaskConfig> = {
  pii: { mask: 'null', keepLast: null },
  'pii.email': { mask: 'partial', keepLast: null },
}

/** A column of which the server says that it is this one; null: computed. */
function column(origin: string | null, name = 'c'): ResultColumn {
  const [table = '', field = ''] = origin?.split('.') ?? []
  const from = { schema: origin ? 'shop' : '', tableAlias: 'x', table, column: field }
  return columnOf({ name, origin: from })
}

const SAFE: OutputLineage = { name: '', sources: [] }
const plain = (dataClass: string): OutputLineage => ({
  name: '',
  sources: [{ kind: 'column', label: 'shop.customers.x', dataClass, flow: 'identity' }],
})
const UNKNOWN: LineageSource = { kind: 'unknown', label: 'x', flow: 'derived' }
const EMAIL = plain('pii.email')
const SSN = plain('pii.national-id')
const computed = (...classes: string[]): OutputLineage => ({
  name: '',
  sources: classes.map((dataClass) => ({ kind: 'column', label: 'x', dataClass, flow: 'derived' })),
})

function plan(
  columns: ResultColumn[],
  lineage: OutputLineage[] | undefined,
  more: Partial<MysqlPlanInput> = {},
) {
  const classification = { output: 'classified' as const, ...(lineage ? { lineage } : {}) }
  return mysqlPlanFor({ columns, classification, schema, unmask: [], masks, keys, ...more })
}

/** What becomes of the same cell in each column; `same` where it passes. */
function outcome(made: ReturnType<typeof plan>) {
  return made?.maskers.map((masker) =>
    masker ? (masker(Buffer.from('ana@example.com'))?.toString() ?? null) : 'same',
  )
}

const clear = { classification: { output: 'clear' as const } }
const WHOLE = '[redacted]'
const PARTIAL = 'a***@example.com'

t.test('masks by lineage, and whole where that is not certain', async (t) => {
  const columns = [
    column('customers.id'),
    column('customers.email', 'alias'),
    column('customers.ssn'),
    column(null, 'upper'),
    column(null, 'both'),
    column(null),
    column(null, 'count'),
  ]
  const made = plan(columns, [
    SAFE,
    EMAIL,
    SSN,
    computed('pii.email'),
    computed('pii.email', 'pii.national-id'),
    { name: '', sources: [...EMAIL.sources, UNKNOWN] },
    SAFE,
  ])
  t.same(outcome(made), ['same', PARTIAL, null, WHOLE, null, WHOLE, 'same'])
  t.same(made?.masked, ['alias', 'c', 'upper', 'both', 'c'])
  t.same(made?.classes, ['pii.email', 'pii.national-id'])
  t.same(
    outcome(
      plan(
        [column(null), column(null)],
        [
          { ...EMAIL, sources: [UNKNOWN] },
          { ...SAFE, sources: [{ ...UNKNOWN, flow: 'identity' }] },
        ],
      ),
    ),
    [WHOLE, WHOLE],
    'sources without a class, and an entry that contradicts itself',
  )
})

t.test('without lineage of these very columns nothing is seen', async (t) => {
  const columns = [column('tickets.id'), column(null)]
  const unmask = ['*', '*.*', 'pii.email']
  for (const lineage of [undefined, [], [SAFE], [SAFE, SAFE, SAFE]]) {
    t.same(outcome(plan(columns, lineage, { unmask })), [WHOLE, WHOLE])
  }
  const named = (name: string): OutputLineage => ({ ...SAFE, name })
  t.same(
    outcome(
      plan(
        [column('tickets.id', 'ID'), column('tickets.title', 'title'), column(null, 'x')],
        [named('id'), named('id'), named('')],
      ),
    ),
    ['same', WHOLE, 'same'],
    'a column with another name is another column',
  )
})

t.test('the server may add masking', async (t) => {
  const lies = [
    column('customers.email'),
    column('customers.initials'),
    column('customers.nobody-has-read'),
    column('contacts.address'),
    column('CUSTOMERS.EMAIL'),
    column('tickets.title'),
    column('unknown.email'),
  ]
  const expected = [WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, 'same', 'same']
  t.same(
    outcome(
      plan(
        lies,
        lies.map(() => SAFE),
      ),
    ),
    expected,
  )
  t.same(outcome(plan(lies, undefined, clear)), expected, 'of an output that is clear, too')
  t.same(outcome(plan(lies, undefined, { ...clear, unmask: ['*.*'] })), expected)
  const informed = columnOf({
    origin: { schema: 'information_schema', tableAlias: 'c', table: 'columns', column: 'email' },
  })
  t.equal(plan([informed, column(null)], undefined, clear), null)
  t.equal(plan([], undefined, clear), null)
  t.equal(plan([column('tickets.id')], [SAFE]), null)
})

t.test("a cursor's rows carry the result's own names, which say nothing of a column", async (t) => {
  const shown = column('customers.called', 'called')
  const named = (line: OutputLineage) => ({ ...line, name: 'called' })
  t.same(outcome(plan([shown], [named(SAFE)])), undefined, 'SELECT name AS called')
  t.same(outcome(plan([shown], [named(EMAIL)])), [PARTIAL], 'SELECT email AS called')
  t.same(outcome(plan([shown], [SAFE])), [WHOLE], 'a name that the text does not give')
  t.same(outcome(plan([column('customers.new', 'called')], [named(SAFE)])), [WHOLE])
  t.same(outcome(plan([column('customers.ssn', 'ssn')], [{ ...SAFE, name: 'ssn' }])), [null])
  t.same(outcome(plan([shown], undefined)), [WHOLE], 'without lineage')
  t.same(outcome(plan([shown], undefined, clear)), [WHOLE])
})

t.test('what WITH makes is no table, whatever the server says', async (t) => {
  // WITH customers AS (SELECT title AS email FROM tickets) SELECT email FROM customers
  const made = { ...SAFE, notTables: ['customers'] }
  const outputs = (output: 'clear' | 'classified', ...lineage: OutputLineage[]) => ({
    classification: { output, lineage },
  })
  const columns = [column('customers.email')]
  t.equal(plan(columns, undefined, outputs('clear', made)), null)
  t.same(outcome(plan(columns, undefined, outputs('classified', made))), [WHOLE])
  t.same(outcome(plan(columns, undefined, outputs('clear', { ...made, sources: [UNKNOWN] }))), [
    WHOLE,
  ])
  t.same(outcome(plan(columns, undefined, outputs('clear', { ...made, ...EMAIL }))), [WHOLE])
  const others = [column('contacts.address')]
  t.same(outcome(plan(others, undefined, outputs('clear', made))), [WHOLE], 'of that name only')
  t.same(outcome(plan([...columns, ...columns], undefined, outputs('clear', made))), [WHOLE, WHOLE])
})

t.test('the server never removes masking', async (t) => {
  t.same(
    outcome(
      plan(
        [
          column('tickets.title'), // SELECT d.title FROM (SELECT ssn AS title FROM customers) d
          column('customers.name'),
          column(null),
          column('customers.email'),
          column('customers.initials'),
        ],
        [SSN, EMAIL, EMAIL, SSN, EMAIL],
      ),
    ),
    [null, PARTIAL, PARTIAL, null, WHOLE],
    'of another class, or derived: masked whole',
  )
  t.same(
    outcome(plan([column('CUSTOMERS.EMAIL'), column('customers.ID')], [EMAIL, SAFE])),
    [PARTIAL, 'same'],
    'names are compared without their case',
  )
})

t.test('unmasks what a rule clears, and only where it is all there is', async (t) => {
  const columns = [
    column('customers.email'),
    column('customers.ssn'),
    column(null),
    column(null),
    column(null),
    column('customers.ssn'),
    column('customers.initials'),
  ]
  const lineage = [
    EMAIL,
    SSN,
    computed('pii.email'),
    computed('pii.email', 'pii.national-id'),
    { ...EMAIL, sources: [...EMAIL.sources, UNKNOWN] },
    EMAIL,
    EMAIL,
  ]
  const seen = (...unmask: string[]) => outcome(plan(columns, lineage, { unmask }))
  t.same(seen('pii.email'), ['same', null, 'same', null, WHOLE, null, WHOLE])
  t.same(seen('pii.*'), ['same', 'same', 'same', 'same', WHOLE, null, WHOLE])
  t.same(seen('pii', '*', ''), [PARTIAL, null, WHOLE, null, WHOLE, null, WHOLE])
})
