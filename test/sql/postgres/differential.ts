import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { openPostgresCatalog } from '../../../src/catalog/postgres-catalog.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import {
  createPostgresClassifier,
  type PostgresClassifier,
} from '../../../src/sql/postgres/classify.ts'
import type { Effect } from '../../../src/sql/statement.ts'
import { Random, seedOf } from '../../fuzz/random.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import { projectRoot } from '../../support/project-root.ts'
import { NO_NAMES, SHOP_CLASSES } from '../shop.ts'
import { corpusOf, type MutationCorpus, mutateSql } from './mutate-sql.ts'
import { Scratch, type Seen } from './scratch.ts'

export interface DifferentialReport {
  readonly count: number
  /** Texts that ran to their end on the server. */
  readonly ran: number
  readonly held: number
  /** Texts that ran and changed something, or were denied something, on the server. */
  readonly dangerous: number
  /** Texts that the proxy would have let through and that the server ran to their end. */
  readonly passed: number
  readonly findings: readonly string[]
}

export interface DifferentialOptions {
  readonly server: TestPostgres
  readonly seed: number
  readonly count: number
  readonly from?: number
}

const HELD: ReadonlySet<Effect> = new Set([
  'export',
  'ddl',
  'privilege',
  'server',
  'unbounded-write',
  'probe',
  'opaque',
])

/** Calls of what does something, behind every kind of name. */
const CALLS = [
  ...['touch(1)', 'atomic(1)', 'wipes()', 'drops()', 'grants()', "any_table('notes')", 'becomes()'],
  ...['turns()', "sets('role')", 'keeps()', "saves('x')", 'saves_one()', 'chain_5()', 'chain_9()'],
  ...['ping(1)', 'totals(1)', 'reads(1)', 'twice(2)', 'says_yes(1)', "### 'x'", '<<>> 1', 'now()'],
  ...["pg_read_file('x')", "lo_import('x')", "set_config('role', 'app', true)", 'pg_reload_conf()'],
  ...['pg_terminate_backend(-1)', "current_setting('is_superuser')", 'version()', 'version(1)'],
  ...["'on'::switch", '(SELECT count(*) FROM touching)', '(SELECT text FROM files)', 'a_pair()'],
  ...["nextval('numbers')", "pg_notify('a', 'b')", 'lo_create(0)', 'pg_sleep(0)'],
  ...["query_to_xml('DELETE FROM notes', true, false, '')", "to_regclass('notes')"],
]

export function differentialCorpus(): MutationCorpus {
  const text = readFileSync(join(projectRoot, 'fixtures/sql/statements.jsonl'), 'utf8')
  const statements = text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { sql: string }).sql)
    // Nothing that waits, ends other sessions or works on all databases.
    .filter((sql) => !/sleep|vacuum|checkpoint|terminate|database|reindex|analyze\b/i.test(sql))
  return corpusOf([...statements, ...STATEMENTS], CALLS)
}

const STATEMENTS = [
  'INSERT INTO watched_rows VALUES (1, 2)',
  'DELETE FROM watched_rows WHERE id = 7',
  'DELETE FROM parents WHERE id = 7',
  'UPDATE parents SET id = 8 WHERE id = 7',
  'INSERT INTO defaults (id) VALUES (1)',
  'INSERT INTO indexed VALUES (1)',
  'INSERT INTO asked VALUES (1)',
  'INSERT INTO sales (id, amount) SELECT 1, p FROM pairs',
  'SELECT id FROM fenced',
  'SELECT n FROM touching_again',
  'SELECT totals(id) FROM goods',
  'CALL moves(1)',
  'CALL razes()',
  'CALL tidy()',
  'SELECT drops()',
  'SELECT grants()',
  'SELECT touch(1)',
  'UPDATE stamped SET id = 2 WHERE id = 1',
  'DELETE FROM notes WHERE id = 1',
  "SELECT set_config('search_path', 'old', true)",
  'TRUNCATE notes',
  'ALTER TABLE notes ADD x int',
  'GRANT SELECT ON goods TO public',
]

/** Runs mutants on a scratch database, and compares what happened with what was judged. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const { server, seed, count, from = 0 } = options
  const scratch = await Scratch.open(server)
  const classifier = await frozenClassifier(scratch.url)
  const corpus = differentialCorpus()
  const findings: string[] = []
  const tally = { ran: 0, held: 0, dangerous: 0, passed: 0 }
  try {
    for (let index = from; index < from + count; index++) {
      const random = new Random(seedOf(seed, index))
      const sql = mutateSql(random, corpus)
      const verdict = await judge(classifier, sql)
      const seen = await scratch.run(sql)
      if (verdict.held) tally.held++
      if (seen.error === null) tally.ran++
      if (seen.error === null && !verdict.held) tally.passed++
      if (isDangerous(seen)) tally.dangerous++
      const wrong = contradictions(sql, seen, verdict)
      if (wrong.length === 0) continue
      const effects = [...verdict.effects].join(' ')
      findings.push(
        `case ${index} of seed ${seed}: ${JSON.stringify(sql)} ${wrong.join(', ')}; judged ${verdict.kind} ${effects}`,
      )
    }
  } finally {
    await classifier.close()
    await scratch.close()
  }
  return { count, ...tally, findings }
}

/** Judges by the schema as it was in the beginning, which every mutant meets again. */
async function frozenClassifier(url: string): Promise<PostgresClassifier> {
  const catalog = await openPostgresCatalog({
    connect: async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      return client
    },
    classified: SHOP_CLASSES,
    clock: systemClock,
    checkEveryMs: 86_400_000,
  })
  const schema = catalog.current
  await catalog.close()
  return createPostgresClassifier({ catalog: { current: schema, refresh: async () => schema } })
}

interface Verdict {
  readonly kind: string
  readonly effects: ReadonlySet<Effect>
  readonly held: boolean
}

async function judge(classifier: PostgresClassifier, sql: string): Promise<Verdict> {
  const parsed = await classifier.classify(Buffer.from(sql), NO_NAMES)
  if (parsed.kind === 'syntax-error') {
    return { kind: parsed.kind, effects: new Set(), held: false }
  }
  const statements = parsed.kind === 'opaque' ? [parsed.classification] : parsed.statements
  const effects = new Set(statements.flatMap((one) => one.effects.map(({ effect }) => effect)))
  return { kind: parsed.kind, effects, held: [...effects].some((effect) => HELD.has(effect)) }
}

function isDangerous(seen: Seen): boolean {
  return seen.schema || seen.rows || seen.identity.length > 0 || seen.error === DENIED
}

/** insufficient_privilege: the role owns all that it could need, so it asked for more. */
const DENIED = '42501'
const SYNTAX_ERROR = '42601'

/** What each command does at the least, by its tag. */
const TAGS: readonly (readonly [tag: RegExp, effects: readonly Effect[]])[] = [
  [/^(?:GRANT|REVOKE|REASSIGN)/, ['privilege']],
  [/^(?:CREATE|ALTER|DROP|COMMENT|SELECT INTO|IMPORT|REFRESH)/, ['ddl', 'privilege', 'server']],
  [/^TRUNCATE/, ['unbounded-write']],
  [/^(?:INSERT|UPDATE|DELETE|MERGE)/, ['write']],
  [/^(?:COPY)/, ['export', 'write', 'server']],
  [/^(?:LOCK|LOAD|VACUUM|ANALYZE|CLUSTER|CHECKPOINT|REINDEX)/, ['server', 'export']],
  [/^DO$/, ['opaque']],
]

/**
 * A constant that goes on in the next line, behind a comment: the grammar in hand refuses what the
 * server's own reads. Nothing of it can run, since it is sent as a Parse at most.
 */
const GOES_ON_BEHIND_COMMENT = /'[^\S\n]*--[^\n]*\n(?:\s|--[^\n]*\n)*'/

function contradictions(sql: string, seen: Seen, verdict: Verdict): string[] {
  const { effects } = verdict
  const wrong: string[] = []
  if (verdict.kind === 'syntax-error') {
    // It is never forwarded: the server's own error is given, so the server must have one.
    const read = seen.error === null && seen.tags.length > 0
    return read && !GOES_ON_BEHIND_COMMENT.test(sql) ? ['the server reads it'] : []
  }
  if (seen.error === SYNTAX_ERROR && seen.tags.length === 0) return []
  const any = (wanted: readonly Effect[]) => wanted.some((effect) => effects.has(effect))
  for (const tag of seen.tags) {
    const required = TAGS.find(([pattern]) => pattern.test(tag))?.[1]
    if (required && !any([...required, 'opaque'])) wrong.push(`ran ${tag}`)
  }
  if (seen.schema && !any(['ddl', 'privilege', 'unbounded-write', 'server', 'opaque'])) {
    wrong.push('changed the schema')
  }
  if (seen.rows && !any(['write', 'unbounded-write', 'ddl', 'opaque'])) wrong.push('wrote rows')
  if (seen.identity.length > 0 && !any(['privilege', 'session', 'opaque'])) {
    wrong.push(`changed ${seen.identity}`)
  }
  const guarded = seen.identity.filter((name) => GUARDED.has(name))
  if (guarded.length > 0 && !verdict.held) wrong.push(`changed ${guarded} unseen`)
  if (seen.error === DENIED && !verdict.held) wrong.push('was denied what it asked for')
  return wrong
}

/** Who one is, and what protects: never changed without being held. */
const GUARDED = new Set([
  'current_user',
  'session_user',
  'row_security',
  'session_replication_role',
  'standard_conforming_strings',
])
