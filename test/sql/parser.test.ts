import t from 'tap'
import { PostgresParser } from '../../src/sql/postgres/parser.ts'

const parser = new PostgresParser()
t.before(() => parser.open())
t.teardown(() => parser.close())

async function kindOf(sql: string | Buffer): Promise<string> {
  const outcome = await parser.parse(Buffer.from(sql as string))
  return outcome.kind
}

t.test('a text that can mean something else to the server is opaque', async (t) => {
  t.equal(await kindOf('SELECT 1\0; DROP TABLE x'), 'opaque', 'NUL')
  t.equal(await kindOf(Buffer.from([0x53, 0xff, 0x27])), 'opaque', 'no UTF-8')
  t.equal(await kindOf("SELECT 'a\\' , ssn FROM people --'"), 'opaque', 'backslash')
  t.equal(await kindOf("SELECT N'a\\'"), 'opaque', 'backslash in a national constant')
  t.equal(await kindOf("SELECT 'a'\n'b\\'"), 'opaque', 'backslash in a continued constant')
  t.equal(await kindOf("SELECT E'a\\'b', $$\\$$, \"a\\b\" -- \\"), 'read')
  t.equal(await kindOf("SELECT 'it\\''s'"), 'opaque', 'before a doubled quote')
  t.equal(await kindOf("SELECT 'a\\\\\\'"), 'opaque', 'three of them')
  t.equal(
    await kindOf("SELECT '^\\d+\\.' , 'a\\\\', '100\\% it''s', 'C:\\new'"),
    'read',
    'others end nothing',
  )
  t.equal(await kindOf(Buffer.alloc(1024 * 1024 + 1, ' ')), 'opaque', 'too long')
})

t.test('large and deep texts are read elsewhere, and none of them ends the reading', async (t) => {
  const chain = (terms: number) => `SELECT ${Array.from({ length: terms }, () => '1').join('+')}`
  for (let i = 0; i < 6; i++) await kindOf(chain(30_000))
  t.equal(await kindOf(chain(3000)), 'read')
  t.not(await kindOf(`SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`), 'read')
  t.equal(await kindOf(`SELECT ${'NOT '.repeat(5000)}true`), 'read')
  const rows = Array.from({ length: 5000 }, (_, i) => `(${i}, 'row ${i}')`)
  t.equal(await kindOf(`INSERT INTO t VALUES ${rows.join(',')}`), 'read')
  t.equal(await kindOf('SELECT 1'), 'read')
})

t.test('many statements are read up to a number, then not at all', async (t) => {
  const many = await parser.parse(Buffer.from('SELECT 1 ; '.repeat(900)))
  t.equal(many.kind === 'read' && many.statements.length, 900)
  t.equal(await kindOf('SELECT 1;'.repeat(1001)), 'opaque')
  t.equal(await kindOf('SELECT 1'), 'read')
})

t.test('control characters and odd quotes in constants are read as they are', async (t) => {
  for (const sql of ["SELECT '\u0001\t\n\r\u001f'", 'SELECT $a$"$$\'$a$', "SELECT '\"}],[{'"]) {
    const outcome = await parser.parse(Buffer.from(sql))
    t.match(outcome, { kind: 'read', statements: [{ sql }] }, JSON.stringify(sql))
  }
})
