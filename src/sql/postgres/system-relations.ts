/** Why reading a system relation is an export, and which of its columns make it one. */
interface Sensitive {
  readonly reason: string
  /** Null: any of them. */
  readonly columns: ReadonlySet<string> | null
}

type Row = readonly [reason: string, relations: string]

/** relation, or relation.column+column where the others are harmless. */
const ROWS: readonly Row[] = [
  ['reads password hashes', 'pg_authid pg_shadow'],
  [
    'reads connection secrets',
    `pg_user_mapping.umoptions pg_user_mappings.umoptions pg_subscription.subconninfo
     pg_foreign_server.srvoptions pg_foreign_data_wrapper.fdwoptions
     user_mapping_options foreign_server_options pg_stat_wal_receiver`,
  ],
  [
    'reads files of the server',
    'pg_hba_file_rules pg_file_settings pg_ident_file_mappings pg_config pg_stat_archiver',
  ],
  [
    "reads other people's SQL",
    `pg_stat_activity.query pg_stat_statements pg_stat_statements_info pg_prepared_statements.statement
     pg_cursors.statement pg_stat_monitor pg_store_plans pg_stat_kcache`,
  ],
  ['reads how the server is replicated', 'pg_stat_replication pg_replication_origin_status'],
  [
    'reads statistics, which hold raw values',
    `pg_stats.most_common_vals+histogram_bounds+most_common_elems+range_bounds_histogram
     pg_statistic pg_statistic_ext_data pg_stats_ext.most_common_vals
     pg_stats_ext_exprs.most_common_vals+histogram_bounds+most_common_elems`,
  ],
  ['reads large objects', 'pg_largeobject'],
]

const SENSITIVE = new Map<string, Sensitive>()
for (const [reason, relations] of ROWS) {
  for (const entry of relations.trim().split(/\s+/)) {
    const [name = '', columns] = entry.split('.')
    SENSITIVE.set(name, { reason, columns: columns ? new Set(columns.split('+')) : null })
  }
}

/** Why reading anything of this relation is an export; null where it isn't. */
export function sensitiveRelation(schema: string | null, name: string): string | null {
  if (schema?.startsWith('pg_toast') || name.startsWith('pg_toast_')) {
    return `reads ${name}, the raw storage of large values`
  }
  if (!isSystemName(schema, name)) return null
  const found = SENSITIVE.get(name)
  return found && found.columns === null ? `${found.reason} (${name})` : null
}

/** Why reading this column of a relation is an export; null where it isn't. */
export function sensitiveColumn(
  schema: string | null,
  name: string,
  column: string,
): string | null {
  if (!isSystemName(schema, name)) return null
  const found = SENSITIVE.get(name)
  return found?.columns?.has(column) ? `${found.reason} (${name}.${column})` : null
}

/** A schema that only the server itself should write to. */
export function isSystemSchema(schema: string | null): boolean {
  return (
    schema === 'pg_catalog' ||
    schema === 'information_schema' ||
    Boolean(schema?.startsWith('pg_toast'))
  )
}

/** Extensions put theirs into any schema, under names that begin like the server's own. */
function isSystemName(schema: string | null, name: string): boolean {
  return name.startsWith('pg_') || isSystemSchema(schema)
}
