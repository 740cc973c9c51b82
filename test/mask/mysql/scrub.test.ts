import mysql from 'mysql2/promise'
import t from 'tap'
import { CONDITION_COUNT, mysqlConditionText } from '../../../src/mask/mysql/conditions.ts'
import { scrubMysqlFields } from '../../../src/mask/mysql/scrub.ts'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'

const SECRET = 'CNRYZ4217'
const SCHEMA = `
CREATE USER app@'%'; GRANT ALL ON *.* TO app@'%';
CREATE TABLE c (id INT PRIMARY KEY, ssn VARCHAR(20) UNIQUE, age INT, CHECK (age < 200));
CREATE TABLE d (id INT PRIMARY KEY, n INT NOT NULL, s VARCHAR(3), t TINYINT, day DATE, j JSON,
  c_id INT, FOREIGN KEY (c_id) REFERENCES c (id));
INSERT INTO c VALUES (1, '${SECRET}', 42);
INSERT INTO d (id, n, c_id) VALUES (1, 1, 1);
`

/** Run one after the other in one session; each ends in an error. */
const LEAKS: readonly string[] = [
  `INSERT INTO c (id, ssn) SELECT 9, ssn FROM c`,
  `UPDATE d SET s = (SELECT ssn FROM c)`,
  `UPDATE d SET n = (SELECT ssn FROM c)`,
  `UPDATE d SET day = (SELECT ssn FROM c)`,
  `UPDATE d SET j = (SELECT CONCAT('{"a":', ssn) FROM c)`,
  `SELECT EXTRACTVALUE('<a/>', CONCAT('~', (SELECT ssn FROM c)))`,
  `SELECT UPDATEXML('<a/>', CONCAT('~', (SELECT ssn FROM c)), '')`,
  `UPDATE d SET n = (SELECT CAST(ssn AS DECIMAL) FROM c)`,
  `SELECT EXP(710 + (SELECT age FROM c))`,
  `SELECT COUNT(*) FROM c x CROSS JOIN (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) y
     GROUP BY CONCAT(ssn, FLOOR(RAND(0) * 2))`,
]

/** What a routine, or one statement of a text, makes of a value. */
const RAISED: readonly string[] = [
  `SELECT ssn INTO @v FROM c; SET @q = CONCAT('SELECT * FROM \`', @v, '\`'); PREPARE p FROM @q`,
  `SET @q = CONCAT('SELECT \`', @v, '\`'); PREPARE p FROM @q`,
  `SET @q = CONCAT('SELECT ''', @v); PREPARE p FROM @q`,
  `SET @q = @v; PREPARE p FROM @q`,
  `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @v`,
  `SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = @v`,
  `SET @n = CAST(RIGHT(@v, 4) AS UNSIGNED); SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = @n`,
  `SIGNAL SQLSTATE '42S17' SET MYSQL_ERRNO = 4217, TABLE_NAME = @v, COLUMN_NAME = @v`,
]

interface Failure {
  readonly errno: number
  readonly sqlState: string
  readonly sqlMessage: string
}

const fieldsOf = ({ errno, sqlState, sqlMessage }: Failure) =>
  new Map([
    ['S', 'ERROR'],
    ['C', sqlState],
    ['M', sqlMessage],
    ['errno', String(errno)],
  ])

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: says nothing of a value, however an error is made to quote it`, async (t) => {
    const server = await startMysql(t, flavour, { schema: SCHEMA })
    if (!server) {
      t.comment(`SKIPPED: there is no ${flavour} on this machine`)
      return
    }
    const client = await mysql.createConnection({
      host: '127.0.0.1',
      port: server.port,
      user: 'app',
      database: 'shop',
      multipleStatements: true,
    })
    t.teardown(() => client.destroy())
    const failure = (sql: string): Promise<Failure | null> =>
      client.query(sql).then(
        () => null,
        (error) => error,
      )
    let quoted = 0
    for (const sql of [...LEAKS, ...RAISED]) {
      const error = await failure(sql)
      if (!error) {
        t.comment(`${sql} makes no error here`)
        continue
      }
      if (/cnryz|4217/i.test(JSON.stringify([error.errno, error.sqlMessage]))) quoted++
      const scrubbed = scrubMysqlFields(fieldsOf(error))
      t.notMatch([...scrubbed].join('\n'), /cnryz|421[0-9]|S17/i, sql)
      t.match(scrubbed.get('M'), /details withheld/, sql)
      t.same([...scrubbed.keys()], ['S', 'C', 'errno', 'M'])
    }
    t.ok(quoted >= 10, `${quoted} of them quoted it`)
    await t.test('and keeps what a client needs to act', async (t) => {
      for (const [sql, onMariadb, onMysql] of USUAL) {
        const errno = flavour === 'mysql' ? (onMysql ?? onMariadb) : onMariadb
        const error = await failure(sql)
        if (!error) throw new Error(`${sql} made no error`)
        t.equal(error.errno, errno, sql)
        const scrubbed = scrubMysqlFields(fieldsOf(error))
        t.equal(scrubbed.get('errno'), String(errno), sql)
        t.equal(scrubbed.get('C'), error.sqlState, sql)
      }
    })
    if (flavour !== 'mysql') return
    const [rows] = (await client.query(
      `SELECT error_number AS number, sql_state AS state
         FROM performance_schema.events_errors_summary_global_by_error`,
    )) as unknown as [{ number: number; state: string }[]]
    const known = rows.filter(({ number, state }) => mysqlConditionText(`${number}`, state))
    // 1366 and 4025 have another state on MariaDB, 1927 and 1969 are its own, 1644 is anybody's.
    t.equal(known.length, CONDITION_COUNT - 5, 'every pair is one that the server has')
  })
}

/** Errors of every day, and their numbers. */
const USUAL: readonly [sql: string, onMariadb: number, onMysql?: number][] = [
  [`INSERT INTO c (id) VALUES (1)`, 1062],
  [`INSERT INTO d (id, n, s) VALUES (2, 1, 'abcd')`, 1406],
  [`INSERT INTO d (id, n, t) VALUES (2, 1, 999)`, 1264],
  [`INSERT INTO d (id, n) VALUES (2, 'x')`, 1366],
  [`INSERT INTO d (id, n, day) VALUES (2, 1, 'x')`, 1292],
  [`INSERT INTO d (id, n) VALUES (2, NULL)`, 1048],
  [`INSERT INTO d (id) VALUES (2)`, 1364],
  [`INSERT INTO d (id, n) VALUES (2)`, 1136],
  [`INSERT INTO d (id, n, c_id) VALUES (2, 1, 77)`, 1452],
  [`DELETE FROM c`, 1451],
  [`INSERT INTO c (id, age) VALUES (2, 999)`, 4025, 3819],
  [`INSERT INTO d (id, n) VALUES (2, 1 / 0)`, 1365],
  [`SELECT nothing FROM c`, 1054],
  [`SELECT * FROM nothing`, 1146],
  [`SELEC 1`, 1064],
  [`SELECT (SELECT 1 UNION SELECT 2)`, 1242],
  [`SELECT (SELECT 1, 2)`, 1241],
  [`SELECT 9223372036854775807 + 1`, 1690],
  [`SELECT nothing()`, 1305],
  [`USE nothing`, 1049],
  [`SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x'`, 1644],
]

t.test('a number or a state that somebody chose stays no number', async (t) => {
  const said = (errno: string, state: string) => {
    const scrubbed = scrubMysqlFields(
      new Map([
        ['errno', errno],
        ['C', state],
        ['M', 'x'],
      ]),
    )
    return `${scrubbed.get('errno')} ${scrubbed.get('C')}`
  }
  t.equal(said('1213', '40001'), '1213 40001', 'so that a client tries again')
  t.equal(said('1062', '45000'), '1644 45000', 'a state that does not go with the number')
  t.equal(said('1062', '23001'), '1644 45000')
  t.equal(said('40001', '40001'), '1644 45000')
  t.equal(said('01062', '23000'), '1644 45000')
  t.equal(said('', ''), '1644 45000')
  t.equal([...scrubMysqlFields(new Map())].length, 4)
  t.ok(CONDITION_COUNT < 128, 'below 7 bits')
})
