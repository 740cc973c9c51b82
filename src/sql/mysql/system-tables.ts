/** What reading one of the server's own tables shows. */
type Row = readonly [reason: string, tables: string]

/** schema.table, or schema.table.column+column where the others are harmless. */
const ROWS: readonly Row[] = [
  [
    "other people's SQL",
    `information_schema.processlist.info+info_binary information_schema.innodb_trx.trx_query
     information_schema.profiling information_schema.optimizer_trace
     information_schema.query_cache_info information_schema.locks information_schema.innodb_locks`,
  ],
  [
    'stored code',
    `information_schema.routines.routine_definition information_schema.triggers.action_statement
     information_schema.events.event_definition information_schema.libraries.library_definition
     information_schema.views.view_definition`,
  ],
  [
    'raw values',
    `information_schema.column_statistics information_schema.innodb_ft_index_cache
     information_schema.innodb_ft_index_table information_schema.innodb_ft_being_deleted
     information_schema.innodb_buffer_page information_schema.innodb_buffer_page_lru
     information_schema.user_variables`,
  ],
  ['files of the server', 'information_schema.files information_schema.innodb_datafiles'],
  ['password hashes or other secrets', 'information_schema.user_attributes'],
]

/** Tables of the schema mysql that hold no secrets; any other is an export. */
const HARMLESS_MYSQL = /^(?:help_|time_zone)/
const HARMLESS_PERFORMANCE = new Set([
  'global_status',
  'global_variables',
  'session_status',
  'session_variables',
])

const SENSITIVE = new Map<string, { reason: string; columns: readonly string[] }>()
for (const [reason, tables] of ROWS) {
  for (const entry of tables.trim().split(/\s+/)) {
    const [schema = '', name = '', columns = ''] = entry.split('.')
    SENSITIVE.set(`${schema}.${name}`, { reason, columns: columns.split('+').filter(Boolean) })
  }
}

/** mysql, information_schema, performance_schema and sys. */
export function isSystemSchema(schema: string): boolean {
  return /^(?:mysql|information_schema|performance_schema|sys)$/i.test(schema)
}

/**
 * Why reading this table of a system schema is an export; null where it isn't.
 *
 * @param says whether the statement says a name, or takes every column
 */
export function exportOf(
  schema: string,
  name: string,
  says: (column: string) => boolean,
): string | null {
  const [own, table] = [schema.toLowerCase(), name.toLowerCase()]
  const label = `${own}.${table}`
  if (own === 'mysql') {
    return HARMLESS_MYSQL.test(table) ? null : `reads ${label}: rights, secrets or raw values`
  }
  if (own === 'performance_schema') {
    return HARMLESS_PERFORMANCE.has(table) ? null : `reads ${label}, which shows what others do`
  }
  if (own === 'sys')
    return table === 'version' ? null : `reads ${label}, which shows what others do`
  const found = SENSITIVE.get(label)
  if (!found) return null
  const shown = found.columns.length === 0 || found.columns.some(says)
  return shown ? `reads ${label}: ${found.reason}` : null
}
