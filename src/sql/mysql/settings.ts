import { encodingOf } from './dialect.ts'

/** What setting a session variable to these literals does. */
export type SettingUse =
  | { readonly kind: 'harmless' }
  | { readonly kind: 'transaction' }
  | {
      readonly kind: 'opaque' | 'privilege' | 'server' | 'export'
      readonly reason: string
      /** No server has a variable of this name, as far as is known. */
      readonly unknown?: true
    }

const HARMLESS: SettingUse = { kind: 'harmless' }

/** Limits, timeouts, the planner and how results look. */
const PLAIN = new Set(
  `auto_increment_increment auto_increment_offset big_tables bulk_insert_buffer_size cte_max_recursion_depth
   date_format datetime_format default_week_format div_precision_increment eq_range_index_dive_limit
   explain_format explain_json_format_version end_markers_in_json expensive_subquery_limit
   group_concat_max_len histogram_generation_max_mem_size idle_transaction_timeout
   idle_readonly_transaction_timeout idle_write_transaction_timeout in_predicate_conversion_threshold
   information_schema_stats_expiry innodb_lock_wait_timeout innodb_strict_mode interactive_timeout
   join_buffer_size join_buffer_space_limit join_cache_level lc_messages lc_time_names lock_wait_timeout
   max_error_count max_execution_time max_heap_table_size max_join_size max_length_for_sort_data
   max_points_in_geometry max_recursive_iterations max_seeks_for_key max_session_mem_used max_sort_length
   max_sp_recursion_depth max_statement_time min_examined_row_limit mrr_buffer_size net_buffer_length
   net_read_timeout net_retry_count net_write_timeout note_verbosity optimizer_max_subgraph_pairs
   optimizer_prune_level optimizer_search_depth optimizer_selectivity_sampling_limit optimizer_switch
   optimizer_use_condition_selectivity parser_max_mem_size preload_buffer_size query_alloc_block_size
   query_cache_type query_prealloc_size range_alloc_block_size range_optimizer_max_mem_size rand_seed1
   rand_seed2 read_buffer_size read_rnd_buffer_size rowid_merge_buff_size select_into_buffer_size
   select_into_disk_sync set_operations_buffer_size sort_buffer_size sql_auto_is_null sql_big_selects
   sql_buffer_result sql_notes sql_quote_show_create sql_select_limit sql_warnings standard_compliant_cte
   time_format time_zone timestamp tmp_disk_table_size tmp_memory_table_size tmp_table_size
   transaction_alloc_block_size transaction_prealloc_size updatable_views_with_limit use_stat_tables
   wait_timeout windowing_use_high_precision old_mode alter_algorithm generated_random_password_length
   print_identified_with_as_hex net_write_timeout use_invisible_columns terminology_use_previous completion_type low_priority_updates
   max_delayed_threads max_insert_delayed_threads default_tmp_storage_engine internal_tmp_mem_storage_engine
   default_storage_engine storage_engine table_type keep_files_on_create`
    .trim()
    .split(/\s+/),
)
const TRANSACTION = new Set(
  `autocommit transaction_isolation tx_isolation transaction_read_only tx_read_only innodb_snapshot_isolation`.split(
    ' ',
  ),
)
/** Protection that a session may turn on and not off. */
const PROTECTS = new Set(
  `foreign_key_checks unique_checks check_constraint_checks sql_safe_updates sql_require_primary_key
   sql_generate_invisible_primary_key secure_timestamp`
    .trim()
    .split(/\s+/),
)
/** Drivers turn these on; what they send holds no values. */
const TRACKED_ANYWAY = new Set(['session_track_schema', 'session_track_state_change'])
/** What is written to the logs and to replicas, and as whom. */
const AUDIT =
  /^(?:sql_log_bin|sql_log_off|log_|slow_query_log|long_query_time|general_log|binlog_|gtid_|pseudo_|skip_replication|server_id|last_gtid|read_only|super_read_only|old_passwords|init_|secure_|proxy_user|external_user|debug|wsrep_|rpl_|replicate_|require_row_format|immediate_server_version|original_)/
const CHARACTER_SETS = /^(?:character_set_(?:client|connection|results)|collation_connection)$/
/** Modes that forbid more or less and leave how text is read alone. */
const PLAIN_MODES = new Set(
  `strict_trans_tables strict_all_tables no_zero_in_date no_zero_date error_for_division_by_zero traditional
   no_engine_substitution only_full_group_by no_auto_create_user no_auto_value_on_zero allow_invalid_dates
   no_unsigned_subtraction time_truncate_fractional pad_char_to_full_length no_dir_in_create
   time_round_fractional empty_string_is_null simultaneous_assignment no_key_options no_table_options
   no_field_options`
    .trim()
    .split(/\s+/),
)

/**
 * @param literals the constants of the new value in their order; null where it is computed from
 *   anything else
 */
export function settingUse(variable: string, literals: readonly string[] | null): SettingUse {
  const name = variable.toLowerCase()
  const only = literals?.length === 1 ? (literals[0] ?? '').toLowerCase() : null
  if (name === 'sql_mode') return modeUse(literals)
  if (CHARACTER_SETS.test(name)) return characterSetUse(name, only)
  if (TRACKED_ANYWAY.has(name) && isOn(only)) return HARMLESS
  if (name.startsWith('session_track')) {
    return {
      kind: 'opaque',
      reason: `sets ${name}, which sends values of the session to the client`,
    }
  }
  if (AUDIT.test(name)) {
    return { kind: 'privilege', reason: `sets ${name}, which bears on logs, replicas or rights` }
  }
  const safe = PROTECTS.has(name)
  if (safe) {
    if (isOn(only) || only === 'default') return HARMLESS
    return { kind: 'privilege', reason: `sets ${name}, which turns a protection off` }
  }
  if (TRANSACTION.has(name)) return { kind: 'transaction' }
  if (PLAIN.has(name) && literals !== null) return HARMLESS
  if (PLAIN.has(name)) return { kind: 'opaque', reason: `sets ${name} to what it computes` }
  return {
    kind: 'opaque',
    reason: `what the variable ${name} changes isn't known`,
    unknown: true,
  }
}

function isOn(value: string | null): boolean {
  return value === 'on' || value === '1' || value === 'true'
}

/** sql_mode = 'A,B' */
function modeUse(literals: readonly string[] | null): SettingUse {
  const modes = literals?.flatMap((literal) => literal.toLowerCase().split(','))
  if (modes?.every((mode) => mode.trim() === '' || PLAIN_MODES.has(mode.trim()))) return HARMLESS
  return { kind: 'opaque', reason: 'sql_mode changes how text is read' }
}

function characterSetUse(name: string, value: string | null): SettingUse {
  if (value !== null && isReadable(value)) return HARMLESS
  return { kind: 'opaque', reason: `${name} changes how text or results are read` }
}

/** A character set, or a collation of one, in which text and results can be read. */
export function isReadable(characterSet: string): boolean {
  const set = characterSet.toLowerCase().split('_')[0] ?? ''
  if (set === 'default') return true
  return set !== 'binary' && encodingOf(set) !== 'unsafe'
}
