import type { Classification, TableUse } from '../sql/statement.ts'

/** Settings and facts that change what a statement means, each as an SQL expression of type text. */
const SESSION: Readonly<Record<string, string>> = {
  search_path: setting('search_path'),
  schemas: 'pg_catalog.current_schemas(true)::pg_catalog.text',
  current_user: 'CURRENT_USER::pg_catalog.text',
  session_user: 'SESSION_USER::pg_catalog.text',
  database: 'pg_catalog.current_database()::pg_catalog.text',
  time_zone: setting('TimeZone'),
  date_style: setting('DateStyle'),
  interval_style: setting('IntervalStyle'),
  client_encoding: setting('client_encoding'),
  row_security: setting('row_security'),
  session_replication_role: setting('session_replication_role'),
  standard_conforming_strings: setting('standard_conforming_strings'),
  read_only: setting('transaction_read_only'),
  isolation: setting('transaction_isolation'),
}

function setting(name: string): string {
  return `pg_catalog.current_setting('${name}')`
}

/**
 * One SELECT that says what the names of a statement mean on the session it runs on: one row, one
 * column of type text, a JSON object. Everything in it is qualified with pg_catalog, so that the
 * session's search_path can't change what the query itself means.
 */
export function contextQuery(classification: Classification): string {
  const parts = [
    ...Object.entries(SESSION).map(([key, sql]) => `${literal(key)}, ${sql}`),
    ...tableKeys(classification.tables).map(([key, oid]) => `${literal(key)}, ${relation(oid)}`),
    ...[...new Set(classification.functions)].map(
      (name) => `${literal(`function ${name}`)}, ${fn(name)}`,
    ),
  ]
  return `SELECT ${joinedObjects(parts)}::pg_catalog.text AS context`
}

/** A function takes at most 100 arguments, that is 50 pairs. */
const PAIRS = 40

function joinedObjects(pairs: readonly string[]): string {
  const objects: string[] = []
  for (let i = 0; i < pairs.length; i += PAIRS) {
    objects.push(`pg_catalog.json_build_object(${pairs.slice(i, i + PAIRS).join(', ')})`)
  }
  return `pg_catalog.json_build_array(${nested(objects)})`
}

/** Many objects as arrays of arrays, for the same limit. */
function nested(items: readonly string[]): string {
  if (items.length <= PAIRS) return items.join(', ')
  const groups: string[] = []
  for (let i = 0; i < items.length; i += PAIRS) {
    groups.push(`pg_catalog.json_build_array(${items.slice(i, i + PAIRS).join(', ')})`)
  }
  return nested(groups)
}

/**
 * Each table by its schema, and as its bare name means it on this session. The first is looked up
 * in the catalog: to_regclass fails where the role may not use the schema.
 */
function tableKeys(tables: readonly TableUse[]): readonly (readonly [string, string])[] {
  const keys = new Map<string, string>()
  for (const { schema, name } of tables) {
    const bare = identifier(name)
    keys.set(`relation ${bare}`, `pg_catalog.to_regclass(${literal(bare)})`)
    if (schema === null) continue
    const oid = `(SELECT r.oid FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n
      ON n.oid OPERATOR(pg_catalog.=) r.relnamespace
      WHERE r.relname OPERATOR(pg_catalog.=) ${literal(name)}::pg_catalog.name
        AND n.nspname OPERATOR(pg_catalog.=) ${literal(schema)}::pg_catalog.name)`
    keys.set(`relation ${identifier(schema)}.${bare}`, oid)
  }
  return [...keys]
}

/** Its id, kind and definition; null where nothing of that name is visible. */
function relation(oid: string): string {
  return `(SELECT pg_catalog.json_build_object('oid', c.oid, 'kind', c.relkind,
    'rules', c.relhasrules, 'triggers', c.relhastriggers, 'row_security', c.relrowsecurity,
    'definition', CASE WHEN c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['v', 'm']::pg_catalog."char"[])
      THEN pg_catalog.md5(pg_catalog.pg_get_viewdef(c.oid)) END,
    'reads', ${rulesReached('c.oid')}, 'runs', ${triggersOf('c.oid')},
    'columns', (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum,
        a.attname, a.atttypid, a.attisdropped), ',' ORDER BY a.attnum))
      FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid
        AND a.attnum OPERATOR(pg_catalog.>) 0))
    FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) ${oid})`
}

/** The rules of a relation and of all that they reach: a view on a view changes with it. */
function rulesReached(oid: string): string {
  return `(WITH RECURSIVE reached(oid) AS (SELECT ${oid} UNION SELECT d.refobjid FROM reached v
      JOIN pg_catalog.pg_rewrite r ON r.ev_class OPERATOR(pg_catalog.=) v.oid
        AND r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
      JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) r.oid
        AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass)
    SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', r.oid, r.ev_enabled,
        pg_catalog.pg_get_ruledef(r.oid)), ',' ORDER BY r.oid))
      FROM reached v JOIN pg_catalog.pg_rewrite r ON r.ev_class OPERATOR(pg_catalog.=) v.oid
        AND r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid)`
}

/** What a write to a relation sets off. */
function triggersOf(oid: string): string {
  return `(SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', t.oid, t.tgenabled,
        pg_catalog.pg_get_triggerdef(t.oid), pg_catalog.md5(p.prosrc)), ',' ORDER BY t.oid))
      FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
     WHERE t.tgrelid OPERATOR(pg_catalog.=) ${oid} AND NOT t.tgisinternal)`
}

/** Every function of that name, in any schema: which one a call means depends on the path. */
function fn(name: string): string {
  const last = name.slice(name.lastIndexOf('.') + 1)
  return `(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', p.oid, p.prosecdef, p.provolatile,
    pg_catalog.md5(pg_catalog.concat(p.prosrc, p.probin, p.proconfig::pg_catalog.text))), ',' ORDER BY p.oid)
    FROM pg_catalog.pg_proc p WHERE p.proname OPERATOR(pg_catalog.=) ${literal(last)}::pg_catalog.name)`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** An E'' constant means the same whatever standard_conforming_strings says. */
function literal(text: string): string {
  return ` E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
