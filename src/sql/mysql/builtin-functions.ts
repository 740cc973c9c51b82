import type { Effect } from '../statement.ts'

/*
 * The functions that the servers have themselves, reviewed one by one. Which of them each server has
 * was told by the servers: MySQL 9.7, MariaDB 10.11 and 11.8.
 */

/** They only compute, or read what the session may see. On both servers. */
export const HARMLESS_ON_BOTH = `
    abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg bin bit_and
    bit_count bit_length bit_or bit_xor cast ceil ceiling char char_length character_length
    charset coalesce coercibility collation compress concat concat_ws connection_id contains conv
    convert convert_tz cos cot count crc32 cume_dist curdate current_date current_role
    current_time current_timestamp current_user curtime database date date_add date_format
    date_sub datediff datetime day dayname dayofmonth dayofweek dayofyear default degrees
    dense_rank elt exp export_set extract extractvalue field find_in_set first_value floor format
    found_rows from_base64 from_days from_unixtime geometrycollection get_format greatest
    group_concat hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr
    interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 isnull json_array json_array_append
    json_array_insert json_arrayagg json_contains json_contains_path json_depth json_extract
    json_insert json_keys json_length json_merge json_merge_patch json_merge_preserve json_object
    json_objectagg json_overlaps json_pretty json_quote json_remove json_replace json_search
    json_set json_table json_type json_unquote json_valid json_value lag last_day last_value lcase
    lead least left length linestring ln localtime localtimestamp locate log log10 log2 lower lpad
    ltrim make_set makedate maketime match max mbrcontains mbrdisjoint mbrequals mbrintersects
    mbroverlaps mbrtouches mbrwithin md5 microsecond mid min minute mod month monthname
    multilinestring multipoint multipolygon name_const now nth_value ntile nullif oct octet_length
    ord password percent_rank period_add period_diff pi point polygon position pow power quarter
    quote radians rand random_bytes rank regexp_instr regexp_replace regexp_substr repeat replace
    reverse right round row_count row_number rpad rtrim schema schemas sec_to_time second
    session_user sha sha1 sha2 sign sin soundex space sqrt srid st_area st_asbinary st_asgeojson
    st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_convexhull st_crosses
    st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope
    st_equals st_exteriorring st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext
    st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn
    st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_interiorringn
    st_intersection st_intersects st_isclosed st_isempty st_issimple st_length st_linefromtext
    st_linefromwkb st_linestringfromtext st_linestringfromwkb st_mlinefromtext st_mlinefromwkb
    st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext
    st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext
    st_multipolygonfromwkb st_numgeometries st_numinteriorrings st_numpoints st_overlaps
    st_pointfromtext st_pointfromwkb st_pointn st_polyfromtext st_polyfromwkb st_polygonfromtext
    st_polygonfromwkb st_srid st_startpoint st_symdifference st_touches st_union st_within st_x
    st_y std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring
    substring_index subtime sum sysdate system_user tan time time_format time_to_sec timediff
    timestamp timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase
    uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time
    utc_timestamp uuid uuid_short values var_pop var_samp variance version week weekday weekofyear
    weight_string year yearweek
`

/** The same, on MySQL alone. */
export const HARMLESS_ON_MYSQL = `
    any_value bin_to_uuid etag format_bytes format_pico_time geomcollection grouping gtid_subset
    gtid_subtract icu_version is_uuid json_duality_object json_schema_valid
    json_schema_validation_report json_storage_free json_storage_size mbrcoveredby mbrcovers
    ps_current_thread_id ps_thread_id regexp_like st_buffer_strategy st_collect st_frechetdistance
    st_geohash st_hausdorffdistance st_isvalid st_latfromgeohash st_latitude
    st_lineinterpolatepoint st_lineinterpolatepoints st_longfromgeohash st_longitude
    st_makeenvelope st_pointatdistance st_pointfromgeohash st_simplify st_swapxy st_transform
    st_validate statement_digest statement_digest_text string_to_vector uuid_to_bin
    validate_password_strength vector_dim vector_to_string
`

/** The same, on MariaDB alone. */
export const HARMLESS_ON_MARIADB = `
    add_months asbinary astext aswkb aswkt boundary buffer centroid chr column_add column_check
    column_create column_delete column_exists column_get column_json column_list
    concat_operator_oracle convexhull crc32c crosses decode decode_oracle des_decrypt des_encrypt
    dimension disjoint encode encrypt endpoint envelope equals exteriorring geomcollfromtext
    geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext
    geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb glength interiorringn
    intersects isclosed isempty isring issimple json_compact json_detailed json_equals json_exists
    json_loose json_normalize json_query lastval lengthb linefromtext linefromwkb
    linestringfromtext linestringfromwkb lpad_oracle ltrim_oracle mbrequal median mlinefromtext
    mlinefromwkb mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb multilinestringfromtext
    multilinestringfromwkb multipointfromtext multipointfromwkb multipolygonfromtext
    multipolygonfromwkb natural_sort_key numgeometries numinteriorrings numpoints nvl nvl2
    old_password overlaps percentile_cont percentile_disc pointfromtext pointfromwkb pointn
    pointonsurface polyfromtext polyfromwkb polygonfromtext polygonfromwkb replace_oracle rownum
    rpad_oracle rtrim_oracle sformat st_boundary st_isring st_pointonsurface st_relate startpoint
    substr_oracle sys_guid to_char touches trim_oracle within wsrep_last_seen_gtid
    wsrep_last_written_gtid x y
`

/** The same, on MariaDB from 11.1 on. */
export const HARMLESS_ON_NEWER_MARIADB = `
    format_bytes format_pico_time json_array_intersect json_key_value json_object_filter_keys
    json_object_to_array json_schema_valid kdf uuid_v4 uuid_v7 vec_distance vec_distance_cosine
    vec_distance_euclidean vec_fromtext vec_totext
`

export const LOCKS = 'get_lock release_lock release_all_locks is_free_lock is_used_lock'

/** What the others do. */
export const EFFECTS: readonly (readonly [effect: Effect, does: string, functions: string])[] = [
  ['server', 'reads a file of the server', 'load_file'],
  ['session', 'takes, gives back or looks at a lock by name', LOCKS],
  ['read', 'waits or keeps the server busy', 'sleep benchmark'],
  [
    'server',
    'waits for replication',
    `master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set
     wait_until_sql_thread_after_gtids binlog_gtid_pos wsrep_sync_wait_upto_gtid`,
  ],
  [
    'server',
    'changes how the server is replicated',
    `asynchronous_connection_failover_add_source asynchronous_connection_failover_delete_source
     asynchronous_connection_failover_add_managed asynchronous_connection_failover_delete_managed
     asynchronous_connection_failover_reset`,
  ],
  ['write', 'moves a sequence', 'nextval setval'],
  ['session', 'keeps a value in the session', 'last_insert_id'],
  ['export', 'reads statistics, which hold raw values', 'decode_histogram'],
  ['export', 'shows the rights of everybody', 'roles_graphml'],
  [
    'opaque',
    "is for the server's own use",
    `can_access_column can_access_database can_access_event can_access_resource_group
     can_access_routine can_access_table can_access_trigger can_access_user can_access_view
     convert_cpu_id_mask get_dd_column_extra get_dd_column_privileges get_dd_create_options
     get_dd_index_private_data get_dd_index_sub_part_length get_dd_property_key_value
     get_dd_schema_options get_dd_tablespace_private_data internal_auto_increment
     internal_avg_row_length internal_check_time internal_checksum internal_data_free
     internal_data_length internal_dd_char_length internal_get_comment_or_error
     internal_get_dd_column_extra internal_get_enabled_role_json internal_get_hostname
     internal_get_mandatory_roles_json internal_get_partition_nodegroup internal_get_username
     internal_get_view_warning_or_error internal_index_column_cardinality internal_index_length
     internal_is_enabled_role internal_is_mandatory_role internal_keys_disabled
     internal_max_data_length internal_remove_column internal_table_rows internal_tablespace_autoextend_size
     internal_tablespace_data_free internal_tablespace_extra internal_tablespace_free_extents
     internal_tablespace_id internal_tablespace_initial_size internal_tablespace_logfile_group_name
     internal_tablespace_logfile_group_number internal_tablespace_maximum_size
     internal_tablespace_row_format internal_tablespace_status internal_tablespace_total_extents
     internal_tablespace_type internal_tablespace_version internal_update_time is_visible_dd_object`,
  ],
]
