import t from 'tap'
import { MYSQL_SIDES } from '../support/e2e-sides.ts'
import { toolsKeepWorking } from '../support/tools-story.ts'

/** Each wears what a tool sends by itself. What shows a classified value is held, or masked. */
const LOOKALIKES = {
  "masked: a driver's first question, and one more variable":
    '/* mysql-connector-j-9.1.0 (Revision: 00) */SELECT @@session.auto_increment_increment AS auto_increment_increment, @@sql_mode AS sql_mode, (SELECT email FROM customers LIMIT 1) AS time_zone',
  'masked: schemas, joined with what is classified':
    'SELECT s.schema_name AS schema_name, GROUP_CONCAT(c.email) AS sql_path FROM information_schema.schemata s, customers c GROUP BY s.schema_name',
  "a dump's executable comment writes a file":
    "/*!40101 SET NAMES utf8 */; /*!50000 SELECT * FROM customers INTO OUTFILE '/tmp/countersign-lookalike' */",
  'rights, but of somebody else': "SHOW GRANTS FOR 'root'@'localhost'",
  'an account is shown as it was made': "SHOW CREATE USER 'root'@'localhost'",
  'accounts are listed with what proves them':
    'SELECT CONCAT("\'", user, "\'@\'", host, "\'", authentication_string) FROM mysql.user',
  'sql_mode grows by what changes how text is read':
    "SET sql_mode=CONCAT(@@sql_mode,',ANSI_QUOTES'); SELECT 1",
  'a catalog is joined by a classified value':
    'SELECT v.table_name FROM information_schema.views v JOIN customers c ON c.email LIKE CONCAT(v.table_name, "%")',
}

for (const side of MYSQL_SIDES) {
  t.test(`${side.name}: what tools send by themselves is answered as ever`, (t) =>
    toolsKeepWorking(t, side, LOOKALIKES),
  )
}
