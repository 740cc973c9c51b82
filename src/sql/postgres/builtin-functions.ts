import type { Effect } from '../statement.ts'

/*
 * The functions that were reviewed, by name. This page holds data only. Which names are really the
 * server's own is told by their ids, and what isn't reviewed here and is volatile counts as opaque:
 * a test holds both lists against all that PostgreSQL 15 and 18 bring.
 */

/** What they do, the reason in words, their names; `sink`: others may see what is handed to them. */
export type FunctionGroup = readonly [
  effects: readonly Effect[],
  reason: string,
  names: string,
  sink?: 'sink',
]

/**
 * What was reviewed and does more than compute, with PostgreSQL's contrib modules, whose functions
 * may stand in any schema. * at the end covers a family.
 */
export const DANGEROUS_FUNCTIONS: readonly FunctionGroup[] = [
  [
    ['opaque', 'export'],
    'runs SQL that stands in a string',
    `query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
     table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
     schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema
     database_to_xml_and_xmlschema ts_stat xpath_table`,
    'sink',
  ],
  [
    ['opaque'],
    'runs SQL that stands in a string',
    'crosstab crosstab2 crosstab3 crosstab4 crosstabN connectby ts_rewrite_query spi_exec',
    'sink',
  ],
  [
    ['export', 'opaque'],
    'opens a connection of its own to a database',
    `dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_fetch dblink_close
     dblink_send_query dblink_get_result dblink_disconnect dblink_build_sql_insert
     dblink_build_sql_update dblink_build_sql_delete postgres_fdw_get_connections
     postgres_fdw_disconnect postgres_fdw_disconnect_all`,
    'sink',
  ],
  [
    ['server'],
    'reads or writes files of the database server',
    `pg_read_file pg_read_file_old pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir
     pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir
     pg_ls_replslotdir pg_ls_summariesdir pg_current_logfile pg_file_read pg_file_write
     pg_file_rename pg_file_unlink pg_file_sync pg_file_length pg_logdir_ls pg_read_server_files
     pg_logfile_rotate pg_rotate_logfile pg_rotate_logfile_old pg_hba_file_rules
     pg_ident_file_mappings pg_show_all_file_settings`,
  ],
  [
    ['server', 'export'],
    'moves large objects between server files and the database',
    'lo_import lo_export be_lo_import be_lo_export',
  ],
  [
    ['export'],
    'reads large objects',
    'lo_get loread lo_open lo_lseek lo_lseek64 lo_tell lo_tell64 lo_close',
  ],
  [
    ['write'],
    'changes large objects',
    `lo_creat lo_create lo_put lowrite lo_from_bytea lo_truncate lo_truncate64 lo_unlink lo_manage`,
    'sink',
  ],
  [['write'], 'changes a sequence', 'setval', 'sink'],
  [['write'], 'advances a sequence', 'nextval'],
  [
    ['export'],
    'reads raw pages, write-ahead log or statistics, which hold values',
    `get_raw_page page_header page_checksum heap_page_items heap_page_item_attrs
     heap_tuple_infomask_flags tuple_data_split fsm_page_contents bt_metap bt_page_stats
     bt_multi_page_stats bt_page_items brin_page_type brin_metapage_info brin_revmap_data
     brin_page_items gin_metapage_info gin_page_opaque_info gin_leafpage_items gist_page_opaque_info
     gist_page_items gist_page_items_bytea hash_page_type hash_page_stats hash_page_items
     hash_bitmap_info hash_metapage_info pg_get_wal_record_info pg_get_wal_records_info
     pg_get_wal_records_info_till_end_of_wal pg_get_wal_block_info pg_get_wal_stats
     pg_get_wal_stats_till_end_of_wal pg_get_wal_fpi_info pg_mcv_list_items
     pg_ndistinct_out pg_dependencies_out pg_mcv_list_out pg_wal_summary_contents
     pg_available_wal_summaries`,
  ],
  [
    ['export'],
    "reads other people's SQL or connections",
    `pg_stat_get_activity pg_stat_get_backend_activity pg_stat_get_wal_receiver
     pg_stat_get_wal_senders pg_stat_get_subscription pg_stat_statements pg_stat_statements_info
     pg_prepared_statement pg_cursor pg_store_plans pg_stat_monitor pg_log_query_plan`,
  ],
  [
    ['export'],
    'reads or controls replication',
    `pg_create_logical_replication_slot pg_create_physical_replication_slot
     pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_drop_replication_slot
     pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
     pg_logical_slot_peek_binary_changes pg_replication_slot_advance pg_sync_replication_slots
     pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance
     pg_replication_origin_session_setup pg_replication_origin_session_reset
     pg_replication_origin_xact_setup pg_replication_origin_xact_reset pg_logical_emit_message
     pg_get_replication_slots pg_show_replication_origin_status pg_walfile_name_offset_raw`,
    'sink',
  ],
  [
    ['server'],
    'administers the server',
    `pg_terminate_backend pg_cancel_backend pg_reload_conf pg_switch_wal pg_switch_xlog
     pg_create_restore_point pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup
     pg_promote pg_wal_replay_pause pg_wal_replay_resume pg_log_backend_memory_contexts
     pg_log_standby_snapshot pg_stat_reset pg_stat_reset_shared pg_stat_reset_slru
     pg_stat_reset_single_table_counters pg_stat_reset_single_function_counters
     pg_stat_reset_backend_stats pg_stat_reset_replication_slot pg_stat_reset_subscription_stats
     pg_stat_clear_snapshot_all pg_stat_statements_reset pg_import_system_collations
     pg_nextoid pg_prewarm autoprewarm_dump_now autoprewarm_start_worker pg_truncate_visibility_map
     heap_force_kill heap_force_freeze pg_buffercache_evict pg_buffercache_evict_relation
     pg_buffercache_evict_all gin_clean_pending_list brin_summarize_new_values
     brin_summarize_range brin_desummarize_range pg_stop_making_pinned_objects
     pg_restore_relation_stats pg_clear_relation_stats pg_restore_attribute_stats
     pg_clear_attribute_stats pg_set_relation_stats pg_set_attribute_stats
     pg_execute_server_program pg_replication_slot_invalidate injection_points_attach
     pg_extension_config_dump`,
  ],
  [['server', 'privilege'], 'changes system catalogs', 'binary_upgrade_*'],
  [
    ['opaque', 'server'],
    'is an entry point for native code or triggers',
    'plpgsql_call_handler plperl_call_handler plpython3_call_handler pg_execute fmgr_c_validator',
  ],
  [
    ['session'],
    'is seen by other sessions',
    `pg_notify pg_advisory_lock pg_advisory_lock_shared pg_try_advisory_lock
     pg_try_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
     pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_advisory_unlock
     pg_advisory_unlock_all pg_advisory_unlock_shared pg_export_snapshot`,
    'sink',
  ],
  [
    ['session'],
    'takes time or state of the session',
    'pg_sleep pg_sleep_for pg_sleep_until set_config setseed',
    'sink',
  ],
  [
    ['opaque'],
    'reads a value of any type, and so runs what that type runs',
    `domain_in domain_recv array_in array_recv record_in record_recv range_in range_recv
     multirange_in multirange_recv anyarray_in`,
  ],
]

/** Volatile functions of the server that read its state or the clock, or make chance, and no more. */
export const HARMLESS_BUILTINS = `
  array_sample array_shuffle clock_timestamp current_query currtid2 currval gen_random_uuid lastval
  pg_blocking_pids pg_collation_actual_version pg_control_checkpoint pg_control_init
  pg_control_recovery pg_control_system pg_current_wal_flush_lsn pg_current_wal_insert_lsn
  pg_current_wal_lsn pg_database_collation_actual_version pg_database_size pg_get_aios
  pg_get_backend_memory_contexts pg_get_loaded_modules pg_get_multixact_members
  pg_get_sequence_data pg_get_shmem_allocations pg_get_shmem_allocations_numa pg_get_wait_events
  pg_get_wal_replay_pause_state pg_get_wal_resource_managers pg_get_wal_summarizer_state
  pg_indexes_size pg_is_in_recovery pg_is_wal_replay_paused pg_isolation_test_session_is_blocked
  pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn
  pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage pg_partition_ancestors
  pg_partition_tree pg_prepared_xact pg_relation_size pg_replication_origin_progress
  pg_replication_origin_session_is_setup pg_replication_origin_session_progress
  pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_stat_clear_snapshot
  pg_stat_force_next_flush pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io
  pg_stat_get_recovery_prefetch pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
  pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time
  pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted
  pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated
  pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated
  pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_stat_have_stats pg_table_size
  pg_tablespace_size pg_total_relation_size pg_xact_commit_timestamp
  pg_xact_commit_timestamp_origin pg_xact_status random random_normal timeofday txid_status uuidv4
  uuidv7`

/**
 * Volatile functions of the server that only the server calls: triggers, handlers of access methods
 * and languages. SQL can't call them: they take or give types that SQL has no value of.
 */
export const INTERNAL_BUILTINS = `
  RI_FKey_cascade_del RI_FKey_cascade_upd RI_FKey_check_ins RI_FKey_check_upd RI_FKey_noaction_del
  RI_FKey_noaction_upd RI_FKey_restrict_del RI_FKey_restrict_upd RI_FKey_setdefault_del
  RI_FKey_setdefault_upd RI_FKey_setnull_del RI_FKey_setnull_upd amvalidate bernoulli brinhandler
  bthandler dsnowball_init dsnowball_lexize ginhandler gisthandler hashhandler heap_tableam_handler
  plpgsql_inline_handler plpgsql_validator spghandler suppress_redundant_updates_trigger system
  tsvector_update_trigger tsvector_update_trigger_column unique_key_recheck`

/** Volatile functions of the server whose arguments decide: they are looked at where they stand. */
export const JUDGED_BUILTINS = 'ts_rewrite'

/** Extensions whose functions compute from their arguments alone, those of the table excepted. */
export const TRANSPARENT_EXTENSIONS = `
  btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch hstore intarray
  isn lo ltree pg_trgm pgcrypto postgis seg sslinfo tablefunc tsm_system_rows tsm_system_time
  unaccent uuid-ossp vector`

/** Volatile functions of those extensions that are harmless all the same. */
export const HARMLESS_OF_EXTENSIONS = `
  gen_random_bytes gen_random_uuid gen_salt uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4
  pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea normal_rand set_limit
  show_limit`
