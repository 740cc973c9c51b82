import t, { type Test } from 'tap'
import {
  EFFECTS,
  HARMLESS_ON_BOTH,
  HARMLESS_ON_MARIADB,
  HARMLESS_ON_MYSQL,
  HARMLESS_ON_NEWER_MARIADB,
} from '../../../src/sql/mysql/builtin-functions.ts'
import { effectOfFunction, isBuiltin } from '../../../src/sql/mysql/functions.ts'
import { systemColumns, systemUse } from '../../../src/sql/mysql/system-tables.ts'
import { shownBy } from '../../../src/sql/output-lineage.ts'
import { MYSQL_FLAVOURS, startMysql, type TestMysql } from '../../support/mysql.ts'
import type { MysqlClient } from '../../support/mysql-client.ts'
import { effectsOf, judge, MARIADB_11, MYSQL_9 } from './shop.ts'

/** ER_SP_DOES_NOT_EXIST: neither a function of the server's own nor a stored one. */
const NO_FUNCTION = 1305
/** ER_NO_DB_ERROR: it looks for a stored function. */
const NO_DATABASE = 1046

const words = (text: string) => text.trim().split(/\s+/)
const HARMLESS = words(
  HARMLESS_ON_BOTH + HARMLESS_ON_MYSQL + HARMLESS_ON_MARIADB + HARMLESS_ON_NEWER_MARIADB,
)
/** MySQL 9.6 has left them to a component. */
const LEFT_OUT = new Set(['md5', 'sha', 'sha1'])
/** Operators, and functions of components and of HeatWave, of which the manual tells on every server. */
const OF_COMPONENTS =
  /^(?:asymmetric_\w+|create_asymmetric_\w+|create_digest|distance|div|like|regexp|not|and|or|xor|is|between|in)$/

async function column(client: MysqlClient, sql: string): Promise<readonly string[]> {
  const [result] = await client.query(sql)
  if (result?.error) throw new Error(result.error.message)
  return (result?.rows ?? []).map(([value]) => String(value))
}

t.test('no name is in two lists', (t) => {
  const all = [...HARMLESS, ...EFFECTS.flatMap(([, , functions]) => words(functions))]
  const twice = all.filter((name, at) => all.indexOf(name) !== at)
  // On both servers, and on MariaDB from some version on.
  const allowed = new Set(words(HARMLESS_ON_NEWER_MARIADB))
  t.same(
    twice.filter((name) => !allowed.has(name)),
    [],
  )
  t.end()
})

t.test('knows what the servers have', async (t) => {
  for (const flavour of MYSQL_FLAVOURS) {
    await t.test(flavour, async (t) => {
      const server = await startMysql(t, flavour)
      if (!server) {
        t.comment(`SKIPPED: there is no ${flavour} on this machine`)
        return
      }
      const client = await server.open()
      await knowsFunctions(t, server, client)
      await knowsTables(t, client)
    })
  }
})

async function knowsFunctions(t: Test, { flavour, dialect }: TestMysql, client: MysqlClient) {
  const told =
    flavour === 'mysql'
      ? await column(client, HELP)
      : await column(client, 'SELECT `FUNCTION` FROM information_schema.SQL_FUNCTIONS')
  const names = told.map((name) => name.toLowerCase()).filter((name) => /^\w+$/.test(name))
  t.ok(names.length > 200, `${names.length} functions`)
  const unknown = names.filter(
    (name) => !isBuiltin(name, dialect) && !effectOfFunction(name) && !OF_COMPONENTS.test(name),
  )
  t.same(unknown, [], 'every function of the server is in a list')
  const missing: string[] = []
  for (const name of HARMLESS) {
    const known = isBuiltin(name, dialect) && !LEFT_OUT.has(name)
    if (known && !(await hasFunction(client, name))) missing.push(name)
  }
  t.same(missing, [], 'and what is in a list is a function of the server')
}

const HELP = `SELECT t.name FROM mysql.help_topic t JOIN mysql.help_category c USING (help_category_id)
  WHERE (t.url LIKE '%functions%' OR c.name LIKE '%unction%') AND t.name NOT LIKE '% %'`

/** A name that isn't the server's own could be anybody's. */
async function hasFunction(client: MysqlClient, name: string): Promise<boolean> {
  for (const given of ['', '1', '1, 1', '1, 1, 1']) {
    const [result] = await client.query(`SELECT ${name}(${given})`)
    const code = result?.error?.code ?? 0
    if (code !== NO_FUNCTION && code !== NO_DATABASE) return true
  }
  return false
}

async function knowsTables(t: Test, client: MysqlClient) {
  for (const schema of ['information_schema', 'performance_schema']) {
    const tables = await column(
      client,
      `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${schema}'`,
    )
    t.ok(tables.length > 50, `${tables.length} tables of ${schema}`)
    const unknown = tables.filter((table) => {
      const use = systemUse(schema, table, new Set(), true)
      return use.kind === 'export' && use.reason.endsWith('nothing is known')
    })
    t.same(unknown, [], `every table of ${schema} is in a list`)
    for (const table of tables) {
      const own = systemColumns(schema, table)
      if (!own) continue
      const there = await column(
        client,
        `SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '${schema}'
          AND TABLE_NAME = '${table}' ORDER BY ORDINAL_POSITION`,
      )
      const names = own.map(({ name }) => name)
      t.same(
        names,
        there.map((name) => name.toLowerCase()),
        `the columns of ${table}`,
      )
    }
  }
}

t.test('a name that its server lacks may be anything', async (t) => {
  const effects = async (sql: string, dialect = MARIADB_11) =>
    effectsOf(await judge(sql, { dialect }))
  t.same(await effects('SELECT uuid_to_bin(1)', MYSQL_9), ['read'])
  t.same(await effects('SELECT uuid_to_bin(1)'), ['opaque', 'read'])
  t.same(await effects('SELECT column_json(1)'), ['read'])
  t.same(await effects('SELECT column_json(1)', MYSQL_9), ['opaque', 'read'])
  t.same(await effects('SELECT can_access_table(1)', MYSQL_9), ['opaque', 'read'])
  t.same(await effects('SELECT Uuid_v7 ()', { ...MARIADB_11, version: 101119 }), ['opaque', 'read'])
  t.same(await effects('SELECT sys_exec(1)'), ['opaque', 'read'])
})

t.test('who there is may be asked, and nothing more of the grant tables', async (t) => {
  for (const sql of [
    'SELECT user, host FROM mysql.user',
    "SELECT CONCAT(u.User, '@', u.Host) FROM `mysql`.`user` u",
    'SELECT User, Host FROM mysql.db',
    'SELECT name, type, definer FROM mysql.proc',
    'SELECT name FROM mysql.help_topic',
  ]) {
    t.same(effectsOf(await judge(sql)), ['read'], sql)
  }
  for (const sql of [
    'SELECT * FROM mysql.user',
    'TABLE mysql.user',
    'SELECT u.* FROM mysql.user u',
    'SELECT user, `Authentication_String` FROM mysql.user',
    'SELECT User FROM mysql.user WHERE Password LIKE "*A%"',
    'SELECT user FROM mysql.user NATURAL JOIN goods',
    'SELECT User, Select_priv FROM mysql.db',
    'SELECT user FROM mysql.global_priv',
    'SELECT name, body FROM mysql.proc',
    'SELECT Host FROM mysql.servers',
  ]) {
    t.ok(effectsOf(await judge(sql)).includes('export'), sql)
  }
})

t.test('stored code is masked where a table is read as a whole', async (t) => {
  const masked = async (sql: string) => {
    const [only] = await judge(sql)
    const hidden = only?.lineage?.filter((line) => shownBy(line) !== null)
    return [only?.effects.map(({ effect }) => effect), hidden?.map(({ name }) => name)]
  }
  for (const [sql, ...hidden] of [
    ['SELECT * FROM information_schema.routines', 'routine_definition'],
    ['SELECT r.* FROM INFORMATION_SCHEMA.`Routines` r', 'routine_definition'],
    ['SELECT e.* FROM information_schema.events e JOIN goods g ON 1', 'event_definition'],
    ['TABLE information_schema.triggers', 'action_statement'],
    ['SHOW TRIGGERS FROM shop', 'Statement'],
  ]) {
    t.same(await masked(sql as string), [['read'], hidden], sql as string)
  }
  for (const sql of [
    'SELECT routine_definition FROM information_schema.routines',
    'SELECT * FROM information_schema.routines ORDER BY routine_definition',
    'SELECT * FROM information_schema.processlist',
    'SELECT * FROM information_schema.of_a_plugin',
    'SHOW CREATE PROCEDURE cheap',
  ]) {
    t.ok(effectsOf(await judge(sql)).includes('export'), sql)
  }
  const [whole] = await judge(
    'SELECT x.*, (SELECT 1) FROM (SELECT * FROM information_schema.events) x',
  )
  t.equal(whole?.output, 'classified')
  t.ok(whole?.lineage === undefined || whole.lineage.some((line) => shownBy(line)?.unknown))
})
