import type { Connection } from 'mysql2/promise'
import {
  type MysqlCatalog,
  type MysqlCatalogOptions,
  openMysqlCatalog,
} from '../../src/catalog/mysql-catalog.ts'
import { connectMysqlClient } from '../../src/config/mysql-upstream-client.ts'
import type { Upstream } from '../../src/config/upstream-url.ts'
import { createMysqlClassifier } from '../../src/sql/mysql/classify.ts'
import { lineageOfQuery } from '../../src/sql/mysql/lineage/lineage.ts'
import type { Classification } from '../../src/sql/statement.ts'
import { type MysqlFlavour, startMysql, type TestMysql } from '../support/mysql.ts'

interface Teardown {
  teardown(fn: () => unknown): unknown
  comment(text: string): void
}

/** Classified columns and whatever can carry their values on. */
export const MYSQL_SHOP = `
  CREATE TABLE people (id int PRIMARY KEY, name varchar(50), Email varchar(100), ssn varchar(20),
    label varchar(120) DEFAULT (concat(email, '-it''s')), plain varchar(20) DEFAULT 'email',
    up varchar(100) GENERATED ALWAYS AS (upper(email)) VIRTUAL,
    upper2 varchar(120) GENERATED ALWAYS AS (concat(up, ssn)) VIRTUAL);
  CREATE TABLE goods (id int PRIMARY KEY, name varchar(50), price int);
  CREATE TABLE log (id int, t varchar(100));
  CREATE TABLE shy (id int, hidden int INVISIBLE, email varchar(9));
  CREATE VIEW shown AS SELECT * FROM shy;
  CREATE TABLE \`odd ta\`\`ble\` (id int, \`it's\` varchar(10), g varchar(20) AS (upper(\`it's\`)) STORED);
  CREATE VIEW contacts AS SELECT id, email AS reach, name FROM people;
  CREATE VIEW contacts_again AS SELECT reach, concat(reach, '!') AS loud, id FROM contacts;
  CREATE VIEW headcount AS SELECT count(*) AS n FROM people;
  CREATE VIEW cheap AS SELECT name, price FROM goods WHERE name <> 'it''s \\\\ "x"';
  CREATE VIEW odd AS SELECT id, \`it's\` AS \`a, b\` FROM \`odd ta\`\`ble\`;
  CREATE FUNCTION twice(i int) RETURNS int DETERMINISTIC RETURN i * 2;
  CREATE PROCEDURE restock(i int) UPDATE goods SET price = i;
  CREATE TRIGGER seen BEFORE INSERT ON goods FOR EACH ROW INSERT INTO log VALUES (new.id, new.name);
  CREATE USER app; GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON shop.* TO app`

/** What only MariaDB has. */
export const MARIADB_SHOP = `
  CREATE SEQUENCE numbers;
  CREATE TABLE old_people (id int, email varchar(100)) WITH SYSTEM VERSIONING;
  CREATE TABLE mergeable (id int, email varchar(100)) ENGINE=MyISAM;
  CREATE TABLE merged (id int, other varchar(100)) ENGINE=MERGE`

export const MYSQL_CLASSES = {
  'people.email': 'pii.email',
  'shop.people.ssn': 'pii.national-id',
  "*.odd ta`ble.it's": 'odd',
  'shy.email': 'pii.email',
}

export interface MysqlShop {
  readonly server: TestMysql
  readonly admin: Connection
  /** Opens a connection, which ends with the test. */
  connect(user?: string): Promise<Connection>
  upstream(user?: string): Upstream
  openCatalog(options?: Partial<MysqlCatalogOptions>, user?: string): Promise<MysqlCatalog>
}

/** A server with the tables above; null where this machine can't have it, which is said loudly. */
export async function openMysqlShop(
  t: Teardown,
  flavour: MysqlFlavour,
  settings: Readonly<Record<string, string>> = {},
): Promise<MysqlShop | null> {
  const schema = flavour === 'mysql' ? MYSQL_SHOP : `${MYSQL_SHOP}; ${MARIADB_SHOP}`
  const server = await startMysql(t, flavour, { schema, settings })
  if (!server) {
    t.comment(`SKIPPED: there is no ${flavour} on this machine; run scripts/get-mysql ${flavour}`)
    return null
  }
  const upstream = (user = 'root'): Upstream => ({
    system: 'mysql',
    user,
    password: '',
    host: '127.0.0.1',
    port: server.port,
    database: server.database,
    options: {},
  })
  const connect = async (user?: string) => {
    const connection = await connectMysqlClient(upstream(user), 'test')
    t.teardown(() => connection.destroy())
    return connection
  }
  const openCatalog = async (options: Partial<MysqlCatalogOptions> = {}, user?: string) => {
    const catalog = await openMysqlCatalog({
      connect: () => connectMysqlClient(upstream(user), 'catalog'),
      classified: MYSQL_CLASSES,
      clock: STILL,
      lineage: (definition, database, schema) =>
        lineageOfQuery(definition, database, schema, schema.dialect),
      ...options,
    })
    t.teardown(() => catalog.close())
    return catalog
  }
  return { server, admin: await connect(), connect, upstream, openCatalog }
}

/** A clock that never tells. */
const STILL = { now: () => 0, monotonic: () => 0, after: () => () => {} }

/** Judges one statement as a session in the database `shop` would have it judged. */
export async function classified(catalog: MysqlCatalog, sql: string): Promise<Classification> {
  const { dialect } = catalog.current
  const facts = {
    characterSet: 'utf8mb4',
    database: 'shop',
    ansiQuotes: false,
    noBackslashEscapes: false,
  }
  const classifier = createMysqlClassifier({ catalog, dialect }).forSession(() => facts)
  const names = { prepared: () => undefined, cursor: () => undefined }
  const parsed = await classifier.classify(Buffer.from(sql), names)
  const [only] = parsed.kind === 'statements' ? parsed.statements : []
  if (!only) throw new Error(`not one statement: ${sql}`)
  return only
}
