import type pg from 'pg'
import type { CatalogSnapshot } from './snapshot.ts'

interface RoleRow {
  readonly name: string
  readonly superuser: boolean
  readonly bypassrls: boolean
  readonly replication: boolean
  readonly memberships: readonly string[]
}

/** Predefined roles that reach past every table, and what each of them allows. */
const POWERS: Readonly<Record<string, string>> = {
  pg_read_server_files: 'can read any file that the database server can',
  pg_write_server_files: 'can write any file that the database server can',
  pg_execute_server_program: 'can run programs on the database server',
  pg_read_all_data: 'can read every table whatever it was granted',
  pg_write_all_data: 'can write every table whatever it was granted',
  pg_monitor: "can read other people's statements and all settings",
  pg_read_all_stats: "can read other people's statements",
  pg_signal_backend: "can end other people's sessions",
}

const ROLE = `
  SELECT r.rolname::pg_catalog.text AS name, r.rolsuper AS superuser,
         r.rolbypassrls AS bypassrls, r.rolreplication AS replication,
         ARRAY(SELECT p.rolname::pg_catalog.text FROM pg_catalog.pg_roles p
                WHERE pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER')) AS memberships
    FROM pg_catalog.pg_roles r
   WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER`

/** What the role behind `client` can do that it had better not: one sentence each, none when all is well. */
export async function inspectRole(client: pg.Client, catalog: CatalogSnapshot): Promise<string[]> {
  const result = await client.query<RoleRow>(ROLE)
  const role = result.rows[0]
  if (!role) return ['The role of the upstream connection could not be read.']
  const subject = `The role ${role.name}`
  // A superuser is a member of every role: the one sentence says it all.
  if (role.superuser) return [`${subject} is a superuser: nothing in the database can stop it.`]
  const facts: string[] = []
  if (role.bypassrls) facts.push(`${subject} bypasses row security (BYPASSRLS).`)
  if (role.replication) facts.push(`${subject} may replicate the whole cluster (REPLICATION).`)
  for (const [power, allows] of Object.entries(POWERS)) {
    if (role.memberships.includes(power)) facts.push(`${subject} ${allows} (${power}).`)
  }
  const owned = ownedTables(role, catalog)
  if (owned.length > 0) {
    facts.push(
      `${subject} owns classified tables, and can grant or drop them: ${owned.join(', ')}.`,
    )
  }
  return facts
}

function ownedTables(role: RoleRow, catalog: CatalogSnapshot): readonly string[] {
  const owners = new Set([role.name, ...role.memberships])
  const owned: string[] = []
  for (const { schema, name, owner, classified, kind } of catalog.relations()) {
    const isTable = kind === 'table' || kind === 'partitioned-table'
    if (classified && isTable && owners.has(owner)) owned.push(`${schema}.${name}`)
  }
  return owned.sort()
}
