import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ClassMemoryFile } from '../../src/catalog/class-memory.ts'
import { type CatalogSide, openSide, SIDES, type SideCatalog } from './catalog-sides.ts'

const SCHEMA = `
  CREATE TABLE people (id int, email varchar(90), note varchar(90));
  CREATE TABLE goods (id int, title varchar(90))`
const CLASSIFIED = { 'people.email': 'pii.email' }

interface Teardown {
  teardown(fn: () => unknown): unknown
  comment(text: string): void
  fail(text: string): unknown
}

interface Strict {
  readonly side: CatalogSide
  /** What was told of since it was asked for last. */
  told(): readonly string[]
  open(classified?: Readonly<Record<string, string>>): Promise<SideCatalog>
  /** Opens it again, as after a restart. */
  again(classified?: Readonly<Record<string, string>>): Promise<SideCatalog>
}

async function strictSide(t: Teardown, name: (typeof SIDES)[number]): Promise<Strict | null> {
  const side = await openSide(t, name, SCHEMA)
  if (!side) return null
  const folder = mkdtempSync(join(tmpdir(), 'csgn-strict-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let told: string[] = []
  let current: SideCatalog | null = null
  const open = async (classified: Readonly<Record<string, string>> = CLASSIFIED) => {
    const memory = new ClassMemoryFile(join(folder, 'shop.json'), (why) => t.fail(why))
    const onUnjudged = (columns: readonly string[]) => told.push(...columns)
    current = await side.open({ strict: true, memory, classified, onUnjudged })
    return current
  }
  return {
    side,
    open,
    told: () => {
      const since = told
      told = []
      return since
    },
    async again(classified) {
      await current?.close()
      return open(classified)
    },
  }
}

for (const name of SIDES) {
  t.test(`${name}: a new column beside classified ones is masked until judged`, async (t) => {
    const strict = await strictSide(t, name)
    if (!strict) return
    const { side, told, again } = strict
    const schema = side.postgres ? 'public' : 'shop'
    const PEOPLE = { email: 'pii.email' }

    const first = await strict.open()
    t.same(first.classesOf('people'), PEOPLE, 'what is there at first is the baseline')
    t.same((await again()).classesOf('people'), PEOPLE, 'after a restart too')
    t.same(told(), [])

    await side.admin(
      'ALTER TABLE people ADD COLUMN phone varchar(30)',
      'ALTER TABLE goods ADD COLUMN price int',
      'CREATE VIEW shown AS SELECT id, phone, note FROM people',
    )
    const grown = await again()
    t.same(grown.classesOf('people'), { ...PEOPLE, phone: 'unjudged*' })
    t.same(grown.classesOf('goods'), {}, 'nothing classified beside it')
    t.same(grown.classesOf('shown'), { phone: 'unjudged*' }, 'through a view')
    t.same(told(), [`${schema}.people.phone`])
    await grown.refresh()
    t.same(told(), [], 'told of once')

    const none = await again({ ...CLASSIFIED, 'people.phone': 'none' })
    t.same(none.classesOf('people'), PEOPLE, 'judged fit to see')
    const pattern = await again({ ...CLASSIFIED, '*.pho*': 'pii.phone' })
    t.same(pattern.classesOf('people'), { ...PEOPLE, phone: 'pii.phone' })
    const neither = await again()
    t.equal(neither.classesOf('people').phone, 'unjudged*', 'a judgement that is taken back')
    await side.admin(side.comment('people', 'phone', 'varchar(30)', 'mobile @pii.phone'))
    await neither.refresh()
    t.match(neither.classesOf('people').phone, /^pii\.phone/, 'or by its comment')
    await side.admin('ALTER TABLE people DROP COLUMN phone'.concat(side.postgres ? ' CASCADE' : ''))
    await neither.close()
  })

  t.test(`${name}: what an agent with DDL would try`, async (t) => {
    const strict = await strictSide(t, name)
    if (!strict) return
    const { side, again } = strict
    const catalog = await strict.open()
    const now = async (...statements: string[]) => {
      for (const sql of statements) {
        await side.admin(sql)
        await catalog.refresh()
      }
    }

    // Drop a known column and fill one of its name from the classified one.
    await now(
      'ALTER TABLE people DROP COLUMN note',
      'ALTER TABLE people ADD COLUMN note varchar(90)',
    )
    t.equal(catalog.classesOf('people').note, 'unjudged*', 'made anew')

    // Fill a new column, then drop the classified one, so that nothing classified is beside it.
    await now(
      'ALTER TABLE people ADD COLUMN copy varchar(90)',
      'ALTER TABLE people DROP COLUMN email',
    )
    t.equal(catalog.classesOf('people').copy, 'unjudged*', 'what was unjudged stays so')
    await now('ALTER TABLE people RENAME COLUMN copy TO title')
    t.equal(catalog.classesOf('people').title, 'unjudged*', 'under another name')
    await now('ALTER TABLE people RENAME TO folk')
    t.equal(catalog.classesOf('folk').title, 'unjudged*', 'in a table of another name')
    await now(
      'ALTER TABLE folk RENAME TO people',
      'ALTER TABLE people ADD COLUMN email varchar(90)',
    )

    // Another table of the same making.
    await now(
      side.postgres ? 'CREATE TABLE twin (LIKE people)' : 'CREATE TABLE twin LIKE people',
      'CREATE TABLE picked AS SELECT id, email FROM people',
    )
    t.equal(catalog.classesOf('twin').email, 'unjudged*', 'called as a classified one')
    // MySQL tells no ids: the table that was renamed is a new one to it, and its id unjudged.
    const picked = { email: 'unjudged*', ...(side.postgres ? {} : { id: 'unjudged*' }) }
    t.same(catalog.classesOf('picked'), picked)

    // A table in the place of a known one.
    await now(
      'DROP TABLE people',
      'CREATE TABLE people (id int, email varchar(90), note varchar(90))',
    )
    t.same(
      catalog.classesOf('people'),
      { id: 'unjudged*', email: 'pii.email', note: 'unjudged*' },
      'made anew as a whole',
    )
    const later = await again()
    t.same(later.classesOf('people'), {
      id: 'unjudged*',
      email: 'pii.email',
      note: 'unjudged*',
    })
    t.equal(later.classesOf('twin').email, 'unjudged*', 'a restart judges nothing')
  })
}

t.test('partitions show what their parents may', async (t) => {
  const strict = await strictSide(t, 'postgres')
  if (!strict) return
  const { side, told } = strict
  await side.admin(
    'CREATE TABLE cards (id int, pan text, bank text) PARTITION BY LIST (id)',
    'CREATE TABLE cards_1 PARTITION OF cards FOR VALUES IN (1)',
  )
  const catalog = await strict.open({ 'cards.pan': 'pci.pan' })
  t.same(catalog.classesOf('cards_1'), { pan: 'pci.pan' })
  await side.admin('CREATE TABLE cards_2 PARTITION OF cards FOR VALUES IN (2)')
  await catalog.refresh()
  t.same(catalog.classesOf('cards_2'), { pan: 'pci.pan' }, 'a new one is like the others')
  t.same(told(), [])
  await side.admin('ALTER TABLE cards ADD COLUMN cvc text')
  await catalog.refresh()
  const grown = { pan: 'pci.pan', cvc: 'unjudged*' }
  t.same([catalog.classesOf('cards'), catalog.classesOf('cards_2')], [grown, grown])
  t.same(told(), ['public.cards.cvc'])
  const judged = await strict.again({ 'cards.pan': 'pci.pan', 'cards.cvc': 'none' })
  t.same(judged.classesOf('cards_2'), { pan: 'pci.pan' }, 'judged with its parent')
  await side.admin('ALTER TABLE cards DETACH PARTITION cards_1')
  await judged.refresh()
  t.equal(judged.classesOf('cards_1').pan, 'pci.pan')
  const later = await strict.again({ 'cards.pan': 'pci.pan', 'cards.cvc': 'none' })
  t.equal(later.classesOf('cards_1').pan, 'pci.pan', 'detached, and after a restart')
})

t.test('another database of the same making is not the one that is known', async (t) => {
  const strict = await strictSide(t, 'postgres')
  if (!strict) return
  const { side } = strict
  await (await strict.open()).close()
  await side.admin('ALTER TABLE people RENAME COLUMN note TO remark')
  const other = await strict.open()
  t.same(other.classesOf('people'), { email: 'pii.email', remark: 'unjudged*' }, 'renamed unseen')
})
