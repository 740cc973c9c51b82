import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The programs of one MySQL or MariaDB server. */
export interface MysqlBinaries {
  readonly flavour: 'mysql' | 'mariadb'
  /** Path of mysqld or mariadbd. */
  readonly server: string
  /** The folder of the SQL that makes MariaDB's own tables; '' where the server does that itself. */
  readonly share: string
}

const SERVERS = ['mariadbd', 'mysqld'].flatMap((name) =>
  ['/usr/sbin', '/usr/libexec', '/usr/local/bin', '/opt/homebrew/bin', '/usr/bin'].map((folder) =>
    join(folder, name),
  ),
)
const SHARES = ['/usr/share/mariadb', '/usr/share/mysql']

/** The server that is installed on this machine; null where there is none that can be started. */
export function mysqlOfMachine(): MysqlBinaries | null {
  for (const server of SERVERS) {
    const found = existsSync(server) ? binariesOf(server, SHARES) : null
    if (found) return found
  }
  return null
}

/** Reads which server a program is; null where MariaDB's own tables couldn't be made for it. */
function binariesOf(server: string, shares: readonly string[]): MysqlBinaries | null {
  const asked = spawnSync(server, ['--no-defaults', '--version'], { encoding: 'utf8' })
  if (asked.status !== 0) return null
  if (!/MariaDB/i.test(asked.stdout)) return { flavour: 'mysql', server, share: '' }
  const share = shares.find((path) => systemTables(path))
  return share === undefined ? null : { flavour: 'mariadb', server, share }
}

/** The files that make MariaDB's own tables; their names begin with the server's, old or new. */
export function systemTables(share: string): readonly string[] | null {
  for (const prefix of ['mariadb', 'mysql']) {
    const names = ['system_tables', 'performance_tables', 'system_tables_data']
    const files = names.map((name) => join(share, `${prefix}_${name}.sql`))
    if (files.every((file) => existsSync(file))) return files
  }
  return null
}
