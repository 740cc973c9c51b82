import type { Flavour } from './schema.ts'

/*
 * What a value can be turned into on its way out; & is the column, @ the row's table. Each list holds
 * what looks at one value and what gathers many, and EACH_ROW what may stand in any select list.
 */

const SHARED = [
  '&',
  'UPPER(&)',
  'LOWER(&)',
  'REVERSE(&)',
  "CONCAT('a', &, 'b')",
  "CONCAT_WS('-', &, &)",
  'LEFT(&, 9)',
  'RIGHT(&, 14)',
  "REPLACE(&, '-', '+')",
  "LPAD(&, 40, '.')",
  'REPEAT(&, 2)',
  'COALESCE(NULL, &)',
  "NULLIF(&, 'nothing')",
  "CASE WHEN 1 = 1 THEN & ELSE 'none' END",
  'CASE & WHEN NULL THEN 1 ELSE & END',
  'GREATEST(&, &)',
  'FIRST_VALUE(&) OVER (ORDER BY @.id)',
  'LAG(&) OVER (ORDER BY @.id)',
  'MAX(&) OVER (PARTITION BY @.ref ORDER BY @.id)',
  '(SELECT &)',
  '(SELECT MAX(&))',
  '(SELECT z FROM (SELECT & AS z) AS deep)',
  '& IS NULL',
  'ASCII(&)',
]

const POSTGRES = [
  ...SHARED.map((item) => item.replaceAll('&', '(&)::text')),
  '&',
  'ARRAY[&]',
  'ARRAY[&, &]',
  '(ARRAY[&])[1]',
  'ROW(1, &)',
  'row_to_json(@)',
  "to_jsonb(@) ->> 'name'",
  'to_jsonb(@) - 1',
  '@',
  '@::text',
  '(@).*',
  '(SELECT w FROM (SELECT @.*) AS w)',
  "jsonb_build_object('k', &) -> 'k'",
  "jsonb_path_query_first(to_jsonb(@), '$.*')",
  'to_json(&)',
  "encode(convert_to((&)::text, 'UTF8'), 'base64')",
  "encode(convert_to((&)::text, 'UTF8'), 'hex')",
  'convert_to((&)::text, $$UTF8$$)',
  "format('%s %I %L', &, &, &)",
  "regexp_replace((&)::text, '[0-9]', '', 'g')",
  "string_to_array((&)::text, '-')",
  "array_to_string(string_to_array((&)::text, NULL), ' ')",
  'unnest(string_to_array((&)::text, NULL))',
  'regexp_split_to_table((&)::text, $$$$)',
  "overlay((&)::text placing 'x' from 1 for 1)",
  "translate((&)::text, '0123456789', '          ')",
  'xmlelement(name e, &)',
  'xmlforest(& AS e)',
  'quote_nullable(&)',
  '(SELECT string_agg(ascii(c)::text, $$,$$) FROM unnest(string_to_array((&)::text, NULL)) AS c)',
  '(SELECT string_agg(to_hex(ascii(c)), $$$$) FROM unnest(string_to_array((&)::text, NULL)) AS c)',
  'lead(&) OVER (ORDER BY @.id)',
  'nth_value(&, 2) OVER (ORDER BY @.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)',
  'array_agg(&) OVER ()',
  'json_agg(&) OVER ()',
  'pg_typeof(&)',
  'to_tsvector((&)::text)',
  "(SELECT v FROM jsonb_each_text(to_jsonb(@)) AS e(k, v) WHERE k NOT IN ('id', 'ref') LIMIT 1)",
  '(SELECT t.c FROM LATERAL (VALUES (&)) AS t(c))',
]

const MYSQL = [
  ...SHARED,
  'HEX(&)',
  'TO_BASE64(&)',
  'QUOTE(&)',
  "INSERT(&, 1, 0, 'a')",
  'ELT(1, &)',
  'IF(1, &, 2)',
  'IFNULL(&, 1)',
  'CAST(& AS CHAR(80))',
  'CAST(& AS BINARY)',
  'BINARY &',
  'CONVERT(& USING utf16)',
  'CONVERT(& USING latin1)',
  "JSON_OBJECT('k', &)",
  "JSON_EXTRACT(JSON_OBJECT('k', &), '$.k')",
  'JSON_ARRAY(&, &)',
  'JSON_QUOTE(&)',
  "JSON_UNQUOTE(JSON_EXTRACT(&, '$.k'))",
  'JSON_ARRAYAGG(&) OVER ()',
  'SUBSTRING(& FROM 1 FOR 9)',
  "SUBSTRING_INDEX(&, '-', 1)",
  'LEAD(&) OVER (ORDER BY @.id)',
  'NTH_VALUE(&, 2) OVER (ORDER BY @.id)',
  'MAKE_SET(1, &)',
  "EXPORT_SET(1, &, 'n', '', 1)",
  'UNHEX(HEX(&))',
  'COMPRESS(&)',
  '@v := &',
  'SOUNDEX(&)',
  "DATE_FORMAT(&, '%Y-%m-%d')",
  '& + 0',
  'ORD(&)',
  'CHAR(ASCII(&), ASCII(SUBSTRING(&, 2)), ASCII(SUBSTRING(&, 3)), ASCII(SUBSTRING(&, 4)), ASCII(SUBSTRING(&, 5)))',
  "COLUMN_GET(COLUMN_CREATE('k', &), 'k' AS CHAR)",
  'ANY_VALUE(&)',
  'LOWER(CONCAT(&, @.id))',
]

const GATHERED = ['MAX(&)', 'MIN(&)', 'COUNT(&)', 'COUNT(DISTINCT &)', 'SUM(&)', 'AVG(&)']
const POSTGRES_GATHERED = [
  ...GATHERED,
  'max((&)::text)',
  "string_agg((&)::text, ',')",
  'array_agg(& ORDER BY &)',
  'json_agg(@)',
  'jsonb_object_agg(@.id, &)',
  'xmlagg(xmlelement(name e, &))',
  'mode() WITHIN GROUP (ORDER BY &)',
  'percentile_disc(0.5) WITHIN GROUP (ORDER BY &)',
  '(array_agg(&))[2]',
  'count(*) FILTER (WHERE & IS NULL)',
  "string_agg((&)::text, ',') FILTER (WHERE @.id > 1)",
  'any_value(&)',
  'array_agg(@)',
]
const MYSQL_GATHERED = [
  ...GATHERED,
  'GROUP_CONCAT(&)',
  "GROUP_CONCAT(DISTINCT & ORDER BY & SEPARATOR '')",
  'JSON_ARRAYAGG(&)',
  'JSON_OBJECTAGG(@.id, &)',
  'BIT_OR(&)',
  'MAX(CONCAT(&, @.id))',
]

/** What fails, or warns, with the value in its words. */
const POSTGRES_FAILING = [
  '(&)::text::integer',
  '(&)::text::date',
  '(&)::text::json',
  '(&)::text::regclass',
  '(&)::text::uuid',
  "to_date((&)::text, 'YYYY-MM-DD')",
  "to_number((&)::text, '999')",
  'xmlparse(document (&)::text)',
  "('[' || (&)::text)::int4range",
  'current_setting((&)::text)',
  '(&)::text::bytea',
  "regexp_replace('a', '(' || (&)::text, '')",
  "decode((&)::text, 'hex')",
  'CAST((&)::text AS interval)',
]
const MYSQL_FAILING = [
  'CAST(& AS SIGNED)',
  'CAST(& AS DATE)',
  'CAST(& AS DECIMAL(4,2))',
  "EXTRACTVALUE('<a/>', CONCAT(0x7e, &))",
  "UPDATEXML('<a/>', CONCAT(0x7e, &), 1)",
  'EXP(~(SELECT & + 1000))',
  'ST_GeomFromText(&)',
  "JSON_EXTRACT(&, '$.k')",
  "JSON_EXTRACT('{}', &)",
  'GTID_SUBSET(&, &)',
  "REGEXP_REPLACE('a', CONCAT('(', &), '')",
  'STR_TO_DATE(&, 1)',
  'INET6_ATON(&)',
  "CONVERT_TZ(&, 'a', &)",
  'BIN_TO_UUID(&)',
  '& + 1',
]

export interface Expressions {
  readonly each: readonly string[]
  readonly gathered: readonly string[]
  readonly failing: readonly string[]
}

export function expressionsOf(flavour: Flavour): Expressions {
  return flavour === 'postgres'
    ? { each: POSTGRES, gathered: POSTGRES_GATHERED, failing: POSTGRES_FAILING }
    : { each: MYSQL, gathered: MYSQL_GATHERED, failing: MYSQL_FAILING }
}
