import type { Effect } from '../statement.ts'

/** What a kind of statement does, where its leading words alone tell. */
export interface KindEffect {
  readonly words: readonly string[]
  readonly effects: readonly Effect[]
  readonly reason: string
  /** Its strings may hold passwords. */
  readonly secret: boolean
}

type Row = readonly [effects: string, reason: string, statements: string]

/** Statements parted by commas. The longest that fits counts. "!" marks those that hold secrets. */
const ROWS: readonly Row[] = [
  [
    'transaction',
    'begins or ends a transaction',
    `BEGIN, BEGIN WORK, START TRANSACTION, COMMIT, ROLLBACK, SAVEPOINT, RELEASE SAVEPOINT, XA START,
     XA BEGIN, XA END, XA COMMIT, XA ROLLBACK`,
  ],
  ['server', 'leaves a transaction open behind its session', 'XA PREPARE'],
  ['export', 'shows transactions of others', 'XA RECOVER'],
  ['session', 'changes the default schema', 'USE'],
  ['session', 'gives up its locks', 'UNLOCK TABLES, UNLOCK TABLE'],
  ['read', "reads the server's manual", 'HELP'],
  ['session', 'raises an error of its own', 'SIGNAL, RESIGNAL'],
  [
    'session',
    'keeps what the last statement reported',
    'GET DIAGNOSTICS, GET CURRENT DIAGNOSTICS, GET STACKED DIAGNOSTICS',
  ],
  ['session', 'forgets a prepared statement', 'DEALLOCATE PREPARE, DROP PREPARE'],
  [
    'privilege',
    'changes rights',
    `GRANT!, REVOKE!, CREATE USER!, ALTER USER!, DROP USER, RENAME USER, CREATE ROLE, DROP ROLE,
     ALTER ROLE, FLUSH PRIVILEGES`,
  ],
  [
    'server',
    'administers the server',
    `SHUTDOWN, RESTART, KILL, RESET, RESET PERSIST, FLUSH, BACKUP, LOCK INSTANCE, UNLOCK INSTANCE,
     CACHE INDEX, LOAD INDEX INTO CACHE, ALTER INSTANCE, CREATE RESOURCE GROUP, ALTER RESOURCE GROUP,
     DROP RESOURCE GROUP, CREATE UNDO TABLESPACE, ALTER UNDO TABLESPACE, DROP UNDO TABLESPACE,
     CREATE TABLESPACE, ALTER TABLESPACE, DROP TABLESPACE, CREATE LOGFILE GROUP, ALTER LOGFILE GROUP,
     DROP LOGFILE GROUP`,
  ],
  [
    'server',
    'works on whole tables, which others then wait for',
    `ANALYZE TABLE, ANALYZE TABLES, ANALYZE LOCAL TABLE, ANALYZE NO_WRITE_TO_BINLOG TABLE, OPTIMIZE,
     OPTIMIZE TABLE, REPAIR, REPAIR TABLE, CHECK TABLE, CHECK TABLES, CHECK VIEW, CHECKSUM TABLE,
     CHECKSUM TABLES`,
  ],
  [
    'server',
    'changes how the server is replicated',
    `CHANGE MASTER!, CHANGE REPLICATION SOURCE!, CHANGE REPLICATION FILTER!, START SLAVE!, STOP SLAVE,
     START REPLICA!, STOP REPLICA, START ALL SLAVES!, STOP ALL SLAVES, START ALL REPLICAS!,
     STOP ALL REPLICAS, START GROUP_REPLICATION!, STOP GROUP_REPLICATION, PURGE BINARY LOGS,
     PURGE MASTER LOGS, RESET MASTER, RESET BINARY LOGS, RESET SLAVE, RESET REPLICA`,
  ],
  [
    'server',
    'brings code into the server or takes it out',
    `INSTALL PLUGIN, INSTALL SONAME, INSTALL COMPONENT, UNINSTALL PLUGIN, UNINSTALL SONAME,
     UNINSTALL COMPONENT`,
  ],
  ['server export', 'copies a whole server', 'CLONE!'],
  ['server', 'imports tables from files of the server', 'IMPORT TABLE'],
  ['server opaque', 'replays events of a binary log', 'BINLOG'],
  ['export', 'prepares the files of tables to be copied', 'FLUSH TABLES FOR EXPORT'],
  [
    'ddl export',
    'connects the database to another server',
    'CREATE SERVER!, ALTER SERVER!, DROP SERVER',
  ],
  [
    'ddl',
    'changes the schema',
    `CREATE DATABASE, CREATE SCHEMA, ALTER DATABASE, ALTER SCHEMA, DROP DATABASE, DROP SCHEMA,
     DROP TABLE, DROP TABLES, DROP TEMPORARY TABLE, DROP TEMPORARY TABLES, DROP VIEW, DROP INDEX,
     DROP PROCEDURE, DROP FUNCTION, DROP TRIGGER, DROP EVENT, DROP SEQUENCE, DROP TEMPORARY SEQUENCE,
     DROP PACKAGE, DROP LIBRARY, DROP SPATIAL REFERENCE SYSTEM, CREATE SPATIAL REFERENCE SYSTEM,
     RENAME TABLE, RENAME TABLES, ALTER PROCEDURE, ALTER FUNCTION, ALTER EVENT, ALTER SEQUENCE,
     ALTER LIBRARY`,
  ],
]

const KINDS = new Map<string, KindEffect>()
for (const [effects, reason, statements] of ROWS) {
  for (const entry of statements.split(',')) {
    const name = entry.trim().replace(/\s+/g, ' ')
    const words = name.replace('!', '').split(' ')
    const kind = {
      words,
      effects: effects.split(' ') as Effect[],
      reason,
      secret: name.endsWith('!'),
    }
    KINDS.set(words.join(' '), kind)
  }
}

const MOST_WORDS = 4

/** The kind whose words the statement begins with; undefined where none does. */
export function kindOf(words: readonly string[]): KindEffect | undefined {
  for (let count = Math.min(words.length, MOST_WORDS); count > 0; count--) {
    const found = KINDS.get(words.slice(0, count).join(' '))
    if (found) return found
  }
  return undefined
}
