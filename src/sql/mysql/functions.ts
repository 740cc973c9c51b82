import type { Effect } from '../statement.ts'

/**
 * The functions that MySQL 9 and MariaDB 11.8 have themselves and that only compute or read what the
 * session may see. A stored function can have the name of one that its server lacks: the schema is
 * asked first.
 */
const BUILTIN = new Set(
  `
  abs acos add_months adddate addtime aes_decrypt aes_encrypt any_value asbinary ascii asin
  astext aswkb aswkt atan atan2 avg bin bin_to_uuid bit_and bit_count bit_length bit_or bit_xor
  boundary buffer cast ceil ceiling centroid char char_length character_length charset chr
  coalesce coercibility collation column_add column_check column_create column_delete
  column_exists column_get column_json column_list compress concat concat_ws connection_id
  contains conv convert convert_tz convexhull cos cot count crc32 crc32c crosses cume_dist
  curdate current_date current_role current_time current_timestamp current_user curtime database
  date date_add date_format date_sub datediff datetime day dayname dayofmonth dayofweek
  dayofyear decode default degrees dense_rank des_decrypt des_encrypt dimension disjoint
  distance elt encode encrypt endpoint envelope equals exp export_set exteriorring extract
  extractvalue field find_in_set first_value floor format format_bytes format_pico_time
  found_rows from_base64 from_days from_unixtime geomcollection geomcollfromtext geomcollfromwkb
  geometrycollection geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext
  geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb get_format glength greatest
  group_concat grouping gtid_subset gtid_subtract hex hour icu_version if ifnull inet6_aton
  inet6_ntoa inet_aton inet_ntoa insert instr interiorringn intersects interval is_ipv4
  is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isclosed isempty isnull isring issimple
  json_array json_array_append json_array_insert json_array_intersect json_arrayagg json_compact
  json_contains json_contains_path json_depth json_detailed json_equals json_exists json_extract
  json_insert json_key_value json_keys json_length json_loose json_merge json_merge_patch
  json_merge_preserve json_normalize json_object json_object_filter_keys json_object_to_array
  json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace
  json_schema_valid json_schema_validation_report json_search json_set json_storage_free
  json_storage_size json_table json_type json_unquote json_valid json_value kdf lag last_day
  last_value lastval lcase lead least left length lengthb linefromtext linefromwkb linestring
  linestringfromtext linestringfromwkb ln localtime localtimestamp locate log log10 log2 lower
  lpad ltrim make_set makedate maketime match max mbrcontains mbrcoveredby mbrcovers mbrdisjoint
  mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin md5 median microsecond mid
  min minute mlinefromtext mlinefromwkb mod month monthname mpointfromtext mpointfromwkb
  mpolyfromtext mpolyfromwkb multilinestring multilinestringfromtext multilinestringfromwkb
  multipoint multipointfromtext multipointfromwkb multipolygon multipolygonfromtext
  multipolygonfromwkb name_const natural_sort_key now nth_value ntile nullif numgeometries
  numinteriorrings numpoints nvl nvl2 oct octet_length old_password ord overlaps password
  percent_rank percentile_cont percentile_disc period_add period_diff pi point pointfromtext
  pointfromwkb pointn pointonsurface polyfromtext polyfromwkb polygon polygonfromtext
  polygonfromwkb position pow power ps_current_thread_id ps_thread_id quarter quote radians rand
  random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse
  right round row_count row_number rownum rpad rtrim schema schemas sec_to_time second
  session_user sformat sha sha1 sha2 sign sin soundex space sqrt srid st_area st_asbinary
  st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer st_buffer_strategy st_centroid
  st_collect st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint
  st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring
  st_frechetdistance st_geohash st_geomcollfromtext st_geomcollfromwkb
  st_geometrycollectionfromtext st_geometrycollectionfromwkb st_geometryfromtext
  st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext
  st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection st_intersects st_isclosed
  st_isempty st_isring st_issimple st_isvalid st_latfromgeohash st_latitude st_length
  st_linefromtext st_linefromwkb st_lineinterpolatepoint st_lineinterpolatepoints
  st_linestringfromtext st_linestringfromwkb st_longfromgeohash st_longitude st_makeenvelope
  st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext
  st_mpolyfromwkb st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext
  st_multipointfromwkb st_multipolygonfromtext st_multipolygonfromwkb st_numgeometries
  st_numinteriorrings st_numpoints st_overlaps st_pointatdistance st_pointfromgeohash
  st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface st_polyfromtext st_polyfromwkb
  st_polygonfromtext st_polygonfromwkb st_relate st_simplify st_srid st_startpoint st_swapxy
  st_symdifference st_touches st_transform st_union st_validate st_within st_x st_y startpoint
  statement_digest statement_digest_text std stddev stddev_pop stddev_samp str_to_date strcmp
  string_to_vector subdate substr substring substring_index subtime sum sys_guid sysdate
  system_user tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff
  to_base64 to_char to_date to_days to_number to_seconds touches trim trunc truncate ucase
  uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time
  utc_timestamp uuid uuid_short uuid_to_bin uuid_v4 uuid_v7 values var_pop var_samp variance
  vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext vector_dim
  vector_to_string version week weekday weekofyear weight_string within x xmltype y year
  yearweek
  `
    .trim()
    .split(/\s+/),
)

export interface FunctionEffect {
  readonly effect: Effect
  readonly reason: string
}

const LOCKS = 'get_lock release_lock release_all_locks is_free_lock is_used_lock'

type Row = readonly [effect: Effect, does: string, functions: string]

const ROWS: readonly Row[] = [
  ['server', 'reads a file of the server', 'load_file'],
  ['session', 'takes, gives back or looks at a lock by name', LOCKS],
  ['read', 'waits or keeps the server busy', 'sleep benchmark'],
  [
    'server',
    'waits for replication',
    `master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set
     wait_until_sql_thread_after_gtids binlog_gtid_pos wsrep_sync_wait_upto_gtid`,
  ],
  ['write', 'moves a sequence', 'nextval setval'],
  ['session', 'keeps a value in the session', 'last_insert_id'],
  ['export', 'reads statistics, which hold raw values', 'decode_histogram'],
]

const EFFECTS = new Map<string, FunctionEffect>()
for (const [effect, does, functions] of ROWS) {
  for (const name of functions.trim().split(/\s+/)) {
    EFFECTS.set(name, { effect, reason: `${name.toUpperCase()}() ${does}` })
  }
}

export function effectOfFunction(name: string): FunctionEffect | undefined {
  return EFFECTS.get(name.toLowerCase())
}

export function isBuiltin(name: string): boolean {
  return BUILTIN.has(name.toLowerCase())
}

/**
 * A value given to one of them can be had again in another statement or session, or measured from
 * outside.
 */
const CARRIERS = new Set([
  'sleep',
  'benchmark',
  'last_insert_id',
  'setval',
  'kdf',
  ...LOCKS.split(' '),
])

export function isCarrier(name: string): boolean {
  return CARRIERS.has(name.toLowerCase())
}
