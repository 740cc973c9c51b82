import type { Connection } from 'mysql2/promise'
import { type Grant, mayDo, readGrants } from './mysql-grants.ts'
import { ask } from './mysql-reading.ts'
import type { MysqlSnapshot, MysqlTable, ObjectName } from './mysql-snapshot.ts'

/** Rights on the whole server that reach past every table, and what each of them allows. */
const POWERS: Readonly<Record<string, string>> = {
  FILE: 'can read and write files of the database server',
  PROCESS: "can see other people's statements",
  'CREATE USER': 'can make users and give them passwords',
  SHUTDOWN: 'can stop the server',
  RELOAD: 'can flush logs, rights and tables of everybody',
  SYSTEM_USER: 'can change the accounts of administrators',
  SET_USER_ID: 'can make code that runs with the rights of others',
  SET_ANY_DEFINER: 'can make code that runs with the rights of others',
  'SET USER': 'can make code that runs with the rights of others',
  'REPLICATION SLAVE': 'can read every change through the binary log',
  'REPLICATION CLIENT': 'can see how the server is replicated, and its binary logs',
  'BINLOG MONITOR': 'can see how the server is replicated, and its binary logs',
  'SLAVE MONITOR': 'can see how the server is replicated',
  'REPLICA MONITOR': 'can see how the server is replicated',
  'BINLOG ADMIN': 'can switch the binary log off and purge it',
  BINLOG_ADMIN: 'can switch the binary log off and purge it',
  'BINLOG REPLAY': 'can replay events of a binary log',
  'REPLICATION SLAVE ADMIN': 'can change what the server replicates',
  'REPLICATION REPLICA ADMIN': 'can change what the server replicates',
  'REPLICATION MASTER ADMIN': 'can change how the server is replicated',
  REPLICATION_SLAVE_ADMIN: 'can change what the server replicates',
  'FEDERATED ADMIN': 'can connect the server to other servers',
  'CONNECTION ADMIN': "can end other people's sessions",
  CONNECTION_ADMIN: "can end other people's sessions",
  ROLE_ADMIN: 'can give every role to everybody',
  SYSTEM_VARIABLES_ADMIN: "can change the server's settings",
  BACKUP_ADMIN: 'can lock the server for a backup',
  CLONE_ADMIN: 'can copy the whole server',
}
/** Names that are listed in one sentence. */
const MAX_NAMES = 5

/**
 * What the user behind `connection` can do that it had better not, and what it can't see that the
 * judgement needs: one sentence each, none when all is well. Nobody owns tables in MySQL.
 */
export async function inspectMysqlRole(
  connection: Connection,
  snapshot: MysqlSnapshot,
): Promise<string[]> {
  const [user] = await ask<{ name: string }>(connection, 'SELECT CURRENT_USER() AS name')
  const subject = `The user ${user?.name ?? '?'}`
  const grants = await readGrants(connection)
  const everything = administration(grants)
  if (everything !== null) {
    return [`${subject} is an administrator (${everything}): nothing in the database can stop it.`]
  }
  return [
    ...powersOf(grants).map((text) => `${subject} ${text}.`),
    ...(await settingsOf(connection, grants, snapshot)),
    ...unseen(grants, snapshot).map((text) => `${subject} can't see ${text}.`),
  ]
}

function isGlobal({ schema }: Grant): boolean {
  return schema === null
}

function administration(grants: readonly Grant[]): string | null {
  const all = grants.filter(isGlobal)
  const names = ['ALL PRIVILEGES', 'SUPER'] as const
  return names.find((name) => all.some(({ privileges }) => privileges.has(name))) ?? null
}

function powersOf(grants: readonly Grant[]): string[] {
  const all = grants.filter(isGlobal)
  const powers = Object.entries(POWERS).flatMap(([name, allows]) =>
    all.some(({ privileges }) => privileges.has(name)) ? [`${allows} (${name})`] : [],
  )
  if (grants.some(({ grantOption }) => grantOption)) {
    powers.push('can pass its rights on (GRANT OPTION)')
  }
  if (grants.some(reachesPasswords)) powers.push(MYSQL_SCHEMA)
  return powers
}

const MYSQL_SCHEMA = "has rights on the schema mysql, which holds everybody's passwords and rights"
const ON_TABLES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'ALTER']

/** Reading mysql.proc is how a MariaDB before 11.3 lets a user see the code of routines. */
function reachesPasswords({ schema, table, privileges }: Grant): boolean {
  if (schema !== null && schema.toLowerCase() !== 'mysql') return false
  if (table === 'proc' && privileges.size === 1 && privileges.has('SELECT')) return false
  return [...ON_TABLES, 'ALL PRIVILEGES'].some((right) => privileges.has(right))
}

async function settingsOf(
  connection: Connection,
  grants: readonly Grant[],
  { dialect }: MysqlSnapshot,
): Promise<string[]> {
  const [row] = await ask<{ local_files: number | string; folder: string | null }>(
    connection,
    'SELECT @@GLOBAL.local_infile AS local_files, @@GLOBAL.secure_file_priv AS folder',
  )
  const facts: string[] = []
  if (Number(row?.local_files) === 1) {
    facts.push('The server asks clients for files (local_infile is on); the proxy never does.')
  }
  const mayUseFiles = grants.some(({ privileges }) => privileges.has('FILE'))
  // NULL is "nowhere" to MySQL and "anywhere" to MariaDB.
  const anywhere = row?.folder === '' || (dialect.flavour === 'mariadb' && row?.folder === null)
  if (mayUseFiles && anywhere) {
    facts.push('The server reads and writes files in any folder (secure_file_priv is empty).')
  }
  return facts
}

/** What the judgement can't take into account. */
function unseen(grants: readonly Grant[], snapshot: MysqlSnapshot): string[] {
  const tables = [...snapshot.tables()]
  const routines = [...snapshot.routines()].filter(({ body }) => body === null)
  const say = (names: readonly ObjectName[], text: (names: string) => string) =>
    names.length > 0 ? [text(someOf(names))] : []
  return [
    ...say(
      tables.filter(({ triggers }) => triggers.includes('')),
      (names) => `the code of the triggers (TRIGGER) of ${names}: writing there needs approval`,
    ),
    ...say(
      tables.filter((table) => hidesTriggers(grants, table, snapshot)),
      (names) => `the triggers (TRIGGER) of ${names}: what writing there sets off isn't judged`,
    ),
    ...say(
      tables.filter(({ readable }) => !readable),
      (names) => `the definitions (SHOW VIEW) of ${names}: all columns of such views are masked`,
    ),
    ...say(routines, (names) => `the code of ${names}, or it isn't SQL: calling it needs approval`),
  ]
}

/** MySQL doesn't tell of triggers whose code may not be seen. */
function hidesTriggers(
  grants: readonly Grant[],
  { kind, schema, name }: MysqlTable,
  { dialect }: MysqlSnapshot,
): boolean {
  if (dialect.flavour !== 'mysql' || kind !== 'table') return false
  const writes = mayDo(grants, ['INSERT', 'UPDATE', 'DELETE'], schema, name)
  return writes && !mayDo(grants, ['TRIGGER'], schema, name)
}

function someOf(objects: readonly ObjectName[]): string {
  const names = objects.map(({ schema, name }) => `${schema}.${name}`).sort()
  const more = names.length - MAX_NAMES
  const shown = names.slice(0, MAX_NAMES).join(', ')
  return more > 0 ? `${shown} and ${more} more` : shown
}
