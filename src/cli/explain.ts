import type { Command } from 'commander'
import { classMemoryOf, readOnly } from '../catalog/class-memory.ts'
import { parseUpstream } from '../config/upstream-url.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
import { judgeOnMysql } from './explain-mysql.ts'
import { judgeOnPostgres } from './explain-postgres.ts'
import { type ReportParts, reportAsText, reportOn, type StatementReport } from './explain-report.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
Nothing is sent but questions about the schema: the statement itself isn't run.

Exit codes: 0 explained, 1 failed or no SQL that the database reads, 2 used wrongly.
`

interface ExplainOptions {
  readonly config: string
  readonly database: string
  readonly agent: string
  readonly json?: boolean
}

/** Adds `explain`, which says what would become of a statement and why. */
export function registerExplain(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  program
    .command('explain <sql>')
    .description("Say a statement's effects, the rules that speak for them, and what is masked")
    .requiredOption('--config <file>', 'the configuration')
    .requiredOption('--database <name>', 'a database of the configuration')
    .requiredOption('--agent <name>', 'the agent that would ask')
    .option('--json', 'answer in JSON: {"statements":[...]}')
    .addHelpText('after', HELP)
    .action((sql: string, options: ExplainOptions) =>
      answering(io, () => explained(io, sql, options, parts.clock ?? systemClock)),
    )
}

async function explained(
  io: CommandIo,
  sql: string,
  options: ExplainOptions,
  clock: Clock,
): Promise<string> {
  const reports = await explainSql(sql, await partsOf(io, options, clock), clock)
  if (options.json) return `${JSON.stringify({ statements: reports })}\n`
  return reports.map(reportAsText).join('\n')
}

async function partsOf(io: CommandIo, options: ExplainOptions, clock: Clock): Promise<ReportParts> {
  const config = await configAt(io, options.config)
  const database = config.databases.get(options.database)
  if (!database) throw new UsageError(`${options.database} is not listed under databases:`)
  const agent = config.agents.get(options.agent)
  if (!agent) throw new UsageError(`${options.agent} is not listed under agents:`)
  if (!agent.databases.includes(options.database)) {
    throw new UsageError(`the agent ${options.agent} may not use ${options.database}`)
  }
  return { config, database, agent: options.agent, now: clock.now() }
}

/** What would become of each statement of a text, on the database's schema as it is now. */
export async function explainSql(
  sql: string,
  parts: ReportParts,
  clock: Clock,
): Promise<readonly StatementReport[]> {
  const { config, database } = parts
  const upstream = parseUpstream(database.upstream)
  if ('problem' in upstream) throw new UsageError(`${database.name}: ${upstream.problem}`)
  const memory = readOnly(classMemoryOf(config.data, database.name, () => undefined))
  const judge = upstream.system === 'mysql' ? judgeOnMysql : judgeOnPostgres
  const judged = await judge(sql, { database, upstream, clock, memory })
  return judged.map(({ statement, outputs }) => reportOn(statement, outputs, parts))
}
