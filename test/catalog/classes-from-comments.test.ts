import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ClassMemoryFile, readOnly } from '../../src/catalog/class-memory.ts'
import { classesInComment, MAX_COMMENT } from '../../src/catalog/comment-classes.ts'
import { openSide, SIDES } from './catalog-sides.ts'

/** A file that remembers, and what it told of its troubles. */
function memoryIn(t: { teardown(fn: () => unknown): unknown }) {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-memory-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'classes', 'shop.json')
  const troubles: string[] = []
  const memory = () => new ClassMemoryFile(path, (why) => troubles.push(why))
  return { path, troubles, memory }
}

t.test('what of a comment is a class', async (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['@pii.email', ['pii.email']],
    ['Where they live (@pii.address.street), as they say', ['pii.address.street']],
    ['ends a sentence with @pii.email.', ['pii.email']],
    ['@pii.email, @hr.salary and @pii.email', ['pii.email', 'hr.salary']],
    ['line one\n@pii.national-id\nline three', ['pii.national-id']],
    ['"@pii.email"', ['pii.email']],
    ['@PII.Email', ['pii.email']],
    ['class:@pci.pan_full', ['pci.pan_full']],
    ['@pii.email/primary', ['pii.email']],
    ['@pii.email-', ['pii.email']],
    // Not classes: mail addresses, single words, halves of names.
    ['ask ana@example.com', []],
    ['ask ana.b+c%d_e-@example.com', []],
    ['élise@example.com and elisé@example.com', []],
    ['@deprecated @see the other', []],
    ['@none', []],
    ['@pii. email', []],
    ['@.email', []],
    ['@@', []],
    ['', []],
  ]
  for (const [comment, classes] of cases) t.same(classesInComment(comment), classes, comment)
  t.same(classesInComment(null), [])
  const long = 'x'.repeat(MAX_COMMENT)
  t.same(classesInComment(`${long} @pii.email`), ['unread'], 'what lies past the limit')
  const hostile = `@${'a-'.repeat(8000)}`
  t.same(classesInComment(hostile), [])
})

for (const name of SIDES) {
  t.test(`${name}: comments give classes, and taking them away does not`, async (t) => {
    const side = await openSide(
      t,
      name,
      `CREATE TABLE people (id int, mail varchar(90), ssn varchar(20), plain varchar(90));
       CREATE VIEW contacts AS SELECT id, mail AS reach FROM people`,
    )
    if (!side) return
    const { path, memory, troubles } = memoryIn(t)
    const mail = (text: string | null) => side.comment('people', 'mail', 'varchar(90)', text)
    await side.admin(mail('work address @pii.email'))

    await t.test('a class from a comment reaches what views show', async (t) => {
      const catalog = await side.open()
      t.same(catalog.classesOf('people'), { mail: 'pii.email' })
      t.same(catalog.classesOf('contacts'), { reach: 'pii.email' })
      await side.admin(side.comment('people', 'ssn', 'varchar(20)', '@pii.national-id @pci.pan'))
      await catalog.refresh()
      t.same(catalog.classesOf('people'), { mail: 'pii.email', ssn: 'derived*' }, 'two at once')
      await side.admin(side.comment('people', 'ssn', 'varchar(20)', null))
      await catalog.close()
    })

    await t.test('the configuration wins, and alone can clear', async (t) => {
      const catalog = await side.open({ classified: { 'people.mail': 'none' } })
      t.same(catalog.classesOf('people'), {})
      t.same(catalog.classesOf('contacts'), {})
      const other = await side.open({ classified: { 'people.mail': 'hr.contact' } })
      t.same(other.classesOf('people'), { mail: 'hr.contact' })
      await Promise.all([catalog.close(), other.close()])
    })

    await t.test('a comment that is taken away or changed lowers nothing', async (t) => {
      const catalog = await side.open({ memory: memory() })
      const before = catalog.version
      await side.admin(mail('nothing to see'))
      await catalog.refresh()
      t.ok(catalog.version > before)
      t.same(catalog.classesOf('people'), { mail: 'pii.email' }, 'taken away')
      await side.admin(mail('@none'))
      await catalog.refresh()
      t.same(catalog.classesOf('people'), { mail: 'pii.email' }, '@none clears nothing')
      await side.admin(mail('@public.data'))
      await catalog.refresh()
      t.same(catalog.classesOf('people'), { mail: 'derived*' }, 'two classes: masked whole')
      await side.admin(mail(null))
      await catalog.close()

      const again = await side.open({ memory: memory() })
      t.same(again.classesOf('people'), { mail: 'derived*' }, 'after a restart too')
      await side.admin('ALTER TABLE people RENAME TO persons')
      await again.refresh()
      t.same(again.classesOf('persons'), { mail: 'derived*' }, 'under another name of its table')
      await side.admin('ALTER TABLE persons RENAME TO people')
      await again.refresh()
      t.same(again.classesOf('people'), { mail: 'derived*' })
      await again.close()

      const judged = await side.open({
        memory: memory(),
        classified: { 'people.mail': 'pii.phone' },
      })
      t.same(
        judged.classesOf('people'),
        { mail: 'pii.phone' },
        'the configuration has the last word',
      )
      await judged.close()
      t.equal(statSync(path).mode & 0o777, 0o600)
      t.same(troubles, [])
    })

    await t.test(
      'a column that is made anew under the name has the class of that name',
      async (t) => {
        const { memory } = memoryIn(t)
        await side.admin(side.comment('people', 'ssn', 'varchar(20)', '@pii.national-id'))
        const catalog = await side.open({ memory: memory() })
        await side.admin('ALTER TABLE people DROP COLUMN ssn')
        await catalog.refresh()
        t.notOk('ssn' in catalog.classesOf('people'))
        await side.admin('ALTER TABLE people ADD COLUMN ssn varchar(20)')
        await catalog.refresh()
        t.equal(catalog.classesOf('people').ssn, 'pii.national-id')
        await catalog.close()
      },
    )

    await t.test('a class that the configuration gave another name stays, too', async (t) => {
      const { memory } = memoryIn(t)
      const classified = { 'people.plain': 'pii.note' }
      const catalog = await side.open({ memory: memory(), classified })
      t.equal(catalog.classesOf('people').plain, 'pii.note')
      await side.admin('ALTER TABLE people RENAME COLUMN plain TO public_note')
      await catalog.refresh()
      t.equal(catalog.classesOf('people').public_note, 'pii.note')
      await catalog.close()
      const again = await side.open({ memory: memory(), classified })
      t.equal(again.classesOf('people').public_note, 'pii.note', 'after a restart')
      await again.close()
      const without = await side.open({ memory: memory() })
      t.notOk('public_note' in without.classesOf('people'), 'until its class is taken out')
      await without.close()
      await side.admin('ALTER TABLE people RENAME COLUMN public_note TO plain')
    })

    if (side.postgres) {
      await t.test("a view's own comment adds to what it shows", async (t) => {
        await side.admin(
          "COMMENT ON COLUMN contacts.reach IS '@pii.contact'",
          "COMMENT ON COLUMN contacts.id IS '@pii.number'",
        )
        const catalog = await side.open({ classified: { 'people.mail': 'pii.email' } })
        t.same(catalog.classesOf('contacts'), { id: 'pii.number', reach: 'derived*' })
        t.same(catalog.classesOf('people').id, undefined)
        await side.admin('COMMENT ON COLUMN contacts.id IS NULL')
        await catalog.refresh()
        t.equal(catalog.classesOf('contacts').id, 'pii.number')
        await catalog.close()
      })
    } else {
      await t.test('a name that is taken over in one statement', async (t) => {
        await side.admin('CREATE TABLE taken (id int, secret varchar(20), open text, last int)')
        const catalog = await side.open({ classified: { 'taken.secret': 'pii.secret' } })
        await side.admin('ALTER TABLE taken DROP COLUMN open, CHANGE secret open varchar(20)')
        await catalog.refresh()
        t.same(catalog.classesOf('taken'), { open: 'pii.secret*' })
        await catalog.close()
        await side.admin('DROP TABLE taken')
      })
    }

    await t.test('names that change places take their classes along', async (t) => {
      await side.admin('CREATE TABLE pairs (id int, secret varchar(20), open varchar(20))')
      const catalog = await side.open({ classified: { 'pairs.secret': 'pii.secret' } })
      await side.admin(
        ...(side.postgres
          ? [
              'ALTER TABLE pairs RENAME COLUMN secret TO other',
              'ALTER TABLE pairs RENAME COLUMN open TO secret',
              'ALTER TABLE pairs RENAME COLUMN other TO open',
            ]
          : [`ALTER TABLE pairs CHANGE secret open varchar(20), CHANGE open secret varchar(20)`]),
      )
      await catalog.refresh()
      const { open, secret, id } = catalog.classesOf('pairs')
      t.match(open, /^pii\.secret/, 'which holds what was secret')
      t.equal(secret, 'pii.secret')
      t.equal(id, undefined)
      await catalog.close()
      await side.admin('DROP TABLE pairs')
    })
  })
}

t.test('a memory that can not be read or written says so and stays as it is', async (t) => {
  const side = await openSide(t, 'postgres', 'CREATE TABLE people (id int, mail text, note text)')
  if (!side) return
  const classified = { 'people.mail': 'pii.email' }
  for (const text of [
    '{"format":1,"baseline":tr',
    '{"format":9}',
    '[]',
    '{"format":1,"baseline":true,"columns":[["a"]]}',
  ]) {
    const { path, memory, troubles } = memoryIn(t)
    const first = await side.open({ memory: memory(), classified, strict: true })
    await first.close()
    t.ok(existsSync(path))
    writeFileSync(path, text)
    const catalog = await side.open({ memory: memory(), classified })
    t.same(
      catalog.classesOf('people'),
      { id: 'unjudged*', mail: 'pii.email', note: 'unjudged*' },
      'nothing counts as known, strict or not',
    )
    t.match(troubles, [/shop\.json can't be read/])
    await side.admin('CREATE TABLE IF NOT EXISTS other (mail text, id int)')
    await catalog.refresh()
    t.equal(catalog.classesOf('people').note, 'unjudged*')
    t.equal(readFileSync(path, 'utf8'), text, 'somebody has to look at it')
    await catalog.close()
    await side.admin('DROP TABLE other')
  }
  const { path, memory, troubles } = memoryIn(t)
  writeFileSync(join(path, '..', '..', 'classes'), 'in the way')
  const catalog = await side.open({ memory: memory(), classified, strict: true })
  t.same(catalog.classesOf('people'), { id: 'unjudged*', mail: 'pii.email', note: 'unjudged*' })
  t.equal(troubles.length, 1)
  await catalog.close()
  const unwritten = memoryIn(t)
  const looking = await side.open({
    memory: readOnly(unwritten.memory()),
    classified,
    strict: true,
  })
  t.same(looking.classesOf('people'), { mail: 'pii.email' })
  t.notOk(existsSync(unwritten.path), 'whoever only looks writes nothing')
})
