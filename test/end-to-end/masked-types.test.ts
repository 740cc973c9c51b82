import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { MASKS } from '../../src/mask/plan.ts'
import { PROGRAMS } from '../support/clients-program.ts'
import { needModule, PYTHON } from '../support/clients-python.ts'
import { AGENT, type Countersign, startCountersign } from '../support/countersign.ts'
import { startPostgres } from '../support/postgres.ts'

/** A type as it is declared, and a literal that holds something to be found: 77 or the word canary. */
const TYPES: readonly [type: string, literal: string][] = [
  ['bool', 'true'],
  ['int2', '7701'],
  ['int4', '770077'],
  ['int8', '7700770077'],
  ['float4', '7.75'],
  ['float8', '77.77'],
  ['numeric', '7777.77'],
  ['numeric(8,2)', '7777.77'],
  ['text', 'canary@example.com'],
  ['varchar(9)', 'canary-77'],
  ['char(12)', 'canary'],
  ['name', 'canary'],
  ['"char"', '7'],
  ['bytea', 'canary'],
  ['date', '1977-07-07'],
  ['time', '07:07:07.7'],
  ['timetz', '07:07:07+07'],
  ['timestamp', '1977-07-07 07:07:07'],
  ['timestamptz', '1977-07-07 07:07:07+00'],
  ['interval', '77 days'],
  ['uuid', '77777777-7777-4777-8777-777777777777'],
  ['json', '{"canary": 77}'],
  ['jsonb', '{"canary": 77}'],
  ['xml', '<canary/>'],
  ['bit(8)', '01110111'],
  ['varbit', '01110111'],
  ['money', '77.77'],
  ['inet', '77.77.77.77'],
  ['cidr', '77.77.77.0/24'],
  ['macaddr', '77:77:77:77:77:77'],
  ['point', '(77,7)'],
  ['box', '(77,7),(7,7)'],
  ['circle', '<(77,7),7>'],
  ['polygon', '((77,7),(7,7))'],
  ['oid', '770077'],
  ['int4range', '[77,777)'],
  ['daterange', '[1977-07-07,1977-07-08)'],
  ['int4multirange', '{[77,777)}'],
  ['text[]', '{canary,NULL,"can ary"}'],
  ['int4[]', '{{770077,7},{7,77}}'],
  ['timestamptz[]', '{"1977-07-07 07:07:07+00"}'],
  ['numeric(8,2)[]', '{7777.77}'],
  ['mood', 'canary'],
  ['mood[]', '{canary}'],
  ['address', '(canary,77)'],
  ['address[]', '{"(canary,77)",NULL}'],
  ['handle', 'canary'],
  ['handles', '{canary}'],
]
const OWN_TYPES = `
  CREATE TYPE mood AS ENUM ('canary', 'sad');
  CREATE TYPE address AS (street text, number int);
  CREATE DOMAIN handle AS varchar(12);
  CREATE DOMAIN handles AS text[];`
/** Each type's table: a column for each mask, a row of values and one of NULLs. */
const TABLES = TYPES.map(([type, literal], i) => {
  const columns = MASKS.map((mask) => `m_${mask} ${type}`).join(', ')
  const values = MASKS.map(() => `'${literal}'`).join(', ')
  return `CREATE TABLE typed_${i} (id int, ${columns});
    INSERT INTO typed_${i} VALUES (1, ${values});
    INSERT INTO typed_${i} VALUES (2);`
}).join('\n')

const CANARY = /canary|can ary|7\.?7|1977/
/** What `partial` leaves of 77, `year` of a date, and every mask of a truth that is false. */
const MAY_SHOW = /^(m_partial|m_year)$/

t.test('whatever a mask makes of a type, its clients can read', async (t) => {
  needModule('psycopg', 'python3-psycopg')
  needModule('asyncpg', 'python3-asyncpg')
  const db = await startPostgres(t, { version: 'newest', schema: OWN_TYPES + TABLES })
  const classified = Object.fromEntries(
    MASKS.map((mask) => [`public.typed_*.m_${mask}`, `m.${mask}`]),
  )
  const masks = Object.fromEntries(MASKS.map((mask) => [`m.${mask}`, mask]))
  const proxy = await startCountersign(t, {
    upstream: db.superuserUrl,
    database: { classified },
    config: { masks },
  })

  for (const binary of [false, true]) {
    await t.test(`node-postgres, ${binary ? 'binary' : 'text'}`, async (t) => {
      const client = new pg.Client(urlOf(proxy))
      await client.connect()
      t.teardown(() => client.end())
      for (const [i, [type]] of TYPES.entries()) {
        const text = `SELECT * FROM typed_${i} ORDER BY id`
        const { rows } = await client.query({
          text,
          binary,
          rowMode: 'array',
        } as pg.QueryArrayConfig)
        const [values = [], nulls = []] = rows as unknown[][]
        judge(t, type, values.slice(1), nulls.slice(1))
      }
    })
  }
  for (const driver of ['asyncpg', 'psycopg']) {
    await t.test(`${driver}, binary`, async (t) => {
      const { hostname, port, username, password, pathname } = new URL(urlOf(proxy))
      const tables = TYPES.map((_, i) => `typed_${i}`)
      const login = [hostname, port, username, password, pathname.slice(1)]
      const program = join(PROGRAMS, 'masked_types.py')
      const { stdout, stderr } = spawnSync(PYTHON, [program, driver, ...login, ...tables], {
        encoding: 'utf8',
        timeout: 60_000,
      })
      const lines = stdout.split('\n').filter((line) => line !== '')
      t.equal(lines.length, TYPES.length, stderr)
      for (const [i, line] of lines.entries()) {
        const { rows } = JSON.parse(line)
        judge(t, TYPES[i]?.[0] ?? '', rows[0].slice(1), rows[1].slice(1))
      }
    })
  }
})

function urlOf({ port, password }: Countersign): string {
  return `postgres://${AGENT}:${password}@127.0.0.1:${port}/shop`
}

function judge(t: Test, type: string, values: unknown[], nulls: unknown[]) {
  for (const [i, mask] of MASKS.entries()) {
    const says = `${type} ${mask}: ${JSON.stringify(values[i])}`
    const shown = values[i]
    if (mask === 'null') t.equal(shown, null, says)
    else if (!/^mood$/.test(type)) t.not(shown, null, says)
    const text = Buffer.isBuffer(shown) ? shown.toString('latin1') : JSON.stringify(shown)
    if (!MAY_SHOW.test(`m_${mask}`) && mask !== 'hash') t.notMatch(text, CANARY, says)
    t.notMatch(text, /canary/, says)
    t.equal(nulls[i], null, `${type} ${mask}: NULL stays NULL`)
  }
}
