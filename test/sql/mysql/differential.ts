import type { LexMode } from '../../../src/sql/mysql/dialect.ts'
import { modesOf } from '../../../src/sql/mysql/dialect.ts'
import { lex } from '../../../src/sql/mysql/lexer.ts'
import { nameOf } from '../../../src/sql/mysql/token.ts'
import type { Classification, Effect } from '../../../src/sql/statement.ts'
import { Random, seedOf } from '../../fuzz/random.ts'
import type { TestMysql } from '../../support/mysql.ts'
import type { MysqlClient, MysqlResult } from '../../support/mysql-client.ts'
import { type MutationCorpus, mutateSql } from './mutate-sql.ts'
import { effectsOf, MYSQL_9, openSession } from './shop.ts'

export interface DifferentialReport {
  readonly seed: number
  readonly count: number
  /** Texts that weren't held, and ran without an error of syntax. */
  readonly passed: number
  readonly held: number
  /** Texts in which the server counted a statement that changes something. */
  readonly dangerous: number
  readonly findings: readonly string[]
  /** The text with which the server died of a fault of its own, and its case; null where it lives. */
  readonly died: { readonly at: number; readonly text: string } | null
}

export interface DifferentialOptions {
  readonly server: TestMysql
  readonly corpus: MutationCorpus
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

/** Counters that a text may raise which is judged to read only. */
const HARMLESS =
  /^(?:select|set_option|begin|commit|rollback|rollback_to_savepoint|savepoint|release_savepoint|change_db|do|help|empty_query|unlock_tables|stmt_\w+|prepare_sql|execute_sql|dealloc_sql|xa_start|xa_end|xa_commit|xa_rollback|explain_other|signal|resignal|get_diagnostics|ha_close|call_procedure|admin_commands|compound_sql|execute_immediate|analyze_select|show_(?!create_user|create_proc|create_func|create_trigger|create_event|create_package|create_library|processlist|engine_status|binlog|master|slave|relaylog|replica|binary|profile|explain|generic|all)\w*)$/
/** ER_ACCESS_DENIED_ERROR: what else a user with rights on one schema is denied, is files. */
const ACCESS_DENIED = 1045

/**
 * Sends mutated statements to a server as a user who may do nothing, and compares which commands
 * the server counted with what the classifier says that the text does. The counters rise when a
 * statement has been parsed, whether or not the user may run it.
 */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialReport> {
  const { server, corpus, seed, count } = options
  const findings: string[] = []
  const tally = { passed: 0, held: 0, dangerous: 0 }
  let watched = await Watched.open(server)
  for (let index = options.from ?? 0; index < (options.from ?? 0) + count; index++) {
    const random = new Random(seedOf(seed, index))
    const mode = random.pick(modesOf({ characterSet: '', database: null }))
    const sql = mutateSql(random, corpus)
    const verdict = await openSession({ dialect: server.dialect, facts: mode }).judge(sql)
    const seen = await watched.run(sql, mode)
    if (seen === null) {
      const next = await Watched.open(server).catch(() => null)
      if (!next) {
        const died = { at: index, text: JSON.stringify(sql.toString('latin1')) }
        return { seed, count: index + 1 - (options.from ?? 0), ...tally, findings, died }
      }
      watched = next
      continue
    }
    const effects = new Set(effectsOf(verdict))
    const held = [...HELD].some((effect) => effects.has(effect as Effect))
    if (held) tally.held++
    else if (seen.counted.size > 0) tally.passed++
    const hidden = held || server.flavour !== 'mysql' ? [] : await watched.hiddenNames(sql, mode)
    const wrong = contradictions(seen, verdict, effects as ReadonlySet<Effect>, held)
    if ([...seen.counted.keys()].some((command) => !HARMLESS.test(command))) tally.dangerous++
    if (hidden.length > 0) wrong.push(`reads the names ${hidden}`)
    if (wrong.length > 0) {
      findings.push(
        `${server.version} case ${index} of seed ${seed}, ${JSON.stringify(mode)}: ${JSON.stringify(sql.toString('latin1'))} ${wrong.join(', ')}; judged ${[...effects]}`,
      )
    }
  }
  watched.close()
  return { seed, count, ...tally, findings, died: null }
}

const PLANNED = /^(?:insert|replace|update|delete)(?:_multi|_select)?$/

/** What a command does at the least, by the name of its counter. */
const REQUIRED: readonly (readonly [command: RegExp, effect: Effect])[] = [
  [/^(?:insert|replace|update|delete)(?:_multi|_select)?$/, 'write'],
  [
    /^(?:grant|revoke)|^(?:create|alter|drop|rename)_(?:user|role)s?$|^(?:grant|revoke)_roles$|^set_(?:password|role)$|_default_role$/,
    'privilege',
  ],
  [/^(?:create|alter|drop|rename)_(?!user|role|tablespace|resource|undo|instance)/, 'ddl'],
  [/^truncate$/, 'unbounded-write'],
]

function contradictions(
  { counted, errors }: Seen,
  verdict: readonly Classification[],
  effects: ReadonlySet<Effect>,
  held: boolean,
): string[] {
  if (effects.has('opaque')) return []
  const wrong: string[] = []
  const explains = verdict.some(({ verb }) => /^(?:EXPLAIN|DESC)/.test(verb))
  let statements = 0
  for (const [command, times] of counted) {
    if (!/^(?:stmt_|show_warnings|show_errors|admin|empty_query)/.test(command)) statements += times
    if (HARMLESS.test(command)) continue
    // The command that a plan is for is counted, and not run.
    if (explains && PLANNED.test(command)) continue
    const required = REQUIRED.find(([pattern]) => pattern.test(command))?.[1]
    if (required ? !effects.has(required) : !held) wrong.push(`ran ${command}`)
  }
  if (errors.includes(ACCESS_DENIED) && !held) wrong.push('asked for files')
  const inner = verdict.some(({ verb }) => /^(?:EXECUTE|PREPARE|CALL)/.test(verb))
  if (statements > verdict.length && !inner) wrong.push(`ran ${statements} statements`)
  return wrong
}

interface Seen {
  /** Commands by the name of their counter, without Com_. */
  readonly counted: ReadonlyMap<string, number>
  readonly errors: readonly number[]
}

/** Every identifier and variable of a text, as the lexer reads it. */
function namesOf(sql: Buffer, mode: LexMode): ReadonlySet<string> {
  const { tokens } = lex(sql.toString('latin1'), { ...mode, dialect: MYSQL_9, doubtful: 'skip' })
  const names = tokens.filter(
    ({ kind }) => kind === 'word' || kind === 'quoted' || kind === 'variable',
  )
  return new Set(names.map((token) => nameOf(token).toLowerCase()))
}

function modeNames(mode: LexMode): string {
  return [
    ...(mode.ansiQuotes ? ['ANSI_QUOTES'] : []),
    ...(mode.noBackslashEscapes ? ['NO_BACKSLASH_ESCAPES'] : []),
  ].join(',')
}

/** A connection whose commands the server counts. */
class Watched {
  readonly #client: MysqlClient
  #before = new Map<string, number>()

  private constructor(client: MysqlClient) {
    this.#client = client
  }

  static async open(server: TestMysql): Promise<Watched> {
    return new Watched(await server.open('watched'))
  }

  /** Null where the connection has ended. */
  async run(sql: Buffer, mode: LexMode): Promise<Seen | null> {
    try {
      await this.#client.reset()
      await this.#client.query(
        `SET NAMES utf8mb4, sql_mode = '${modeNames(mode)}', autocommit = 0; USE shop`,
      )
      this.#before = await this.#counters()
      const results: readonly MysqlResult[] = await this.#client.query(sql)
      const errors = results.flatMap(({ error }) => (error ? [error.code] : []))
      return { counted: this.#raised(await this.#counters()), errors }
    } catch {
      return null
    }
  }

  /**
   * Names that MySQL reads in a statement and the lexer doesn't: its digest has every identifier, so
   * a column that hides from the lexer is found by it. None where the text is no single statement.
   */
  async hiddenNames(sql: Buffer, mode: LexMode): Promise<readonly string[]> {
    await this.#client.query(`SET NAMES utf8mb4, sql_mode = '${modeNames(mode)}'`)
    const text = `CONVERT(0x${sql.toString('hex')} USING utf8mb4)`
    const [result] = await this.#client.query(`SELECT STATEMENT_DIGEST_TEXT(${text})`)
    const digest = result?.rows[0]?.[0] ?? ''
    const own = namesOf(sql, mode)
    // A digest doubles no backticks, and has the names in hints.
    if ([...own].some((name) => name.includes('`')) || sql.includes('/*+')) return []
    const names = [...digest.matchAll(/`((?:[^`]|``)+)`/g)].map(([, name = '']) => name)
    return names.filter((name) => !own.has(name.replaceAll('``', '`').toLowerCase()))
  }

  close(): void {
    this.#client.close()
  }

  #raised(after: ReadonlyMap<string, number>): Map<string, number> {
    const raised = new Map<string, number>()
    for (const [name, value] of after) {
      // The look itself is counted.
      const own = name === 'show_status' ? 1 : 0
      const more = value - (this.#before.get(name) ?? 0) - own
      if (more > 0) raised.set(name, more)
    }
    return raised
  }

  async #counters(): Promise<Map<string, number>> {
    const [result] = await this.#client.query("SHOW SESSION STATUS LIKE 'Com%'")
    return new Map(
      (result?.rows ?? []).map(([name, value]) => [
        String(name).replace(/^Com_/i, '').toLowerCase(),
        Number(value),
      ]),
    )
  }
}
