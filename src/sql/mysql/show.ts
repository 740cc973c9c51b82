import type { OutputLineage } from '../output-lineage.ts'
import type { Analysis } from './analysis.ts'
import { checkCalls } from './calls.ts'
import { Cursor } from './cursor.ts'
import { checkQuery } from './query.ts'
import type { StatementText } from './statement-text.ts'
import { isOp } from './token.ts'

/** What SHOW may show without harm: names, types, limits and counts. */
const PLAIN = lists(
  `AUTHORS, CHARACTER SET, CHARSET, COLLATION, COLUMNS, CONTRIBUTORS, COUNT, CREATE DATABASE, CREATE SCHEMA,
   CREATE TABLE, CREATE VIEW, CREATE SEQUENCE, DATABASES, ENGINES, EVENTS, EXTENDED, FIELDS, FULL COLUMNS,
   FULL FIELDS, FULL TABLES, FUNCTION STATUS, GLOBAL STATUS, GLOBAL VARIABLES, INDEX, INDEXES, KEYS,
   LIBRARY STATUS, LOCAL STATUS, LOCAL VARIABLES, LOCALES, OPEN TABLES, PACKAGE STATUS,
   PACKAGE BODY STATUS, PLUGINS, PRIVILEGES, PROCEDURE STATUS, SCHEMAS, SESSION STATUS,
   SESSION VARIABLES, STATUS, STORAGE ENGINES, TABLE STATUS, TABLE TYPES, TABLES, VARIABLES`,
)
/** What holds text of other people, code, secrets or how the server is copied. */
const EXPORTS = [
  {
    reason: 'shows rights or password hashes',
    what: lists('CREATE USER, CREATE SERVER, ALL GRANTS'),
  },
  {
    reason: 'shows stored code',
    what: lists(
      `CREATE PROCEDURE, CREATE FUNCTION, CREATE TRIGGER, CREATE EVENT, CREATE PACKAGE, CREATE LIBRARY,
       FUNCTION CODE, PROCEDURE CODE, PACKAGE BODY CODE`,
    ),
  },
  {
    reason: "shows other people's SQL",
    what: lists(
      `PROCESSLIST, FULL PROCESSLIST, PROFILE, PROFILES, ENGINE, EXPLAIN, ANALYZE, MUTEX, INNODB STATUS,
       USER_STATISTICS, CLIENT_STATISTICS, TABLE_STATISTICS, INDEX_STATISTICS, QUERY_RESPONSE_TIME,
       PARSE_TREE`,
    ),
  },
  {
    reason: 'shows binary logs or how the server is replicated',
    what: lists(
      `BINARY, BINLOG, MASTER, SLAVE, REPLICA, REPLICAS, RELAYLOG, ALL SLAVES, ALL REPLICAS, WSREP`,
    ),
  },
]

function lists(text: string): readonly string[] {
  return text.split(',').map((entry) => entry.trim().replace(/\s+/g, ' '))
}

export function show(analysis: Analysis, text: StatementText): string {
  const { findings } = analysis
  const words = text.tokens.slice(1, 5).map(({ keyword }) => keyword)
  const begins = (entry: string) => entry.split(' ').every((word, index) => words[index] === word)
  const exported = EXPORTS.find(({ what }) => what.some(begins))
  if (exported) {
    findings.effect('export', exported.reason, text.tokens[0])
    findings.classified = true
  } else if (words[0] === 'WARNINGS' || words[0] === 'ERRORS') {
    // Their texts quote values.
    findings.effect('read', 'shows what the last statement reported', text.tokens[0])
    findings.classified = true
    findings.connectionBound = true
    findings.diagnostics = !text.tokens.some(({ keyword }) => keyword === 'WHERE')
  } else if (words[0] === 'GRANTS') showGrants(analysis, text)
  else if (TRIGGERS.some(begins)) {
    findings.effect('read', 'shows the triggers of a schema', text.tokens[0])
    findings.classified = true
    findings.lineage = TRIGGER_COLUMNS
  } else if (PLAIN.some(begins))
    findings.effect('read', 'shows what the schema or the server is like', text.tokens[0])
  else findings.opaque(`what SHOW ${words[0] ?? ''} shows isn't known`, text.tokens[0])
  checkCondition(analysis, text)
  return ['SHOW', ...words.filter((word) => word !== '').slice(0, 2)].join(' ')
}

const TRIGGERS = lists('TRIGGERS, FULL TRIGGERS')
/** Of SHOW TRIGGERS, the same on all servers; what a trigger does is masked. */
const TRIGGER_COLUMNS: readonly OutputLineage[] = lists(
  `Trigger, Event, Table, Statement, Timing, Created, sql_mode, Definer, character_set_client,
   collation_connection, Database Collation`,
).map((name) => {
  const code = { kind: 'unknown', label: 'stored code', flow: 'identity' } as const
  return { name, sources: name === 'Statement' ? [code] : [] }
})

/** One's own rights; MariaDB shows the hash of one's password with them. */
function showGrants({ findings, dialect }: Analysis, { tokens }: StatementText): void {
  const whose = tokens.slice(2).map(({ keyword }) => keyword)
  const own = whose.length === 0 || (whose[0] === 'FOR' && whose[1] === 'CURRENT_USER')
  const plain = tokens.slice(4).every((token) => isOp(token, '(') || isOp(token, ')'))
  if (own && plain && dialect.flavour === 'mysql') {
    findings.effect('read', 'shows the rights of its own user', tokens[0])
    return
  }
  findings.effect('export', 'shows rights or password hashes', tokens[0])
  findings.classified = true
}

/** SHOW ... WHERE takes any expression, with queries in it. */
function checkCondition(analysis: Analysis, text: StatementText): void {
  const at = text.tokens.findIndex(({ keyword }) => keyword === 'WHERE')
  if (at < 0) return
  const condition = { ...text, tokens: text.tokens.slice(at) }
  if (condition.tokens.some(({ keyword }) => keyword === 'SELECT')) checkQuery(analysis, condition)
  else checkCalls(analysis, condition)
}

const PLAN_WORDS = new Set(['EXTENDED', 'PARTITIONS'])

/**
 * Reads what stands between EXPLAIN and the statement that it is for.
 *
 * @returns what is explained: a table, a connection or the statement from an index on
 */
export function explained(
  text: StatementText,
):
  | { readonly kind: 'table' | 'connection' | 'unknown' }
  | { readonly kind: 'statement'; readonly at: number; readonly analyze: boolean } {
  const cursor = new Cursor(text, 1)
  const verb = text.tokens[0]?.keyword
  let analyze = verb === 'ANALYZE' || cursor.skip('ANALYZE')
  cursor.skipAny(PLAN_WORDS)
  if (cursor.skip('FORMAT') && cursor.skipOp('=')) cursor.at++
  analyze = cursor.skip('ANALYZE') || analyze
  if (cursor.skip('INTO')) cursor.at++
  if (cursor.skip('FOR')) {
    if (cursor.sees('CONNECTION')) return { kind: 'connection' }
    if (cursor.skip('SCHEMA') || cursor.skip('DATABASE')) cursor.at++
  }
  const first = cursor.word()
  const statement = EXPLAINABLE.has(first) || cursor.op('(')
  if (statement) return { kind: 'statement', at: cursor.at, analyze }
  const table = cursor.name() !== null && cursor.tokens.length - cursor.at <= 1
  return { kind: table ? 'table' : 'unknown' }
}

const EXPLAINABLE = new Set([
  'SELECT',
  'INSERT',
  'REPLACE',
  'UPDATE',
  'DELETE',
  'WITH',
  'TABLE',
  'VALUES',
])
