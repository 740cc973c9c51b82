import type { Connection } from 'mysql2/promise'
import { ask } from './mysql-reading.ts'

/** One line of SHOW GRANTS. */
export interface Grant {
  /** In capitals: SELECT, ALL PRIVILEGES, BINLOG MONITOR; of columns too. */
  readonly privileges: ReadonlySet<string>
  /** Null for every schema. It may hold the wildcards of LIKE. */
  readonly schema: string | null
  /** Null for all tables of the schema. */
  readonly table: string | null
  readonly grantOption: boolean
}

/** All that the user of a connection may do, with every role that it was granted. */
export async function readGrants(connection: Connection): Promise<readonly Grant[]> {
  await ask(connection, "SET SESSION sql_mode = ''")
  const lines = new Set(await showGrants(connection))
  const [before] = await ask<{ role: string | null }>(connection, 'SELECT CURRENT_ROLE() AS role')
  for (const role of [...lines].flatMap(rolesIn)) {
    // A role that can't be taken on gives nothing.
    const taken = await ask(connection, `SET ROLE ${role}`).catch(() => null)
    if (taken) for (const line of await showGrants(connection)) lines.add(line)
  }
  await ask(connection, `SET ROLE ${roleText(before?.role ?? null)}`)
  return [...lines].flatMap(readGrant)
}

async function showGrants(connection: Connection): Promise<readonly string[]> {
  const rows = await ask<Record<string, string>>(connection, 'SHOW GRANTS')
  return rows.flatMap((row) => Object.values(row))
}

/** GRANT `clerk`@`%` TO ..., as SET ROLE takes it. */
function rolesIn(line: string): readonly string[] {
  const [, roles] = /^GRANT ((?:`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?[, ]*)+) TO /.exec(line) ?? []
  return roles === undefined ? [] : [roles]
}

/** MySQL writes the roles in force as SET ROLE takes them, MariaDB as a bare name. */
function roleText(role: string | null): string {
  if (role === null || role === 'NONE') return 'NONE'
  return role.startsWith('`') ? role : `\`${role.replaceAll('`', '``')}\``
}

const ON = /^GRANT (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO (.*)$/s

/** Rights on tables and schemas; those on routines and proxies are left out. */
function readGrant(line: string): readonly Grant[] {
  const [, privileges, schema, table, rest] = ON.exec(line) ?? []
  if (privileges === undefined || schema === undefined || table === undefined) return []
  const names = privileges.replace(/\([^)]*\)/g, '').split(',')
  return [
    {
      privileges: new Set(names.map((name) => name.trim().toUpperCase())),
      schema: nameIn(schema),
      table: nameIn(table),
      grantOption: /WITH GRANT OPTION/.test(rest ?? ''),
    },
  ]
}

function nameIn(text: string): string | null {
  return text === '*' ? null : text.slice(1, -1).replaceAll('``', '`')
}

/** Whether one of the grants gives one of these rights on a table. */
export function mayDo(
  grants: readonly Grant[],
  rights: readonly string[],
  schema: string,
  table: string,
): boolean {
  return grants.some(
    (grant) =>
      (grant.schema === null || likeSchema(grant.schema, schema)) &&
      (grant.table === null || grant.table === table) &&
      [...rights, 'ALL PRIVILEGES'].some((right) => grant.privileges.has(right)),
  )
}

/** A schema in a grant is a pattern: "%" and "_" match, a backslash takes that away. */
function likeSchema(pattern: string, schema: string): boolean {
  const parts = [...pattern.matchAll(/\\(.)|%|_|[^\\%_]+/gs)].map(([whole, escaped]) => {
    if (whole === '%') return '.*'
    if (whole === '_') return '.'
    return (escaped ?? whole).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`, 'isu').test(schema)
}
