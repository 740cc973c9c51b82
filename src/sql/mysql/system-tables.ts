/** What reading one of the server's own tables shows. */
type Row = readonly [reason: string, tables: string]

/** schema.table, or schema.table.column+column where the others are harmless. */
const EXPORTS: readonly Row[] = [
  [
    "other people's SQL",
    `information_schema.processlist.info+info_binary information_schema.innodb_trx.trx_query
     information_schema.profiling information_schema.optimizer_trace
     information_schema.query_cache_info information_schema.locks information_schema.innodb_locks`,
  ],
  [
    'what others do',
    `information_schema.client_statistics information_schema.user_statistics
     information_schema.metadata_lock_info information_schema.innodb_lock_waits
     information_schema.users`,
  ],
  [
    'raw values',
    `information_schema.column_statistics information_schema.innodb_ft_index_cache
     information_schema.innodb_ft_index_table information_schema.innodb_ft_being_deleted
     information_schema.innodb_buffer_page information_schema.innodb_buffer_page_lru
     information_schema.user_variables`,
  ],
  [
    'stored code',
    `information_schema.routines.routine_definition information_schema.triggers.action_statement
     information_schema.events.event_definition information_schema.libraries.library_definition`,
  ],
  ['password hashes or other secrets', 'information_schema.user_attributes'],
  ['how the server is replicated', 'information_schema.slave_status'],
]

/** Names, types, sizes, counts and settings. */
const HARMLESS_INFORMATION = new Set(
  `administrable_role_authorizations all_plugins applicable_roles character_sets check_constraints
   collation_character_set_applicability collations column_privileges columns columns_extensions
   enabled_roles engines events files geometry_columns global_status global_variables
   index_statistics innodb_buffer_pool_stats innodb_cached_indexes innodb_cmp innodb_cmp_per_index
   innodb_cmp_per_index_reset innodb_cmp_reset innodb_cmpmem innodb_cmpmem_reset innodb_columns
   innodb_datafiles innodb_fields innodb_foreign innodb_foreign_cols innodb_ft_config
   innodb_ft_default_stopword innodb_ft_deleted innodb_indexes innodb_metrics
   innodb_session_temp_tablespaces innodb_sys_columns innodb_sys_datafiles innodb_sys_fields
   innodb_sys_foreign innodb_sys_foreign_cols innodb_sys_indexes innodb_sys_semaphore_waits
   innodb_sys_tables innodb_sys_tablespaces innodb_sys_tablestats innodb_sys_virtual innodb_tables
   innodb_tablespaces innodb_tablespaces_brief innodb_tablespaces_encryption innodb_tablestats
   innodb_temp_table_info innodb_trx innodb_virtual json_duality_view_columns
   json_duality_view_links json_duality_view_tables json_duality_views key_caches key_column_usage
   key_period_usage keywords libraries ndb_transid_mysql_connection_map optimizer_costs parameters
   partitions periods plugins processlist referential_constraints resource_groups
   role_column_grants role_routine_grants role_table_grants routine_libraries routines
   schema_privileges schemata schemata_extensions sequences session_status session_variables
   spatial_ref_sys sql_functions st_geometry_columns st_spatial_reference_systems
   st_units_of_measure statistics system_variables table_constraints table_constraints_extensions
   table_privileges table_statistics tables tables_extensions tablespaces tablespaces_extensions
   thread_pool_groups thread_pool_queues thread_pool_stats thread_pool_waits triggers
   user_privileges view_routine_usage view_table_usage views`
    .trim()
    .split(/\s+/),
)
/** Tables of the schema mysql that hold no secrets; any other is an export. */
const HARMLESS_MYSQL = /^(?:help_|time_zone)/
/** Of others, what may not be named: they tell of users, of where rights are, or of routines. */
const SECRETS_OF_MYSQL: Readonly<Record<string, RegExp>> = {
  user: /_priv$|passw|authentication|plugin|attributes|^ssl_|^x509_|^max_|role|locked|^create/,
  db: /_priv$/,
  proc: /^body|^param_list$/,
}
const HARMLESS_PERFORMANCE = new Set(
  `column_masking_policy global_status global_variable_attributes global_variables performance_timers
   persisted_variables session_status session_variables setup_actors setup_consumers setup_instruments
   setup_loggers setup_meters setup_metrics setup_objects setup_threads setup_timers variables_info
   variables_metadata`
    .trim()
    .split(/\s+/),
)

/**
 * The columns of tables of which one holds stored code, in their order, which is the same on all
 * servers: read as a whole, that one alone is masked.
 */
const COLUMNS: Readonly<Record<string, string>> = {
  events: `event_catalog event_schema event_name definer time_zone event_body event_definition
    event_type execute_at interval_value interval_field sql_mode starts ends status on_completion
    created last_altered last_executed event_comment originator character_set_client
    collation_connection database_collation`,
  routines: `specific_name routine_catalog routine_schema routine_name routine_type data_type
    character_maximum_length character_octet_length numeric_precision numeric_scale
    datetime_precision character_set_name collation_name dtd_identifier routine_body
    routine_definition external_name external_language parameter_style is_deterministic
    sql_data_access sql_path security_type created last_altered sql_mode routine_comment definer
    character_set_client collation_connection database_collation`,
  triggers: `trigger_catalog trigger_schema trigger_name event_manipulation event_object_catalog
    event_object_schema event_object_table action_order action_condition action_statement
    action_orientation action_timing action_reference_old_table action_reference_new_table
    action_reference_old_row action_reference_new_row created sql_mode definer character_set_client
    collation_connection database_collation`,
}
const CODE = new Set(['event_definition', 'routine_definition', 'action_statement'])

const exports = new Map<string, { reason: string; columns: readonly string[] }>()
for (const [reason, tables] of EXPORTS) {
  for (const entry of tables.trim().split(/\s+/)) {
    const [schema = '', name = '', columns = ''] = entry.split('.')
    exports.set(`${schema}.${name}`, { reason, columns: columns.split('+').filter(Boolean) })
  }
}

/** mysql, information_schema, performance_schema and sys. */
export function isSystemSchema(schema: string): boolean {
  return /^(?:mysql|information_schema|performance_schema|sys)$/i.test(schema)
}

/** What a column of a table of the server's own is called, and whether it may be seen. */
export interface SystemColumn {
  readonly name: string
  readonly code: boolean
}

/** The columns of a table of information_schema that holds stored code; null for any other. */
export function systemColumns(schema: string, name: string): readonly SystemColumn[] | null {
  if (schema.toLowerCase() !== 'information_schema') return null
  const columns = COLUMNS[name.toLowerCase()]
  return columns?.split(/\s+/).map((column) => ({ name: column, code: CODE.has(column) })) ?? null
}

/** What reading a table of a system schema is, beside reading. */
export type SystemUse =
  | { readonly kind: 'harmless' }
  /** Some of its columns may not be seen. */
  | { readonly kind: 'masked' }
  | { readonly kind: 'export'; readonly reason: string }

const HARMLESS: SystemUse = { kind: 'harmless' }

/**
 * @param said every name in the statement, in small letters
 * @param all whether it takes every column without naming them
 */
export function systemUse(
  schema: string,
  name: string,
  said: ReadonlySet<string>,
  all: boolean,
): SystemUse {
  const [own, table] = [schema.toLowerCase(), name.toLowerCase()]
  const label = `${own}.${table}`
  const shows = (what: string): SystemUse => ({ kind: 'export', reason: `reads ${label}${what}` })
  if (own === 'mysql') {
    const secrets = all ? undefined : SECRETS_OF_MYSQL[table]
    const fit = secrets && ![...said].some((column) => secrets.test(column))
    return fit || HARMLESS_MYSQL.test(table) ? HARMLESS : shows(': rights, secrets or raw values')
  }
  if (own === 'performance_schema') {
    return HARMLESS_PERFORMANCE.has(table) ? HARMLESS : shows(', which shows what others do')
  }
  if (own === 'sys') return table === 'version' ? HARMLESS : shows(', which shows what others do')
  const found = exports.get(label)
  const shown = found?.columns.length === 0 || found?.columns.some((column) => said.has(column))
  if (found && shown) return shows(`: ${found.reason}`)
  if (found && all) return COLUMNS[table] ? { kind: 'masked' } : shows(`: ${found.reason}`)
  return HARMLESS_INFORMATION.has(table) ? HARMLESS : shows(', of which nothing is known')
}
