import type { Maker, Step, Telling, Way } from './stories.ts'

const plain = (...texts: readonly string[]): Step[] =>
  texts.map((sql) => ({ sql, how: 'plain' as const }))

const undone = (...texts: readonly string[]): Telling => ({
  steps: plain('BEGIN', ...texts, 'ROLLBACK'),
})

const asked =
  (how: Step['how']): Way =>
  (maker) => ({ steps: [{ sql: maker.query(), how }] })

function bound(maker: Maker): Telling {
  const { random } = maker
  const table = maker.table()
  const sql = `SELECT ${maker.each(table)}, $1::text FROM ${table} AS a WHERE a.id < $2::integer`
  const how = random.pick(['text', 'binary'] as const)
  return { steps: [{ sql, how, values: ['said by the client', '4'] }] }
}

function cursor(maker: Maker): Telling {
  const { random } = maker
  const scroll = random.oneIn(2) ? 'SCROLL ' : ''
  const how = random.pick(['plain', 'text', 'binary'] as const)
  return {
    steps: [
      ...plain('BEGIN', `DECLARE c ${scroll}CURSOR FOR ${maker.query()}`),
      { sql: 'FETCH 2 FROM c', how },
      { sql: 'FETCH ALL FROM c', how },
      ...plain('ROLLBACK'),
    ],
  }
}

function copied(maker: Maker): Telling {
  const options = maker.random.pick([
    '',
    ' (FORMAT csv, HEADER)',
    ' (FORMAT csv, FORCE_QUOTE *)',
    ' (FORMAT binary)',
    " (DELIMITER ';', NULL 'x')",
  ])
  return { steps: plain(`COPY (${maker.query()}) TO STDOUT${options}`) }
}

function named(maker: Maker): Telling {
  const how = maker.random.pick(['plain', 'text', 'binary'] as const)
  return {
    steps: [
      ...plain(`PREPARE p AS ${maker.query()}`),
      { sql: 'EXECUTE p', how },
      ...plain('DEALLOCATE p'),
    ],
  }
}

function temporary(maker: Maker): Telling {
  const again = maker.random.pick([
    'SELECT * FROM mine',
    'SELECT m FROM mine AS m',
    'SELECT to_jsonb(m) FROM mine AS m',
    'TABLE mine',
    'COPY mine TO STDOUT',
    'WITH w AS (SELECT * FROM mine) SELECT w::text FROM w',
  ])
  return {
    ...undone(
      `CREATE TEMPORARY TABLE mine AS ${maker.query()}`,
      again,
      'SELECT * FROM mine LIMIT 1',
    ),
    marks: true,
  }
}

function tableCopied(maker: Maker): Telling {
  const table = maker.base() ?? maker.table()
  return { steps: plain(`COPY ${table} TO STDOUT`) }
}

function complaint(maker: Maker): Telling {
  const table = maker.table()
  const how = maker.random.pick(['plain', 'text', 'binary'] as const)
  return { steps: [{ sql: `SELECT ${maker.failing(table)} FROM ${table} AS a`, how }] }
}

function refusedWrite(maker: Maker): Telling {
  const table = maker.base() ?? maker.table()
  const [column, other] = [maker.column(table), maker.column(table)]
  return undone(
    maker.random.pick([
      `INSERT INTO ${table} SELECT * FROM ${table}`,
      `INSERT INTO ${table} (id, ${column}) SELECT id + 100, ${column} FROM ${table}`,
      `UPDATE ${table} SET ${column} = repeat(${column}::text, 6)`,
      `UPDATE ${table} SET id = 1, ${column} = ${other}`,
      `UPDATE ${table} SET ref = ${column}::text::integer`,
      `UPDATE ${table} SET id = NULL`,
      `INSERT INTO ${table} (id, ${column}) SELECT 1, ${column} FROM ${table} ON CONFLICT (id) DO UPDATE SET ${column} = EXCLUDED.${other} RETURNING *`,
    ]),
  )
}

function returned(maker: Maker): Telling {
  const table = maker.base() ?? maker.table()
  const what = maker.random.pick([maker.each(table), 'a.*', 'a', `a.${maker.column(table)}`])
  const column = maker.column(table)
  return undone(
    maker.random.pick([
      `UPDATE ${table} AS a SET ref = ref RETURNING ${what}`,
      `DELETE FROM ${table} AS a RETURNING ${what}`,
      `INSERT INTO ${table} AS a (id, ${column}) SELECT id + 50, ${column} FROM ${table} RETURNING ${what}`,
      `MERGE INTO ${table} AS a USING ${table} AS s ON a.id = s.id WHEN MATCHED THEN UPDATE SET ref = 2 RETURNING ${what}, s.${column}`,
      `WITH gone AS (DELETE FROM ${table} AS a RETURNING ${what} AS w) SELECT * FROM gone`,
      `UPDATE ${table} AS a SET ref = 3 RETURNING old.${column}, new.*`,
    ]),
  )
}

/** A classified value is put where an unclassified one was, in this session. */
function moved(maker: Maker): Telling {
  const from = maker.table()
  const to = maker.base() ?? from
  const column = maker.column(to)
  const value = `(SELECT (a.${maker.column(from)})::text FROM ${from} AS a WHERE a.id = 1)`
  const told = undone(
    maker.random.pick([
      `UPDATE ${to} SET ${column} = ${value}`,
      `INSERT INTO ${to} (id, ${column}) VALUES (90, ${value})`,
      `INSERT INTO ${to} (id, ${column}) SELECT 90, ${value}`,
    ]),
    `SELECT ${column}, upper(${column}::text) FROM ${to} ORDER BY id`,
    `SELECT * FROM ${to}`,
  )
  return { ...told, marks: true }
}

/** A classified value is put into a setting, and read, shown or written from there. */
function kept(maker: Maker): Telling {
  const table = maker.table()
  const to = maker.base() ?? table
  const column = maker.column(to)
  const value = `(a.${maker.column(table)})::text`
  const read = "current_setting('own.kept')"
  return {
    ...undone(
      `SELECT set_config('own.kept', ${value}, false) FROM ${table} AS a ORDER BY a.id`,
      maker.random.pick([
        `SELECT ${read} AS again, upper(${read})`,
        'SHOW own.kept',
        `SELECT s.* FROM (SELECT ${read}) AS s, ${to} LIMIT 2`,
        `PREPARE kept AS SELECT reverse(${read})`,
      ]),
      maker.random.pick([
        `UPDATE ${to} SET ${column} = ${read}`,
        `INSERT INTO ${to} (id, ${column}) VALUES (90, ${read})`,
        'EXECUTE kept',
      ]),
      `SELECT * FROM ${to} ORDER BY id DESC`,
    ),
    marks: true,
  }
}

/** A value names a column, and is one, in a text that the server puts together. */
function computed(maker: Maker): Telling {
  const table = maker.table()
  const value = `(SELECT (a.${maker.column(table)})::text FROM ${table} AS a WHERE a.id = 1)`
  const text = maker.random.pick([
    `format('SELECT 1 AS %I', ${value})`,
    `format('SELECT %L AS x', ${value})`,
    `format('SELECT count(*) AS n FROM ${table} AS %I', ${value})`,
  ])
  const how = maker.random.pick(['plain', 'text', 'binary'] as const)
  return {
    steps: [
      ...plain(
        'BEGIN',
        `DO $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR EXECUTE ${text}; END $$`,
      ),
      { sql: 'FETCH ALL FROM c', how },
      ...plain('ROLLBACK'),
    ],
    marks: true,
    steady: false,
  }
}

function elsewhere(maker: Maker): Telling {
  const table = maker.table()
  const value = `(SELECT (a.${maker.column(table)})::text FROM ${table} AS a WHERE a.id = 1)`
  const texts = maker.random.pick([
    [`SELECT set_config('application_name', ${value}, false) IS NULL`],
    ['LISTEN ears', `SELECT pg_notify('ears', ${value})`, 'SELECT 1', 'UNLISTEN *'],
    [`DO $$ BEGIN RAISE NOTICE '%', ${value}; END $$`],
    [`DO $$ BEGIN RAISE EXCEPTION 'it is %', ${value}; END $$`],
    [`SELECT query_to_xml('SELECT * FROM ${table}', true, false, '')`],
    [`SELECT table_to_xml('${table}', true, false, '')`],
    [`SELECT * FROM pg_stats WHERE schemaname = '${maker.world.name}'`],
  ])
  return { steps: plain(...texts), steady: false, marks: true }
}

const explained =
  (options: string, steady: boolean): Way =>
  (maker) => ({ steps: plain(`EXPLAIN (${options}) ${maker.query()}`), steady })

export const postgresWays: { readonly readOnly: readonly Way[]; readonly others: readonly Way[] } =
  {
    readOnly: [
      asked('plain'),
      asked('plain'),
      asked('text'),
      asked('binary'),
      asked('binary'),
      asked('cursor'),
      bound,
      cursor,
      copied,
      named,
      explained('VERBOSE, COSTS OFF', true),
    ],
    others: [
      temporary,
      tableCopied,
      complaint,
      refusedWrite,
      returned,
      moved,
      kept,
      computed,
      elsewhere,
      explained('ANALYZE, VERBOSE', false),
      explained('FORMAT JSON', false),
    ],
  }
