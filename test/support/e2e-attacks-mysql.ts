import { COM_RESET_CONNECTION } from '../../src/wire/mysql/commands.ts'
import { executeBody, type MysqlRaw, textIn } from './e2e-mysql-raw.ts'
import type { Side } from './e2e-sides.ts'

/*
 * Ways round the masks of a MySQL or MariaDB server. The classified values of its schema hold the
 * word "canary": an attack has worked where an answer holds it, or what it is in base64 or
 * hexadecimal.
 */

/** A text, or commands of the protocol that answer all that was said. */
export type MysqlStep = string | ((client: MysqlRaw) => Promise<string>)

export const MYSQL_ATTACK_SCHEMA = `
  CREATE TABLE persons (id integer PRIMARY KEY, name varchar(40), mail varchar(60) UNIQUE,
    phone varchar(40));
  INSERT INTO persons VALUES 
    (1, 'Ada', 'canary-ada@x.test', 'canary-1'), (2, 'Bo', 'canary-bo@y.test', 'canary-2');
  CREATE TABLE notes (id integer, body varchar(200));
  CREATE VIEW shown AS SELECT id, mail AS what FROM persons;
  CREATE VIEW shown_again AS SELECT id, what AS harmless FROM shown;
  CREATE FUNCTION greeted(i integer) RETURNS varchar(200) READS SQL DATA
    RETURN (SELECT concat('hello ', mail) FROM persons WHERE id = i);
  CREATE PROCEDURE tells() READS SQL DATA SELECT mail FROM persons;
  CREATE PROCEDURE fills(OUT told varchar(200)) READS SQL DATA
    SELECT mail INTO told FROM persons WHERE id = 1;
  CREATE TABLE watched (id integer, body varchar(200));
  CREATE TRIGGER watching BEFORE INSERT ON watched FOR EACH ROW
    SET NEW.body = (SELECT mail FROM persons WHERE id = 1);
`

/** Statistics hold raw values. */
export const MYSQL_STATISTICS = {
  mariadb: 'ANALYZE TABLE persons PERSISTENT FOR ALL',
  mysql: 'ANALYZE TABLE persons UPDATE HISTOGRAM ON phone',
} as const

export const MYSQL_CANARY = /canary|Y2FuYXJ5|63616e617279/i

const MAIL = "SELECT concat(mail, '') AS e FROM persons"
const HARMLESS = "SELECT 'x' AS e"

/** Sends commands at once and reads what answers them. */
function atOnce(
  send: (client: MysqlRaw, next: number) => void,
  read: (client: MysqlRaw) => Promise<string>,
) {
  return async (client: MysqlRaw) => {
    const { id } = await client.prepare(HARMLESS)
    send(client, id + 1)
    return read(client)
  }
}

const executed = async (client: MysqlRaw) => textIn((await client.answer(true)).payloads)
const COM_STMT_PREPARE = 0x16
const COM_STMT_EXECUTE = 0x17
const LAST_PREPARED = 0xffffffff

const BOTH: Readonly<Record<string, readonly MysqlStep[]>> = {
  'a derived table takes the name of its source': [
    'SELECT name FROM (SELECT mail AS name FROM persons) persons',
  ],
  'a union hides behind a plain column': [
    'SELECT name FROM persons UNION SELECT mail FROM persons',
  ],
  'a view of a view': ['SELECT harmless FROM shown_again'],
  'a merged column of two tables': [
    'SELECT mail FROM persons JOIN (SELECT mail FROM persons) p USING (mail)',
  ],
  'a comment that runs': ['SELECT id /*!40000 , mail */ FROM persons'],
  'a comment that only looks like one': ['SELECT 1--1, mail FROM persons'],
  'an identifier where a text seems to stand': [
    "SET sql_mode = 'ANSI_QUOTES'",
    'SELECT "mail" FROM "persons"',
  ],
  'an operator that puts texts together': [
    "SET sql_mode = 'PIPES_AS_CONCAT'",
    "SELECT '' || mail FROM persons",
  ],
  'a backslash that escapes nothing': [
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SELECT '\\', mail, '\\' FROM persons",
  ],
  'another spelling of names': ['SELECT PERSONS.MAIL FROM persons AS PERSONS'],
  'the schema before the name': ['SELECT `shop` . `persons` . `mail` FROM shop.persons'],
  'rows in another character set': [
    'SET character_set_results = utf16',
    'SELECT mail FROM persons',
  ],
  'rows in no character set': ['SET character_set_results = NULL', 'SELECT mail FROM persons'],
  'a duplicate key names its value': [
    'UPDATE persons SET mail = (SELECT m FROM (SELECT mail AS m FROM persons WHERE id = 1) p) WHERE id = 2',
  ],
  'a key of a group names its value': [
    'SELECT count(*), concat((SELECT mail FROM persons LIMIT 1), floor(rand(0) * 2)) AS x FROM information_schema.tables GROUP BY x',
  ],
  'an error of XPath': ["SELECT extractvalue(1, concat('~', (SELECT mail FROM persons LIMIT 1)))"],
  'a warning is told by the next statement': ['SELECT mail + 0 FROM persons', 'SHOW WARNINGS'],
  'a warning is told in the same text': ['SELECT mail + 0 FROM persons; SHOW WARNINGS'],
  'a warning is kept in a variable': [
    'SELECT mail + 0 FROM persons',
    'GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT',
    'SELECT @m',
  ],
  'a warning is raised again': [
    'SELECT mail + 0 FROM persons',
    'GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT',
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @m",
  ],
  'a variable is set while rows are read': ['SELECT count(@x := mail) FROM persons', 'SELECT @x'],
  'a variable takes a row': ['SELECT mail INTO @x FROM persons WHERE id = 1', 'SELECT @x'],
  'a variable is set to a query': ['SET @x = (SELECT mail FROM persons LIMIT 1)', 'SELECT @x'],
  'a procedure fills a variable': ['CALL fills(@x)', 'SELECT @x'],
  'a procedure gives rows': ['CALL tells()'],
  'a procedure gives rows between others': ['SELECT 1; CALL tells(); SELECT 2'],
  'a function of the schema': ['SELECT greeted(1)'],
  'a function where nobody looks': [
    'SELECT name FROM persons WHERE greeted(id) + 0',
    'SHOW WARNINGS',
  ],
  'a trigger tells': [
    'START TRANSACTION',
    "INSERT INTO watched VALUES (1, 'x')",
    'SELECT body FROM watched',
    'ROLLBACK',
  ],
  'a copy is read in its transaction': [
    'START TRANSACTION',
    'INSERT INTO notes SELECT id, mail FROM persons',
    'SELECT body FROM notes',
    'ROLLBACK',
  ],
  'a temporary table takes the name of another': [
    'CREATE TEMPORARY TABLE notes AS SELECT id, mail AS body FROM persons',
    'SELECT body FROM notes',
  ],
  'a column becomes another in its transaction': [
    'START TRANSACTION',
    'UPDATE persons SET name = mail',
    'SELECT name FROM persons',
    'ROLLBACK',
  ],
  'a prepared name changes': [
    `PREPARE p FROM "${HARMLESS}"`,
    'PREPARE p FROM "SELECT mail FROM persons"',
    'EXECUTE p',
  ],
  'a prepared name changes in a text that fails': [
    `PREPARE p FROM "${HARMLESS}"`,
    'PREPARE p FROM "SELECT mail FROM persons"; SELECT * FROM not_there',
    'EXECUTE p',
  ],
  'a name is prepared from a variable': [
    "SET @s = 'SELECT mail FROM persons'",
    'PREPARE p FROM @s',
    'EXECUTE p',
  ],
  'a column’s name is made of data': [
    "SET @s = (SELECT concat('SELECT 1 AS `', mail, '`') FROM persons WHERE id = 1)",
    'PREPARE p FROM @s',
    'EXECUTE p',
  ],
  'rows are read by a handler': ['HANDLER persons OPEN', 'HANDLER persons READ FIRST'],
  'a statement waits for the one before it to be answered': [
    atOnce(
      (client, next) => {
        client.say(COM_STMT_PREPARE, Buffer.from(MAIL))
        client.say(COM_STMT_EXECUTE, executeBody(next, []))
      },
      async (client) => {
        await client.prepared()
        return executed(client)
      },
    ),
  ],
  'a cursor is opened on one statement and another is prepared': [
    async (client) => {
      const { id } = await client.prepare(MAIL)
      const opened = await client.execute(id, [], { cursor: true })
      const { id: other } = await client.prepare(HARMLESS)
      await client.execute(other, [], { cursor: true })
      const rows = await client.fetch(id, 10)
      return textIn([...opened.payloads, ...rows.payloads])
    },
  ],
  'a cursor goes on behind the end of a transaction': [
    'START TRANSACTION',
    async (client) => {
      const { id } = await client.prepare(MAIL)
      const opened = await client.execute(id, [], { cursor: true })
      await client.query('SELECT 1')
      const first = await client.fetch(id, 1)
      const second = await client.fetch(id, 10)
      return textIn([...opened.payloads, ...first.payloads, ...second.payloads])
    },
  ],
  'a bound value is a query': [
    async (client) => {
      const { id } = await client.prepare('SELECT ?, mail FROM persons')
      const answer = await client.execute(id, ['mail'])
      return textIn(answer.payloads)
    },
  ],
  'a statement is prepared again after a reset': [
    async (client) => {
      await client.prepare(HARMLESS)
      await client.command(COM_RESET_CONNECTION)
      const { id } = await client.prepare(MAIL)
      return textIn((await client.execute(id)).payloads)
    },
  ],
}

const MARIADB: Readonly<Record<string, readonly MysqlStep[]>> = {
  'a comment that only MariaDB runs': ['SELECT id /*M! , mail */ FROM persons'],
  'a comment of a version that only MariaDB runs': ['SELECT id /*M!100100 , mail */ FROM persons'],
  'the last prepared statement has an id of its own': [
    atOnce(
      (client) => {
        client.say(COM_STMT_PREPARE, Buffer.from(MAIL))
        client.say(COM_STMT_EXECUTE, executeBody(LAST_PREPARED, []))
      },
      async (client) => {
        await client.prepared()
        return executed(client)
      },
    ),
  ],
  'a text is made and run at once': ["EXECUTE IMMEDIATE concat('SELECT ', 'mail FROM persons')"],
  'a block runs several': ['BEGIN NOT ATOMIC SELECT 1; SELECT mail FROM persons; END'],
  'a write answers with rows': [
    'START TRANSACTION',
    "INSERT INTO notes VALUES (1, 'x') RETURNING (SELECT mail FROM persons LIMIT 1)",
    'DELETE FROM persons WHERE id = 1 RETURNING mail',
    'ROLLBACK',
  ],
  'a setting is tracked': [
    "SET SESSION session_track_system_variables = '*'",
    'SET default_master_connection = (SELECT mail FROM persons LIMIT 1)',
    'SELECT @@default_master_connection',
  ],
  'a plan shows what it found by a key': [
    'EXPLAIN EXTENDED SELECT mail FROM persons WHERE id = 1',
    'SHOW WARNINGS',
  ],
  statistics: ['SELECT min_value, max_value FROM mysql.column_stats'],
  'a procedure of analysis': ['SELECT mail FROM persons PROCEDURE ANALYSE()'],
  'a statement sets what it is read by': [
    "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT mail FROM persons",
  ],
}

const MYSQL: Readonly<Record<string, readonly MysqlStep[]>> = {
  statistics: [
    "SELECT histogram FROM information_schema.column_statistics WHERE column_name = 'phone'",
  ],
  'a table of JSON': [
    "SELECT e FROM persons, JSON_TABLE(json_array(mail), '$[*]' COLUMNS (e varchar(60) PATH '$')) t",
  ],
  'a lateral query': ['SELECT l.x FROM persons p, LATERAL (SELECT p.mail AS x) l'],
  'a list of other names': ['SELECT x FROM (SELECT mail FROM persons) AS p (x)'],
  'a plan shows what it found by a key': [
    'EXPLAIN FORMAT=TRADITIONAL SELECT mail FROM persons WHERE id = 1',
    'SHOW WARNINGS',
  ],
  'a whole table without a SELECT': ['TABLE persons'],
}

export function mysqlAttacks({ flavour }: Side): Readonly<Record<string, readonly MysqlStep[]>> {
  return { ...BOTH, ...(flavour === 'mysql' ? MYSQL : MARIADB) }
}

/** All that is said to these steps, NULs left out: they part the letters of UTF-16. */
export async function runMysqlSteps(
  client: MysqlRaw,
  steps: readonly MysqlStep[],
): Promise<string> {
  let said = ''
  for (const step of steps) {
    said +=
      typeof step === 'string' ? textIn((await client.query(step)).payloads) : await step(client)
  }
  client.destroy()
  return said.replaceAll('\0', '')
}
