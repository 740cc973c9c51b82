/** What changing a setting does to a session. */
export type SettingUse = 'harmless' | 'schemas' | 'encoding' | 'privilege' | 'opaque'

/** Settings that drivers, tools and agents set, and that change neither meaning nor protection. */
const HARMLESS = new Set(
  `application_name bytea_output client_min_messages commit_delay constraint_exclusion
   cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction datestyle
   deadlock_timeout default_statistics_target default_transaction_deferrable
   default_transaction_isolation effective_cache_size enable_async_append enable_bitmapscan
   enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
   enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop
   enable_parallel_append enable_parallel_hash enable_partition_pruning
   enable_partitionwise_aggregate enable_partitionwise_join enable_seqscan enable_sort
   enable_tidscan extra_float_digits from_collapse_limit geqo geqo_threshold gin_fuzzy_search_limit
   hash_mem_multiplier idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit
   join_collapse_limit lc_messages lc_monetary lc_numeric lc_time lock_timeout
   maintenance_work_mem max_parallel_maintenance_workers max_parallel_workers
   max_parallel_workers_per_gather min_parallel_index_scan_size min_parallel_table_scan_size
   parallel_setup_cost parallel_tuple_cost plan_cache_mode random_page_cost seed seq_page_cost
   statement_timeout synchronize_seqscans synchronous_commit tcp_keepalives_count
   tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_buffers timezone
   transaction_deferrable transaction_isolation transaction_timeout vacuum_cost_delay work_mem
   xmloption xmlbinary default_toast_compression quote_all_identifiers default_text_search_config
   escape_string_warning check_function_bodies array_nulls
   countersign.claim countersign.hold countersign.on_behalf_of`.split(/\s+/),
)

const PRIVILEGE = new Set(
  `role session_authorization is_superuser row_security session_replication_role
   default_transaction_read_only transaction_read_only allow_system_table_mods
   lo_compat_privileges ignore_system_indexes zero_damaged_pages ignore_checksum_failure
   track_activities track_counts track_functions track_io_timing track_activity_query_size
   compute_query_id update_process_title session_preload_libraries local_preload_libraries
   shared_preload_libraries dynamic_library_path jit_provider temp_tablespaces default_tablespace
   password_encryption createrole_self_grant restrict_nonsystem_relation_kind
   temp_file_limit commit_timestamp debug_print_parse debug_print_plan debug_print_rewritten
   debug_pretty_print event_triggers`.split(/\s+/),
)

/** Unknown settings are opaque: what isn't on a list may change what a statement means. */
export function settingUse(name: string): SettingUse {
  const key = name.toLowerCase()
  if (key === 'search_path') return 'schemas'
  if (key === 'client_encoding') return 'encoding'
  if (HARMLESS.has(key)) return 'harmless'
  if (PRIVILEGE.has(key) || /^(log_|auto_explain\.|pgaudit\.|pg_stat_statements\.)/.test(key)) {
    return 'privilege'
  }
  return 'opaque'
}

const ANY_TEXT = new Set(
  'all application_name default_text_search_config local_preload_libraries search_path timezone'.split(
    ' ',
  ),
)

/** Whether a setting takes whatever text it is given; one of an extension, or of nobody's, does. */
export function holdsAnyText(name: string): boolean {
  return name.includes('.') || ANY_TEXT.has(name.toLowerCase())
}

/** UTF8 in any of the spellings that the server takes. */
export function isUtf8(encoding: string): boolean {
  const name = encoding.toLowerCase().replace(/[^a-z0-9]/g, '')
  return name === 'utf8' || name === 'unicode'
}

/** standard_conforming_strings = on, as it is already: drivers say so when they connect. */
export function keepsMeaning(name: string, value: string): boolean {
  return name.toLowerCase() === 'standard_conforming_strings' && isOn(value)
}

function isOn(value: string): boolean {
  return ['on', 'true', 'yes', '1', 't', 'y'].includes(value.toLowerCase())
}

/** Turning it on protects, turning it off doesn't. */
export function protects(name: string, value: string): boolean {
  const on = isOn(value)
  const key = name.toLowerCase()
  const readOnly = key === 'default_transaction_read_only' || key === 'transaction_read_only'
  return on && (readOnly || key === 'row_security')
}

/** Back to whom the session logged in as: pools say so between two users, and DISCARD ALL does it. */
export function resetsIdentity(name: string): boolean {
  return name.toLowerCase() === 'session_authorization'
}

const SECRET = new Set(
  `primary_conninfo ssl_passphrase_command archive_command restore_command archive_cleanup_command
   recovery_end_command krb_server_keyfile ssl_key_file config_file hba_file ident_file
   data_directory external_pid_file log_directory log_filename promote_trigger_file
   primary_slot_name synchronous_standby_names oauth_validator_libraries`.split(/\s+/),
)

/** Settings that may hold passwords or paths of the host. */
export function isSecretSetting(name: string): boolean {
  return SECRET.has(name.toLowerCase())
}

/** A search_path of these schemas means what the catalog knows. */
export function schemasOf(value: string): readonly string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .map((part) =>
      part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase(),
    )
    .filter((part) => part !== '')
}
