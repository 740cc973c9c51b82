import type { Maker, Step, Telling, Way } from './stories.ts'

const plain = (...texts: readonly string[]): Step[] =>
  texts.map((sql) => ({ sql, how: 'plain' as const }))

const undone = (...texts: readonly string[]): Telling => ({
  steps: plain('START TRANSACTION', ...texts, 'ROLLBACK'),
})

const asked =
  (how: Step['how']): Way =>
  (maker) => ({ steps: [{ sql: maker.query(), how }] })

function bound(maker: Maker): Telling {
  const table = maker.table()
  const sql = `SELECT ${maker.each(table)}, ? FROM ${table} AS a WHERE a.id < ?`
  return { steps: [{ sql, how: 'binary', values: ['said by the client', '4'] }] }
}

function named(maker: Maker): Telling {
  const text = maker.query().replaceAll('\\', '\\\\').replaceAll("'", "''")
  return { steps: plain(`PREPARE p FROM '${text}'`, 'EXECUTE p', 'DEALLOCATE PREPARE p') }
}

function temporary(maker: Maker): Telling {
  const again = maker.random.pick([
    'SELECT * FROM mine',
    'SELECT COUNT(*), m.* FROM mine AS m GROUP BY 2',
    'WITH w AS (SELECT * FROM mine) SELECT * FROM w',
  ])
  const steps = plain(`CREATE TEMPORARY TABLE mine AS ${maker.query()}`, again)
  const drop = plain('DROP TEMPORARY TABLE IF EXISTS mine')
  return {
    steps: [...steps, { sql: 'SELECT * FROM mine LIMIT 1', how: 'binary' }, ...drop],
    marks: true,
  }
}

function variable(maker: Maker): Telling {
  const table = maker.table()
  const value = maker.each(table)
  const texts = maker.random.pick([
    [`SET @w = (SELECT ${value} FROM ${table} AS a WHERE a.id = 1)`, 'SELECT @w, UPPER(@w)'],
    [
      `SELECT ${value} INTO @w FROM ${table} AS a WHERE a.id = 1`,
      'SELECT @w AS w',
      'SELECT HEX(@w)',
    ],
    [`SELECT COUNT(@w := ${value}) FROM ${table} AS a`, "SELECT CONCAT(@w, '')"],
    [`SET @w = (SELECT ${value} FROM ${table} AS a WHERE a.id = 2), @u = @w`, 'SELECT @u', 'DO @w'],
  ])
  return { steps: plain(...texts), marks: true }
}

/** A value names a column, and is one, in a text that the server puts together. */
function computed(maker: Maker): Telling {
  const table = maker.table()
  const value = `(SELECT CAST(a.${maker.column(table)} AS CHAR(40)) FROM ${table} AS a WHERE a.id = 1)`
  const text = maker.random.pick([
    `CONCAT('SELECT 1 AS \`', ${value}, '\`')`,
    `CONCAT('SELECT '', ${value}, '' AS x')`,
    `CONCAT('SELECT COUNT(*) FROM ${table} AS \`', ${value}, '\`')`,
  ])
  return {
    steps: plain(`SET @t = ${text}`, 'PREPARE t FROM @t', 'EXECUTE t', 'DEALLOCATE PREPARE t'),
    marks: true,
    steady: false,
  }
}

/** A classified value goes by a variable to where an unclassified one was. */
function kept(maker: Maker): Telling {
  const from = maker.table()
  const to = maker.base() ?? from
  const column = maker.column(to)
  const [fill, write] = [
    maker.random.pick([
      `SELECT ${maker.column(from)} INTO @k FROM ${from} LIMIT 1`,
      `SET @k = (SELECT ${maker.column(from)} FROM ${from} LIMIT 1)`,
      `SELECT @k := ${maker.column(from)} FROM ${from}`,
    ]),
    maker.random.pick([
      [`UPDATE ${to} SET ${column} = @k`],
      [`INSERT INTO ${to} (id, ${column}) VALUES (90, @k)`],
      [`REPLACE INTO ${to} (id, ${column}) SELECT 90, UPPER(@k)`],
      [`PREPARE k FROM 'UPDATE ${to} SET ${column} = ?'`, 'EXECUTE k USING @k'],
      [`PREPARE k FROM 'UPDATE ${to} SET ${column} = @k'`, 'EXECUTE k'],
    ]),
  ]
  const told = undone(fill, ...write, `SELECT ${column} FROM ${to} ORDER BY id DESC`)
  return { ...told, marks: true }
}

function complaint(maker: Maker): Telling {
  const table = maker.table()
  const sql = `SELECT ${maker.failing(table)} FROM ${table} AS a`
  const how = maker.random.pick(['plain', 'binary'] as const)
  return { steps: [{ sql, how }, ...plain('SHOW WARNINGS', 'SHOW ERRORS')] }
}

function refusedWrite(maker: Maker): Telling {
  const table = maker.base() ?? maker.table()
  const [column, other] = [maker.column(table), maker.column(table)]
  return undone(
    maker.random.pick([
      `INSERT INTO ${table} SELECT * FROM ${table}`,
      `INSERT INTO ${table} (id, ${column}) SELECT id + 100, ${column} FROM ${table}`,
      `INSERT IGNORE INTO ${table} (id, ${column}) SELECT id + 100, ${column} FROM ${table}`,
      `UPDATE ${table} SET ${column} = REPEAT(${column}, 6)`,
      `UPDATE ${table} SET id = 1, ${column} = ${other}`,
      `UPDATE ${table} SET ref = ${column}`,
      `UPDATE IGNORE ${table} SET ref = ${column}`,
      `INSERT INTO ${table} (id, ${column}) SELECT ${column}, ${other} FROM ${table} AS a`,
    ]),
    'SHOW WARNINGS',
  )
}

/** A classified value is put where an unclassified one was, in this session. */
function moved(maker: Maker): Telling {
  const from = maker.table()
  const to = maker.base() ?? from
  const column = maker.column(to)
  const value = `(SELECT s.${maker.column(from)} FROM ${from} AS s WHERE s.id = 1)`
  const told = undone(
    maker.random.pick([
      `UPDATE ${to} SET ${column} = ${value}`,
      `UPDATE ${to} AS t, ${from} AS s SET t.${column} = s.${maker.column(from)}`,
      `INSERT INTO ${to} (id, ${column}) VALUES (90, ${value})`,
      `INSERT INTO ${to} (id, ${column}) SELECT 90, ${value}`,
      `REPLACE INTO ${to} (id, ${column}) SELECT 90, ${value}`,
    ]),
    `SELECT ${column}, UPPER(${column}) FROM ${to} ORDER BY id`,
    `SELECT * FROM ${to}`,
  )
  return { ...told, marks: true }
}

function handled(maker: Maker): Telling {
  const table = maker.base() ?? maker.table()
  return {
    steps: plain(`HANDLER ${table} OPEN`, `HANDLER ${table} READ FIRST`, `HANDLER ${table} CLOSE`),
  }
}

function returned(maker: Maker): Telling {
  const table = maker.base() ?? maker.table()
  const column = maker.column(table)
  const what = maker.random.pick(['*', column, `UPPER(${column})`, `CONCAT(${column}, id)`])
  return undone(
    maker.random.pick([
      `DELETE FROM ${table} RETURNING ${what}`,
      `INSERT INTO ${table} (id, ${column}) SELECT id + 50, ${column} FROM ${table} RETURNING ${what}`,
      `REPLACE INTO ${table} (id, ${column}) SELECT id, ${column} FROM ${table} AS s RETURNING ${what}`,
    ]),
  )
}

function elsewhere(maker: Maker): Telling {
  const table = maker.table()
  const value = `(SELECT a.${maker.column(table)} FROM ${table} AS a WHERE a.id = 1)`
  const texts = maker.random.pick([
    [`SHOW COLUMNS FROM ${table}`, `SHOW INDEX FROM ${table}`],
    [`SET SESSION character_set_results = utf16`, `SELECT ${value}`],
    [`SELECT * FROM ${table} PROCEDURE ANALYSE()`],
    [`SELECT SLEEP(0), BENCHMARK(1, ${value}), ${value} LIKE 'z%'`],
    [`SET @m = ${value}`, `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @m`],
    [`BEGIN NOT ATOMIC SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = ${value}; END`],
    [`KILL QUERY ${value}`],
    [`SELECT GET_LOCK(${value}, 0)`, 'DO RELEASE_ALL_LOCKS()'],
    [`SELECT * FROM information_schema.columns WHERE table_schema = '${maker.world.name}'`],
    [`SET SESSION init_connect = ${value}`],
    [`SET SESSION time_zone = ${value}`],
    [`SET SESSION sql_mode = ${value}`, 'SELECT @@sql_mode'],
    [`SELECT * FROM nothing_of_${'it'} WHERE 1 = ${value}`],
  ])
  return { steps: plain(...texts), steady: false, marks: true }
}

const explained =
  (words: string, steady: boolean): Way =>
  (maker) => ({ steps: plain(`${words} ${maker.query()}`, 'SHOW WARNINGS'), steady })

const READ_ONLY: readonly Way[] = [
  asked('plain'),
  asked('plain'),
  asked('plain'),
  asked('binary'),
  asked('binary'),
  asked('cursor'),
  bound,
  named,
]
const OTHERS: readonly Way[] = [
  temporary,
  variable,
  variable,
  kept,
  computed,
  complaint,
  complaint,
  refusedWrite,
  moved,
  handled,
  elsewhere,
  explained('EXPLAIN', false),
  explained('EXPLAIN FORMAT=JSON', false),
]

export function mysqlWays(flavour: 'mariadb' | 'mysql'): {
  readonly readOnly: readonly Way[]
  readonly others: readonly Way[]
} {
  const own =
    flavour === 'mariadb'
      ? [returned, explained('ANALYZE FORMAT=JSON', false), explained('EXPLAIN EXTENDED', false)]
      : [explained('EXPLAIN FORMAT=TREE', false), explained('EXPLAIN ANALYZE', false)]
  return { readOnly: READ_ONLY, others: [...OTHERS, ...own] }
}
