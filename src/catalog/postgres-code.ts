/*
 * Code that runs without being called by name: triggers, rules, defaults and checks when a table
 * is written, functions behind operators and casts.
 */

export interface AttachedRow {
  readonly relation: number
  readonly kind: 'trigger' | 'condition' | 'rule' | 'expression' | 'policy'
  /**
   * schema.function of a trigger, the definition of a trigger with a condition or of a rule, or the
   * expression.
   */
  readonly text: string
  /** Letters of what sets it off: i(nsert), u(pdate), d(elete), t(runcate). */
  readonly on: string
}

/** Writing `relation` may run what hangs on `other`: a partition, a view's table, a foreign key's. */
export interface ReachRow {
  readonly relation: number
  readonly other: number
  /** 'same': the same write. Else pairs of letters: "du" where a delete becomes an update. */
  readonly how: string
}

/** What stands behind an operator or a cast of the user's own. */
export interface HiddenCallRow {
  /** implicit: a cast that no text asks for. */
  readonly kind: 'operator' | 'cast' | 'implicit'
  /** The operator, or the type that is cast from or to. */
  readonly name: string
  readonly schema: string
  readonly function: string
  /** The type that a cast is from; 0 for an operator. */
  readonly from: number
}

/** tgtype (pg_trigger.h): INSERT is 4, DELETE 8, UPDATE 16, TRUNCATE 32. */
const TRIGGER_EVENTS = `pg_catalog.concat(
  CASE WHEN t.tgtype OPERATOR(pg_catalog.&) 4::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0::pg_catalog.int2 THEN 'i' END,
  CASE WHEN t.tgtype OPERATOR(pg_catalog.&) 16::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0::pg_catalog.int2 THEN 'u' END,
  CASE WHEN t.tgtype OPERATOR(pg_catalog.&) 8::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0::pg_catalog.int2 THEN 'd' END,
  CASE WHEN t.tgtype OPERATOR(pg_catalog.&) 32::pg_catalog.int2 OPERATOR(pg_catalog.<>) 0::pg_catalog.int2 THEN 't' END)`

/** Objects below this id came with the server itself (FirstNormalObjectId, transam.h). */
const OWN = '16384::pg_catalog.oid'

/**
 * Triggers that aren't switched off and their conditions, rules, expressions of defaults, checks and
 * indexes, row security. The server's own functions leave no dependency, and some of them do more
 * than compute: expressions are read whole.
 */
export const ATTACHED = `
  SELECT t.tgrelid::pg_catalog.int8 AS relation, 'trigger' AS kind,
         pg_catalog.concat(n.nspname, '.', p.proname) AS text, ${TRIGGER_EVENTS} AS on
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
   WHERE t.tgenabled OPERATOR(pg_catalog.<>) 'D'
     AND (n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog' OR p.oid OPERATOR(pg_catalog.>=) ${OWN})
  UNION ALL
  SELECT t.tgrelid::pg_catalog.int8, 'condition', pg_catalog.pg_get_triggerdef(t.oid), ${TRIGGER_EVENTS}
    FROM pg_catalog.pg_trigger t
   WHERE t.tgenabled OPERATOR(pg_catalog.<>) 'D' AND t.tgqual IS NOT NULL
  UNION ALL
  SELECT r.ev_class::pg_catalog.int8, 'rule', pg_catalog.pg_get_ruledef(r.oid),
         CASE r.ev_type WHEN '2' THEN 'u' WHEN '3' THEN 'i' WHEN '4' THEN 'd' ELSE 'iudt' END
    FROM pg_catalog.pg_rewrite r
   WHERE r.rulename OPERATOR(pg_catalog.<>) '_RETURN' AND r.oid OPERATOR(pg_catalog.>=) ${OWN}
  UNION ALL
  SELECT a.adrelid::pg_catalog.int8, 'expression', pg_catalog.pg_get_expr(a.adbin, a.adrelid), 'iu'
    FROM pg_catalog.pg_attrdef a WHERE a.oid OPERATOR(pg_catalog.>=) ${OWN}
  UNION ALL
  SELECT c.conrelid::pg_catalog.int8, 'expression', pg_catalog.pg_get_expr(c.conbin, c.conrelid), 'iu'
    FROM pg_catalog.pg_constraint c
   WHERE c.contype OPERATOR(pg_catalog.=) 'c' AND c.conrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
     AND c.oid OPERATOR(pg_catalog.>=) ${OWN}
  UNION ALL
  SELECT i.indrelid::pg_catalog.int8, 'expression', pg_catalog.pg_get_expr(e.tree, i.indrelid), 'iu'
    FROM pg_catalog.pg_index i, LATERAL (VALUES (i.indexprs), (i.indpred)) e(tree)
   WHERE e.tree IS NOT NULL AND i.indexrelid OPERATOR(pg_catalog.>=) ${OWN}
  UNION ALL
  SELECT p.polrelid::pg_catalog.int8, 'policy', pg_catalog.pg_get_expr(e.tree, p.polrelid), 'iudt'
    FROM pg_catalog.pg_policy p, LATERAL (VALUES (p.polqual), (p.polwithcheck)) e(tree)
   WHERE e.tree IS NOT NULL
   ORDER BY 1, 2, 3`

/** What a foreign key does to the rows that refer: c(ascade), set n(ull), set d(efault). */
const CASCADES = `pg_catalog.concat('tt',
  CASE WHEN confdeltype OPERATOR(pg_catalog.=) 'c' THEN 'dd' WHEN confdeltype IN ('n', 'd') THEN 'du' END,
  CASE WHEN confupdtype IN ('c', 'n', 'd') THEN 'uu' END)`

export const REACH = `
  SELECT inhparent::pg_catalog.int8 AS relation, inhrelid::pg_catalog.int8 AS other, 'same' AS how
    FROM pg_catalog.pg_inherits
  UNION
  SELECT confrelid::pg_catalog.int8, conrelid::pg_catalog.int8, ${CASCADES}
    FROM pg_catalog.pg_constraint WHERE contype OPERATOR(pg_catalog.=) 'f'
  UNION
  SELECT r.ev_class::pg_catalog.int8, d.refobjid::pg_catalog.int8, 'same'
    FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d
      ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
     AND d.objid OPERATOR(pg_catalog.=) r.oid
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
   WHERE r.oid OPERATOR(pg_catalog.>=) ${OWN}
     AND d.refobjid OPERATOR(pg_catalog.<>) r.ev_class
   ORDER BY 1, 2, 3`

function ofNoExtension(classid: string, objid: string): string {
  return `NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
    WHERE d.classid OPERATOR(pg_catalog.=) '${classid}'::pg_catalog.regclass
      AND d.objid OPERATOR(pg_catalog.=) ${objid} AND d.deptype OPERATOR(pg_catalog.=) 'e')`
}

/** The user's own operators and casts may stand on any function, the server's own included. */
export const HIDDEN_CALLS = `
  SELECT x.kind, x.name, n.nspname AS schema, p.proname AS function, x.source::pg_catalog.int8 AS from
    FROM (SELECT 'operator' AS kind, o.oprname AS name, o.oprcode::pg_catalog.oid AS function,
                 0::pg_catalog.oid AS source
            FROM pg_catalog.pg_operator o
           WHERE o.oid OPERATOR(pg_catalog.>=) ${OWN} AND ${ofNoExtension('pg_catalog.pg_operator', 'o.oid')}
          UNION ALL
          SELECT 'cast', t.typname, c.castfunc, c.castsource
            FROM pg_catalog.pg_cast c
            JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) c.castsource
                                      OR t.oid OPERATOR(pg_catalog.=) c.casttarget
           WHERE c.oid OPERATOR(pg_catalog.>=) ${OWN} AND ${ofNoExtension('pg_catalog.pg_cast', 'c.oid')}
          UNION ALL
          SELECT 'implicit', '', c.castfunc, c.castsource
            FROM pg_catalog.pg_cast c
           WHERE c.castcontext OPERATOR(pg_catalog.<>) 'e'
             AND c.oid OPERATOR(pg_catalog.>=) ${OWN} AND ${ofNoExtension('pg_catalog.pg_cast', 'c.oid')}) x
    JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) x.function
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
   ORDER BY 1, 2, 3, 4, 5`
