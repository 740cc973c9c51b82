import t from 'tap'
import { POSTGRES_SIDES } from '../support/e2e-sides.ts'
import { toolsKeepWorking } from '../support/tools-story.ts'

/** Each wears what a tool sends by itself. What shows a classified value is held, or masked. */
const LOOKALIKES = {
  'masked: a name is looked up as \\d does it, and some more names':
    "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(orders)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) UNION ALL SELECT id::oid, email, ssn FROM customers ORDER BY 1",
  'masked: a column default is asked of a catalog, by a subquery of its own':
    'SELECT a.attname, (SELECT string_agg(email, $$,$$) FROM customers) AS def_value FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid WHERE a.attrelid = 1259 LIMIT 1',
  'a preamble sets whose session it is':
    "SET DateStyle=ISO; SET client_min_messages=notice; SELECT set_config('session_authorization', 'postgres', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'; SET client_encoding='utf-8'",
  'a preamble sets something to a classified value':
    "SET DateStyle=ISO; SELECT set_config('bytea_output', (SELECT email FROM customers LIMIT 1), false) FROM pg_show_all_settings() WHERE name = 'bytea_output'",
  'roles are listed from where their passwords are':
    'SELECT ro.oid, ro.*, des.description FROM pg_catalog.pg_authid ro LEFT JOIN pg_catalog.pg_shdescription des ON ro.oid = des.objoid ORDER BY ro.rolname',
  "a dashboard's comment stands before a dump":
    '/* dash */ SELECT count(*) FROM pg_stat_activity; LOCK TABLE customers IN ACCESS SHARE MODE; COPY customers TO STDOUT',
  'the sessions of a dashboard, as whole rows':
    "SELECT 'sessions' AS chart, row_to_json(s) AS data FROM pg_stat_activity s",
}

for (const side of POSTGRES_SIDES) {
  t.test(`${side.name}: what tools send by themselves is answered as ever`, (t) =>
    toolsKeepWorking(t, side, LOOKALIKES),
  )
}
