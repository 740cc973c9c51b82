/*
 * Code that runs without being called by name: triggers, rules, defaults and checks when a table
 * is written, functions behind operators and casts. What belongs to an extension is left out.
 */

export interface AttachedRow {
  readonly relation: number
  readonly kind: 'trigger' | 'rule' | 'expression'
  /** schema.function of a trigger, the definition of a rule, or the expression. */
  readonly text: string
}

/** Writing `relation` may run what hangs on `other`: a partition, a view's table, a foreign key's. */
export interface ReachRow {
  readonly relation: number
  readonly other: number
}

/** A function of the user's own behind an operator's or a type's name. */
export interface HiddenCallRow {
  readonly kind: 'operator' | 'cast'
  /** The operator, or the type that is cast from or to. */
  readonly name: string
  readonly schema: string
  readonly function: string
  /** The type that a cast is from; 0 for an operator. */
  readonly from: number
}

const FUNCTION_CLASS = "'pg_catalog.pg_proc'::pg_catalog.regclass"

/** Built-in functions are pinned: only others leave a dependency. */
function callsFunction(classid: string, objid: string): string {
  return `EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
    WHERE d.classid OPERATOR(pg_catalog.=) '${classid}'::pg_catalog.regclass
      AND d.objid OPERATOR(pg_catalog.=) ${objid}
      AND d.refclassid OPERATOR(pg_catalog.=) ${FUNCTION_CLASS})`
}

/** Expressions of defaults and checks that call functions of the user's own. */
export const ATTACHED = `
  SELECT t.tgrelid::pg_catalog.int8 AS relation, 'trigger' AS kind,
         pg_catalog.concat(n.nspname, '.', p.proname) AS text
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
   WHERE n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'
  UNION ALL
  SELECT r.ev_class::pg_catalog.int8, 'rule', pg_catalog.pg_get_ruledef(r.oid)
    FROM pg_catalog.pg_rewrite r
   WHERE r.rulename OPERATOR(pg_catalog.<>) '_RETURN' AND r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
  UNION ALL
  SELECT a.adrelid::pg_catalog.int8, 'expression', pg_catalog.pg_get_expr(a.adbin, a.adrelid)
    FROM pg_catalog.pg_attrdef a WHERE ${callsFunction('pg_catalog.pg_attrdef', 'a.oid')}
  UNION ALL
  SELECT c.conrelid::pg_catalog.int8, 'expression', pg_catalog.pg_get_expr(c.conbin, c.conrelid)
    FROM pg_catalog.pg_constraint c
   WHERE c.contype OPERATOR(pg_catalog.=) 'c' AND c.conrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
     AND ${callsFunction('pg_catalog.pg_constraint', 'c.oid')}
   ORDER BY 1, 2, 3`

export const REACH = `
  SELECT inhparent::pg_catalog.int8 AS relation, inhrelid::pg_catalog.int8 AS other
    FROM pg_catalog.pg_inherits
  UNION
  SELECT confrelid::pg_catalog.int8, conrelid::pg_catalog.int8
    FROM pg_catalog.pg_constraint WHERE contype OPERATOR(pg_catalog.=) 'f'
  UNION
  SELECT r.ev_class::pg_catalog.int8, d.refobjid::pg_catalog.int8
    FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_depend d
      ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
     AND d.objid OPERATOR(pg_catalog.=) r.oid
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
   WHERE r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
     AND d.refobjid OPERATOR(pg_catalog.<>) r.ev_class
   ORDER BY 1, 2`

const OWN_FUNCTION = `JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) x.function
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
   WHERE n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'
     AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                      WHERE d.classid OPERATOR(pg_catalog.=) ${FUNCTION_CLASS}
                        AND d.objid OPERATOR(pg_catalog.=) p.oid
                        AND d.deptype OPERATOR(pg_catalog.=) 'e')`

export const HIDDEN_CALLS = `
  SELECT x.kind, x.name, n.nspname AS schema, p.proname AS function, x.source::pg_catalog.int8 AS from
    FROM (SELECT 'operator' AS kind, oprname AS name, oprcode::pg_catalog.oid AS function,
                 0::pg_catalog.oid AS source
            FROM pg_catalog.pg_operator
          UNION ALL
          SELECT 'cast', t.typname, c.castfunc, c.castsource
            FROM pg_catalog.pg_cast c
            JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) c.castsource
                                      OR t.oid OPERATOR(pg_catalog.=) c.casttarget) x
    ${OWN_FUNCTION}
   ORDER BY 1, 2, 3, 4, 5`
