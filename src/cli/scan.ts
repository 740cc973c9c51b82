import { writeFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { classMemoryOf, readOnly } from '../catalog/class-memory.ts'
import type { Config } from '../config/config.ts'
import { parseUpstream, showUpstream, type Upstream } from '../config/upstream-url.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
import type { CommandIo } from './io.ts'
import { codeOf, type ScanSource } from './scan/sampled.ts'
import {
  type ScanLimits,
  type ScanParts,
  type ScanReport,
  scanTables,
} from './scan/scan-database.ts'
import { openMysqlScan } from './scan/scan-mysql.ts'
import { openPostgresScan } from './scan/scan-postgres.ts'
import { reportAsJson, reportAsYaml } from './scan/scan-report.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
Looks at the names, types and some rows of every table, in read-only transactions of at most 5 s
each, and proposes a data class where they speak for one, with a confidence from 0 to 1 and the
reasons, as YAML to review and paste under databases:. It shows no value and changes nothing. What
it doesn't find may be there all the same: free text, and what no name or check digit tells.

Exit codes: 0 looked at, 1 failed, 2 used wrongly.

Examples:
  countersign scan --config countersign.yaml --database shop
  countersign scan --config countersign.yaml --database shop --table 'public.cust*' --out proposed.yaml
`

const MOST_ROWS = 10_000
const PATIENCE_S = 120

interface ScanOptions {
  readonly config: string
  readonly database: string
  readonly sample: number
  readonly minConfidence: number
  readonly time: number
  readonly table?: readonly string[]
  readonly out?: string
  readonly json?: boolean
}

/** Adds `scan`, which proposes data classes. */
export function registerScan(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  program
    .command('scan')
    .description('Propose data classes for columns, from their names, types and a sample')
    .requiredOption('--config <file>', 'the configuration')
    .requiredOption('--database <name>', 'a database of the configuration')
    .option(
      '--sample <rows>',
      `rows of each table, 0 to ${MOST_ROWS}; 0: names and types only`,
      numberIn(0, MOST_ROWS),
      200,
    )
    .option(
      '--min-confidence <number>',
      'leave out what is less likely, 0 to 1',
      numberIn(0, 1),
      0.5,
    )
    .option('--time <seconds>', 'read no more rows after so long', numberIn(1, 86_400), PATIENCE_S)
    .option('--table <pattern...>', 'only these tables: schema.table or table, * matches')
    .option('--out <file>', 'write the YAML to a file that is not there yet')
    .option('--json', 'answer in JSON: {"database","proposals":[...],"looked",...}')
    .addHelpText('after', HELP)
    .action((options: ScanOptions) =>
      answering(io, () => scanned(io, options, parts.clock ?? systemClock)),
    )
}

function numberIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max && (max <= 1 || Number.isInteger(number))) return number
    throw new InvalidArgumentError(`write a number from ${min} to ${max}`)
  }
}

async function scanned(io: CommandIo, options: ScanOptions, clock: Clock): Promise<string> {
  const report = await scan(io, options, clock)
  const text = options.json
    ? reportAsJson(options.database, report)
    : reportAsYaml(options.database, report)
  if (options.out === undefined) return text
  // Where sensitive data lies isn't for everybody either.
  writeFileSync(options.out, text, { flag: 'wx', mode: 0o600 })
  return `${report.proposals.length} proposals are in ${options.out}\n`
}

async function scan(io: CommandIo, options: ScanOptions, clock: Clock): Promise<ScanReport> {
  const config = await configAt(io, options.config)
  const limits: ScanLimits = {
    sample: options.sample,
    patienceMs: options.time * 1000,
    minConfidence: options.minConfidence,
    tables: options.table ?? [],
  }
  const source = await openSource(partsOf(config, options.database, clock, io))
  try {
    return await scanTables(source, limits, clock)
  } finally {
    await source.close().catch(() => undefined)
  }
}

function partsOf(config: Config, name: string, clock: Clock, io: CommandIo): ScanParts {
  const database = config.databases.get(name)
  if (!database) throw new UsageError(`${name} is not listed under databases:`)
  const upstream = parseUpstream(database.upstream)
  if ('problem' in upstream) throw new UsageError(`${name}: ${upstream.problem}`)
  const warn = (why: string) => io.err(`warning: ${why}\n`)
  return { database, upstream, clock, memory: readOnly(classMemoryOf(config.data, name, warn)) }
}

async function openSource(parts: ScanParts): Promise<ScanSource> {
  const { upstream } = parts
  try {
    return await (upstream.system === 'mysql' ? openMysqlScan : openPostgresScan)(parts)
  } catch (error) {
    throw new Error(`${whereOf(upstream)} can't be read: ${codeOf(error)}`, { cause: error })
  }
}

function whereOf(upstream: Upstream): string {
  return `${showUpstream(upstream)} as ${upstream.user}`
}
