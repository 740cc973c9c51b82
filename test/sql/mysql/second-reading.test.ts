import t from 'tap'
import { confirm } from '../../../src/sql/mysql/lineage/second-reading.ts'
import type { Expression, From, Query } from '../../../src/sql/mysql/lineage/tree.ts'
import { readText } from '../../../src/sql/mysql/read-text.ts'
import { codeOf } from '../../../src/sql/mysql/statement-text.ts'
import { DEFAULT_FACTS, MARIADB_11, MYSQL_9 } from './shop.ts'

function textOf(sql: string) {
  const read = readText(Buffer.from(sql), DEFAULT_FACTS, MYSQL_9)
  const statement = read.kind === 'opaque' ? undefined : read.readings[0]?.statements[0]
  if (!statement) throw new Error(`not read: ${sql}`)
  return codeOf(statement)
}

const column = (...names: string[]): Expression => ({ kind: 'column', names })
const mixed = (...parts: Expression[]): Expression => ({ kind: 'mixed', parts })

/** A query as our own reading would give it. */
function select(values: readonly Expression[], table = 'people'): Query {
  const from: From = { kind: 'table', schema: null, name: table, alias: null }
  const items = values.map((value) => ({ kind: 'value', value, alias: null }) as const)
  return { recursive: false, with: [], branches: [{ kind: 'select', items, from, windows: [] }] }
}

const SSN = column('ssn')
const ID = column('p', 'id')

for (const dialect of [MYSQL_9, MARIADB_11]) {
  t.test(`two readings agree or nothing is shown, ${dialect.flavour}`, async (t) => {
    const agree = (sql: string, query: Query) =>
      t.doesNotThrow(() => confirm(textOf(sql), query, dialect), sql)
    const differ = (sql: string, query: Query) =>
      t.throws(() => confirm(textOf(sql), query, dialect), { message: /two readings/ }, sql)

    agree('SELECT p.id, ssn FROM people p', select([ID, SSN]))
    agree('SELECT `p`.`id` FROM `pe``ople` p', select([ID], 'pe`ople'))
    agree("SELECT CONCAT(p.id, ssn, 'x') FROM people p", select([mixed(ID, SSN)]))
    differ('SELECT p.id, ssn FROM people p', select([ID]))
    differ('SELECT p.id, ssn FROM people p', select([ID, ID]))
    differ('SELECT CONCAT(p.id, ssn) FROM people p', select([ID]))
    differ('SELECT CASE WHEN ssn = 1 THEN p.id END FROM people p', select([ID]))
    differ('SELECT (SELECT ssn FROM people) FROM people p', select([ID]))
    differ('SELECT p.id FROM people p UNION SELECT ssn FROM people', select([ID]))
    differ('SELECT * FROM people', select([ID]))
  })
}

t.test('what the second reader cannot read, or takes too long for, is no opinion', async () => {
  const silent = (sql: string) => confirm(textOf(sql), select([ID]), MYSQL_9)
  silent('SELECT p.id, ssn FROM people p NATURAL JOIN shops')
  silent(`SELECT ${'ssn + '.repeat(100)} ssn FROM people`)
  silent(`SELECT ${'('.repeat(9)} ssn ${')'.repeat(9)} FROM people`)
})

t.test('constants, comments and quotes are not the second reader’s to misread', async (t) => {
  for (const sql of [
    "SELECT p.id FROM people p WHERE note = '-- '' , ssn'",
    'SELECT p.id FROM people p WHERE note = "\\", ssn"',
    'SELECT p.id /* , ssn */ FROM people p # , ssn',
    'SELECT p.id FROM people p WHERE 1 - -1',
    "SELECT _utf8mb4'ssn' , p.id FROM people p",
  ]) {
    const query = sql.startsWith('SELECT _') ? select([{ kind: 'constant' }, ID]) : select([ID])
    t.doesNotThrow(() => confirm(textOf(sql), query, MYSQL_9), sql)
  }
  const inline = 'SELECT p.id /*!50000 , ssn */ FROM people p'
  t.throws(() => confirm(textOf(inline), select([ID]), MYSQL_9), 'what runs counts')
})
