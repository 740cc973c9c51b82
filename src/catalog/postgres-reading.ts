import type pg from 'pg'
import { MAX_COMMENT } from './comment-classes.ts'
import {
  ATTACHED,
  type AttachedRow,
  HIDDEN_CALLS,
  type HiddenCallRow,
  REACH,
  type ReachRow,
} from './postgres-code.ts'

/** The rows that one reading of pg_catalog gives. Object ids and numbers as numbers. */
export interface PostgresReading {
  readonly relations: readonly RelationRow[]
  readonly columns: readonly ColumnRow[]
  readonly inherits: readonly { readonly child: number; readonly parent: number }[]
  readonly functions: readonly FunctionRow[]
  readonly types: readonly TypeRow[]
  readonly builtins: readonly BuiltinRow[]
  readonly schemas: readonly string[]
  readonly attached: readonly AttachedRow[]
  readonly reach: readonly ReachRow[]
  readonly hiddenCalls: readonly HiddenCallRow[]
}

/** All functions of one name that are the server's own. */
export interface BuiltinRow {
  readonly name: string
  readonly returnsSet: boolean
  /** One of them is volatile. */
  readonly volatile: boolean
}

export interface RelationRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** pg_class.relkind */
  readonly kind: string
  readonly owner: string
  /** pg_get_viewdef of a view or materialized view outside the system's schemas. */
  readonly definition: string | null
}

export interface ColumnRow {
  readonly relation: number
  readonly number: number
  readonly name: string
  readonly type: number
  /** The expression of a generated column. */
  readonly generated: string | null
  /** The expression of a default that calls a function of the user's own. */
  readonly default: string | null
  /** Its comment as far as it is read, where that holds an @. */
  readonly comment: string | null
}

export interface FunctionRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** pg_proc.provolatile: i, s, v */
  readonly volatility: string
  readonly definer: boolean
  readonly language: string
  readonly extension: string | null
  readonly body: string | null
  /** The source in another language than sql, C and internal. */
  readonly source: string | null
  /** The CREATE FUNCTION of one in PL/pgSQL. */
  readonly definition: string | null
  /** Settings while it runs: name=value. */
  readonly config: readonly string[]
  readonly argumentTypes: readonly number[]
  readonly resultType: number
  /** The functions of an aggregate: schema and name of each in turn. */
  readonly support: readonly string[]
  /** Expressions of the parameters' defaults. */
  readonly defaults: string | null
  readonly parameters: readonly string[]
  readonly returnsSet: boolean
}

export interface TypeRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly base: number
  /** Of an array or a range. */
  readonly element: number
  /** The relation that lists a composite type's columns. */
  readonly relation: number
  /** The checks of a domain, as expressions of VALUE. */
  readonly checks: readonly string[]
}

/** The longest function body that is read, in characters. */
const MAX_BODY = 131_072

const RELATIONS = `
  SELECT c.oid::pg_catalog.int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
         pg_catalog.pg_get_userbyid(c.relowner) AS owner,
         CASE WHEN c.relkind IN ('v', 'm') AND c.oid >= 16384
              THEN pg_catalog.pg_get_viewdef(c.oid) END AS definition
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
   WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'c', 'S')
     AND n.nspname NOT IN ('pg_toast') AND NOT pg_catalog.starts_with(n.nspname, 'pg_toast_temp_')`

const COLUMNS = `
  SELECT a.attrelid::pg_catalog.int8 AS relation, a.attnum AS number, a.attname AS name,
         a.atttypid::pg_catalog.int8 AS type,
         CASE WHEN a.attgenerated OPERATOR(pg_catalog.<>) ''
              THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS generated,
         CASE WHEN a.attgenerated OPERATOR(pg_catalog.=) '' AND EXISTS (
                SELECT 1 FROM pg_catalog.pg_depend u
                 WHERE u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                   AND u.objid OPERATOR(pg_catalog.=) d.oid
                   AND u.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass)
              THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END AS "default",
         (SELECT pg_catalog.left(s.description, ${MAX_COMMENT + 1})
            FROM pg_catalog.pg_description s
           WHERE s.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
             AND s.objoid OPERATOR(pg_catalog.=) a.attrelid
             AND s.objsubid OPERATOR(pg_catalog.=) a.attnum
             AND pg_catalog.strpos(s.description, '@') OPERATOR(pg_catalog.>) 0) AS comment
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
    LEFT JOIN pg_catalog.pg_attrdef d
      ON d.adrelid OPERATOR(pg_catalog.=) a.attrelid AND d.adnum OPERATOR(pg_catalog.=) a.attnum
   WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
     AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'c', 'S')
   ORDER BY a.attrelid, a.attnum`

const INHERITS = `
  SELECT inhrelid::pg_catalog.int8 AS child, inhparent::pg_catalog.int8 AS parent
    FROM pg_catalog.pg_inherits`

/** \`body\` is null for SQL-standard bodies here; PostgreSQL 14 and later have a function for them. */
const functionsQuery = (version: number) => `
  SELECT p.oid::pg_catalog.int8 AS oid, n.nspname AS schema, p.proname AS name,
         p.proretset AS "returnsSet", p.provolatile AS volatility, p.prosecdef AS definer, l.lanname AS language,
         e.extname AS extension,
         CASE WHEN l.lanname OPERATOR(pg_catalog.=) 'sql'
              THEN pg_catalog.left(${
                version >= 140_000
                  ? 'coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc)'
                  : 'p.prosrc'
              }, ${MAX_BODY + 1}) END AS body,
         CASE WHEN NOT (l.lanname OPERATOR(pg_catalog.=) ANY (ARRAY['sql', 'c', 'internal']::pg_catalog.name[]))
              THEN pg_catalog.left(p.prosrc, ${MAX_BODY + 1}) END AS source,
         pg_catalog.pg_get_expr(p.proargdefaults, 0::pg_catalog.oid) AS defaults,
         coalesce(p.proargnames, '{}') AS parameters,
         CASE WHEN l.lanname OPERATOR(pg_catalog.=) 'plpgsql' AND p.prokind IN ('f', 'p')
              THEN pg_catalog.pg_get_functiondef(p.oid) END AS definition,
         coalesce(p.proconfig, '{}') AS config, p.prorettype::pg_catalog.int8 AS "resultType",
         ARRAY(SELECT t::pg_catalog.int8 FROM pg_catalog.unnest(p.proargtypes) t) AS "argumentTypes",
         ARRAY(SELECT part FROM pg_catalog.pg_aggregate a,
                 LATERAL (VALUES (a.aggtransfn), (a.aggfinalfn), (a.aggcombinefn), (a.aggserialfn),
                   (a.aggdeserialfn), (a.aggmtransfn), (a.aggminvtransfn), (a.aggmfinalfn)) used(fn)
                 JOIN pg_catalog.pg_proc u ON u.oid OPERATOR(pg_catalog.=) used.fn::pg_catalog.oid
                 JOIN pg_catalog.pg_namespace un ON un.oid OPERATOR(pg_catalog.=) u.pronamespace,
                 LATERAL (VALUES (1, un.nspname::pg_catalog.text), (2, u.proname::pg_catalog.text)) named(place, part)
                WHERE a.aggfnoid::pg_catalog.oid OPERATOR(pg_catalog.=) p.oid
                ORDER BY u.oid, place) AS support
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
    LEFT JOIN pg_catalog.pg_depend d
      ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
     AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
    LEFT JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
      OR p.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid`

const TYPES = `
  SELECT t.oid::pg_catalog.int8 AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind,
         t.typbasetype::pg_catalog.int8 AS base,
         coalesce(r.rngsubtype, t.typelem)::pg_catalog.int8 AS element,
         t.typrelid::pg_catalog.int8 AS relation,
         ARRAY(SELECT pg_catalog.pg_get_expr(c.conbin, 0::pg_catalog.oid)
                 FROM pg_catalog.pg_constraint c
                WHERE c.contypid OPERATOR(pg_catalog.=) t.oid AND c.conbin IS NOT NULL
                  AND c.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
                ORDER BY c.oid) AS checks
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
    LEFT JOIN pg_catalog.pg_range r ON r.rngtypid OPERATOR(pg_catalog.=) t.oid`

/** Whoever may write to pg_catalog may put a function there: the id tells which came with the server. */
const BUILTINS = `
  SELECT proname AS name, pg_catalog.bool_or(proretset) AS "returnsSet",
         pg_catalog.bool_or(provolatile OPERATOR(pg_catalog.=) 'v') AS volatile FROM pg_catalog.pg_proc
   WHERE pronamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace
     AND oid OPERATOR(pg_catalog.<) 16384::pg_catalog.oid
   GROUP BY proname ORDER BY proname`

const SCHEMAS = 'SELECT nspname AS name FROM pg_catalog.pg_namespace'

/**
 * Changes when the schema does: counts and transaction ids of the catalogs' rows. Statistics that
 * VACUUM and ANALYZE write in place don't change it.
 */
export const CHANGE_CHECK = `
  SELECT pg_catalog.concat_ws(' ', ${[
    'pg_class',
    'pg_attribute',
    'pg_attrdef',
    'pg_proc',
    'pg_type',
    'pg_constraint',
    'pg_inherits',
    'pg_rewrite',
    'pg_namespace',
    'pg_extension',
    'pg_trigger',
    'pg_operator',
    'pg_cast',
    'pg_policy',
    // Of the server's own objects, some thousands, none is a column.
    'pg_description WHERE objsubid OPERATOR(pg_catalog.>) 0',
  ]
    .map(
      (rows) =>
        `(SELECT pg_catalog.concat_ws(':', count(*), sum(xmin::pg_catalog.text::pg_catalog.int8)) FROM pg_catalog.${rows})`,
    )
    .join(', ')}) AS state`

/** Reads the whole schema in one snapshot. */
export async function readPostgres(client: pg.Client): Promise<PostgresReading> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    return await readAll(client)
  } finally {
    await client.query('ROLLBACK')
  }
}

async function readAll(client: pg.Client): Promise<PostgresReading> {
  const version = await serverVersion(client)
  const relations = await definitions<RelationRow>(client, RELATIONS)
  const columns = await definitions<ColumnRow>(client, COLUMNS)
  const inherits = await rows<{ child: number; parent: number }>(client, INHERITS)
  const functions = await rows<FunctionRow>(client, functionsQuery(version))
  const types = await rows<TypeRow>(client, TYPES)
  const builtins = await rows<BuiltinRow>(client, BUILTINS)
  const schemas = await rows<{ name: string }>(client, SCHEMAS)
  const attached = await definitions<AttachedRow>(client, ATTACHED)
  const reach = await rows<ReachRow>(client, REACH)
  const hiddenCalls = await rows<HiddenCallRow>(client, HIDDEN_CALLS)
  return {
    relations: relations.map((row) => ({ ...row, oid: Number(row.oid) })),
    columns: columns.map((row) => ({
      ...row,
      relation: Number(row.relation),
      type: Number(row.type),
    })),
    inherits: inherits.map((row) => ({ child: Number(row.child), parent: Number(row.parent) })),
    functions: functions.map(functionRow),
    types: types.map((row) => ({
      ...row,
      oid: Number(row.oid),
      base: Number(row.base),
      element: Number(row.element),
      relation: Number(row.relation),
    })),
    builtins,
    schemas: schemas.map((row) => row.name),
    attached: attached.map((row) => ({ ...row, relation: Number(row.relation) })),
    reach: reach.map((row) => ({
      ...row,
      relation: Number(row.relation),
      other: Number(row.other),
    })),
    hiddenCalls: hiddenCalls.map((row) => ({ ...row, from: Number(row.from) })),
  }
}

/**
 * Rows with definitions that the server writes out. It takes a share lock on each relation to do
 * so and would keep it to the end of the transaction, in the way of an agent's LOCK ... NOWAIT;
 * going back to a savepoint releases what was taken since (manual, section 13.3).
 */
async function definitions<Row>(client: pg.Client, sql: string): Promise<readonly Row[]> {
  await client.query('SAVEPOINT definitions')
  const found = await rows<Row>(client, sql)
  await client.query('ROLLBACK TO SAVEPOINT definitions')
  return found
}

function functionRow(row: FunctionRow): FunctionRow {
  const body = row.body !== null && row.body.length <= MAX_BODY ? sqlBody(row.body) : null
  const source = row.source !== null && row.source.length <= MAX_BODY ? row.source : null
  const definition =
    row.definition !== null && row.definition.length <= MAX_BODY ? row.definition : null
  const argumentTypes = row.argumentTypes.map(Number)
  const resultType = Number(row.resultType)
  return { ...row, oid: Number(row.oid), body, source, definition, argumentTypes, resultType }
}

/** A body in the SQL standard's form is RETURN expression, or BEGIN ATOMIC statements END. */
function sqlBody(body: string): string {
  const expression = /^\s*RETURN\s+([\s\S]*)$/i.exec(body)?.[1]
  if (expression !== undefined) return `SELECT ${expression}`
  return /^\s*BEGIN ATOMIC\s+([\s\S]*?)\s*END\s*$/i.exec(body)?.[1] ?? body
}

async function serverVersion(client: pg.Client): Promise<number> {
  const sql = "SELECT pg_catalog.current_setting('server_version_num') AS version"
  const [row] = await rows<{ version: string }>(client, sql)
  return Number(row?.version)
}

async function rows<Row>(client: pg.Client, text: string): Promise<readonly Row[]> {
  const result = await client.query(text)
  return result.rows as Row[]
}
