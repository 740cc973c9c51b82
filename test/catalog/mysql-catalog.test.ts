import t from 'tap'
import { ClassifiedPatterns } from '../../src/catalog/classified-patterns.ts'
import type { MysqlCatalog } from '../../src/catalog/mysql-catalog.ts'
import { readServer } from '../../src/catalog/mysql-server.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { MYSQL_FLAVOURS } from '../support/mysql.ts'
import { classified, MYSQL_CLASSES, openMysqlShop } from './mysql-shop.ts'

/** column -> class, with a star where only a whole mask is safe. */
function classesOf(catalog: MysqlCatalog, name: string, schema = 'shop'): Record<string, string> {
  const classes: Record<string, string> = {}
  for (const column of catalog.current.table(schema, name)?.columns ?? []) {
    if (column.dataClass) classes[column.name] = `${column.dataClass}${column.derived ? '*' : ''}`
  }
  return classes
}

const PEOPLE = {
  Email: 'pii.email',
  ssn: 'pii.national-id',
  label: 'pii.email*',
  up: 'pii.email*',
  upper2: 'derived*',
}

for (const flavour of MYSQL_FLAVOURS) {
  const mariadb = flavour !== 'mysql'

  t.test(`${flavour}: the schema, its classes and its changes`, async (t) => {
    const shop = await openMysqlShop(t, flavour)
    if (!shop) return
    const { admin, server } = shop

    await t.test('classes reach every place that the values reach', async (t) => {
      const catalog = await shop.openCatalog()
      t.same(catalog.current.dialect, server.dialect)
      t.same(classesOf(catalog, 'people'), PEOPLE)
      t.same(classesOf(catalog, 'contacts'), { reach: 'pii.email' }, 'a view')
      t.same(classesOf(catalog, 'contacts_again'), {
        reach: 'pii.email',
        loud: 'pii.email*',
      })
      t.same(classesOf(catalog, 'shown'), { email: 'pii.email' })
      const hidden = catalog.current.table('shop', 'shy')?.columns.map((own) => own.invisible)
      t.same(hidden, [false, true, false])
      t.same(classesOf(catalog, 'headcount'), {}, 'a count')
      t.same(classesOf(catalog, 'cheap'), {}, 'a view that reads nothing classified')
      t.same(classesOf(catalog, 'goods'), {})
      t.same(classesOf(catalog, 'odd ta`ble'), { "it's": 'odd', g: 'odd*' })
      t.same(classesOf(catalog, 'odd'), { 'a, b': 'odd' })
      t.ok(catalog.current.table('shop', 'headcount')?.classified === false)
    })

    await t.test('where lineage says nothing, a view is masked whole or not at all', async (t) => {
      const patterns = { ...MYSQL_CLASSES, 'contacts.id': 'none', 'contacts.name': 'pii.name' }
      const wrong = [{ name: '', classes: [], plain: false, unknown: false, sources: [] }]
      for (const lineage of [() => null, () => wrong.concat(wrong, wrong, wrong, wrong)]) {
        const catalog = await shop.openCatalog({ lineage, classified: patterns })
        t.same(classesOf(catalog, 'contacts'), { reach: 'derived*', name: 'pii.name' })
        t.same(classesOf(catalog, 'contacts_again'), {
          reach: 'derived*',
          loud: 'derived*',
          id: 'derived*',
        })
        t.same(classesOf(catalog, 'headcount'), { n: 'derived*' })
        t.same(classesOf(catalog, 'cheap'), {})
      }
    })

    await t.test('code, and what can be read of it', async (t) => {
      const { current } = await shop.openCatalog()
      // MySQL keeps the semicolon that ended the statement in a text of several.
      const [trigger = '', ...others] = current.table('shop', 'goods')?.triggers ?? []
      t.match(trigger, /^INSERT INTO log VALUES \(new\.id, new\.name\);?$/)
      t.same(others, [])
      t.match(current.routine('function', 'shop', 'TWICE')?.body, /^RETURN i \* 2;?$/)
      t.match(current.routine('procedure', 'shop', 'restock')?.body, /^UPDATE goods/)
      t.equal(current.routine('procedure', 'shop', 'twice'), undefined)
      t.match(current.table('shop', 'cheap')?.definition, /from `shop`\.`goods`/)
      t.same(current.table('shop', 'contacts_again')?.reads, [{ schema: 'shop', name: 'contacts' }])
      t.ok(current.hasSchema('shop'))
      t.notOk(current.hasSchema('mysql'))
      t.equal(current.table('mysql', 'user'), undefined)
      t.same(
        current.tablesNamed('goods').map(({ schema }) => schema),
        ['shop'],
      )
      t.ok([...current.tables()].length >= 9)
    })

    await t.test('what a write takes along', async (t) => {
      await admin.query(`CREATE TABLE parent (id int PRIMARY KEY)`)
      const reference = (action: string) =>
        `(id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE ${action})`
      await admin.query(`CREATE TABLE child ${reference('CASCADE')}`)
      await admin.query(`CREATE TABLE loose ${reference('SET NULL')}`)
      await admin.query(`CREATE TABLE bystander ${reference('RESTRICT')}`)
      await admin.query(`CREATE TABLE grandchild (c int,
        FOREIGN KEY (c) REFERENCES child (id) ON DELETE CASCADE)`)
      const catalog = await shop.openCatalog({}, 'app')
      const written = async (sql: string) =>
        (await classified(catalog, sql)).tables
          .flatMap(({ name, access }) => (access === 'write' ? [name] : []))
          .sort()
      const all = ['child', 'grandchild', 'loose', 'parent']
      t.same(await written('DELETE FROM parent WHERE id = 1'), all)
      t.same(await written('DELETE p FROM parent p JOIN goods g USING (id)'), all)
      t.same(await written('REPLACE INTO parent VALUES (1)'), all)
      t.same(await written('INSERT INTO parent VALUES (1)'), ['parent'])
      const whole = await shop.openCatalog()
      const behind = await classified(whole, "INSERT INTO cheap (name, price) VALUES ('x', 1)")
      const names = behind.tables.map(({ name }) => name)
      t.ok(names.includes('goods') && names.includes('log'), 'a trigger behind a view')
      await admin.query('DROP TABLE grandchild, child, loose, bystander, parent')
    })

    await t.test('a role that may not see code is told no less than that', async (t) => {
      const { current } = await shop.openCatalog({}, 'app')
      t.equal(current.routine('function', 'shop', 'twice')?.body, null)
      t.same(current.table('shop', 'goods')?.triggers, mariadb ? [''] : [])
      const view = current.table('shop', 'headcount')
      t.match(view, { kind: 'view', definition: null, classified: true })
      t.ok(view?.columns.every(({ derived }) => derived))
      t.same(
        current
          .table('shop', 'people')
          ?.columns.map(({ dataClass }) => dataClass)
          .filter(Boolean),
        Object.values(PEOPLE).map((text) => text.replace('*', '')),
      )
    })

    await t.test('names compare as the server compares them', async (t) => {
      const { current } = await shop.openCatalog()
      t.equal(current.lowerCaseTableNames, 0)
      t.equal(current.table('shop', 'People'), undefined)
      t.equal(current.table('SHOP', 'people'), undefined)
      await admin.query('CREATE TABLE `PEOPLE` (email int)')
      const catalog = await shop.openCatalog()
      t.same(classesOf(catalog, 'PEOPLE'), {})
      t.same(classesOf(catalog, 'people'), PEOPLE, 'columns compare without case')
      await admin.query('DROP TABLE `PEOPLE`')
    })

    await t.test('tables of other engines', async (t) => {
      if (!mariadb) return
      const { current } = await shop.openCatalog()
      t.match(current.table('shop', 'numbers'), { kind: 'table', remote: false })
      t.match(current.table('shop', 'old_people'), { kind: 'table', remote: false })
      t.match(current.table('shop', 'merged'), { classified: true, remote: false })
      t.ok(current.table('shop', 'merged')?.columns.every(({ derived }) => derived))
    })

    await t.test('a version that is made up is found out', async (t) => {
      t.same(await readServer(admin), { dialect: server.dialect, lowerCaseTableNames: 0 })
      const lying = {
        query: async ({ sql }: { sql: string }) =>
          sql.includes('VERSION()')
            ? [[{ version: mariadb ? '10.5.2-MariaDB' : '8.0.11', names: '0' }]]
            : await admin.query(sql),
      }
      await t.rejects(readServer(lying as unknown as typeof admin), /reads comments as another/)
    })

    let tick = () => {}
    let told: (error: unknown) => void = () => {}
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after: (_ms, fire) => {
        tick = fire
        return () => {}
      },
    }
    const catalog = await shop.openCatalog({ clock, onTrouble: (error) => told(error) })
    let before = catalog.current

    await t.test('each kind of change makes a new version, and nothing else does', async (t) => {
      t.equal(await catalog.refresh(), before, 'the same while nothing has changed')
      await admin.query("INSERT INTO goods VALUES (1, 'tea', 3)")
      await admin.query('ANALYZE TABLE goods')
      await admin.query('UPDATE goods SET price = 4')
      t.equal(await catalog.refresh(), before, 'rows are no part of a schema')
      for (const change of [
        'CREATE TABLE another (id int)',
        'ALTER TABLE another ADD COLUMN email varchar(10)',
        'ALTER TABLE another MODIFY email varchar(11)',
        'ALTER TABLE another ALTER email SET DEFAULT 7',
        'ALTER TABLE another ENGINE = MyISAM',
        'CREATE OR REPLACE VIEW cheap AS SELECT name, price, 1 AS one FROM goods',
        'CREATE OR REPLACE VIEW cheap AS SELECT name, price, 2 AS one FROM goods',
        'CREATE TRIGGER more AFTER DELETE ON goods FOR EACH ROW DELETE FROM log',
        'DROP FUNCTION twice',
        'CREATE FUNCTION twice(i int) RETURNS int DETERMINISTIC RETURN i * 3',
        'CREATE DATABASE bare',
        'DROP TABLE another',
      ]) {
        await admin.query(change)
        tick()
        const after = await catalog.refresh()
        t.ok(after.version > before.version, change)
        t.equal(catalog.current, after)
        before = after
      }
      t.equal(before.table('shop', 'another'), undefined)
      t.ok(before.hasSchema('bare'))
    })

    await t.test('what was renamed keeps its classes', async (t) => {
      await admin.query('ALTER TABLE people DROP COLUMN upper2')
      await catalog.refresh()
      await admin.query('ALTER TABLE people CHANGE ssn number varchar(20)')
      await catalog.refresh()
      t.match(classesOf(catalog, 'people'), { number: 'pii.national-id' })
      await admin.query('RENAME TABLE people TO persons')
      await catalog.refresh()
      t.match(classesOf(catalog, 'persons'), { Email: 'pii.email', number: 'pii.national-id' })
      await admin.query('CREATE DATABASE elsewhere')
      await admin.query('RENAME TABLE persons TO elsewhere.persons')
      await catalog.refresh()
      const found = classesOf(catalog, 'persons', 'elsewhere')
      t.match(found, { Email: 'pii.email', number: 'pii.national-id' })
      await admin.query('ALTER TABLE elsewhere.persons DROP number, ADD age int')
      await catalog.refresh()
      const left = classesOf(catalog, 'persons', 'elsewhere')
      t.match(left, { Email: 'pii.email' })
      t.notOk('id' in left || 'name' in left, 'and others get none')
    })

    await t.test('a server that is away is reported, and then found again', async (t) => {
      const last = catalog.current
      const ids = (
        await admin.query(
          "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = 'root'",
        )
      )[0] as unknown as readonly { id: number }[]
      t.ok(ids.length > 0)
      for (const { id } of ids) await admin.query(`KILL ${id}`)
      await catalog.refresh().catch(() => {})
      t.equal(await catalog.refresh(), last, 'over another connection')
      await shop.server.close()
      const trouble = new Promise((resolve) => {
        told = resolve
      })
      tick()
      t.ok(await trouble)
      t.equal(catalog.current, last, 'the last reading stays in force')
      await t.rejects(catalog.refresh())
      await catalog.close()
    })
  })
}

t.test('names without case, where the server compares them so', async (t) => {
  const shop = await openMysqlShop(t, 'mariadb', { 'lower-case-table-names': '1' })
  if (!shop) return
  const classified = { 'SHOP.People.EMAIL': 'pii.email', 'people.label': 'none' }
  const catalog = await shop.openCatalog({ classified })
  t.equal(catalog.current.lowerCaseTableNames, 1)
  t.equal(catalog.current.table('Shop', 'PEOPLE')?.name, 'people')
  t.equal(catalog.current.tablesNamed('PEOPLE').length, 1)
  t.ok(catalog.current.hasSchema('SHOP'))
  t.same(classesOf(catalog, 'people'), {
    Email: 'pii.email',
    up: 'pii.email*',
    upper2: 'pii.email*',
  })
})

t.test('patterns match with or without case', async (t) => {
  const patterns = { 'People.Email': 'pii.email' }
  const both = new ClassifiedPatterns(patterns, { tables: true, columns: true })
  t.equal(both.classOf('shop', 'PEOPLE', 'eMAIL'), 'pii.email')
  const columns = new ClassifiedPatterns(patterns, { tables: false, columns: true })
  t.equal(columns.classOf('shop', 'People', 'eMAIL'), 'pii.email')
  t.equal(columns.classOf('shop', 'people', 'Email'), null)
  t.equal(new ClassifiedPatterns(patterns).classOf('shop', 'People', 'email'), null)
})
