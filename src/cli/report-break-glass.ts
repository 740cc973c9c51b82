import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { visibleLine } from '../approval/channels/visible.ts'
import { readRecords } from '../audit/read-records.ts'
import { readConfig } from '../config/config-file.ts'
import { parseDuration } from '../config/values.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
Read from the audit trail: every request that one person let pass alone, by whom, when, why, under
which ticket, and whether that was used. --since takes a time or how long ago (12h, 90d).

Exit codes: 0 done, 1 the trail is unreadable, 2 used wrongly.

Example:
  countersign report break-glass --config countersign.yaml --since 90d
`

interface ReportOptions {
  readonly config?: string
  readonly folder?: string
  readonly since?: string
  readonly json?: boolean
}

interface BrokenGlass {
  readonly time: string
  readonly request: string
  readonly person: string
  readonly channel: string
  readonly agent: string
  readonly verb: string
  readonly database: string
  readonly ticket: string
  readonly reason: string
  /** When the approval was used; null where it wasn't. */
  usedAt: string | null
}

/** Adds `report break-glass`. */
export function registerReportBreakGlass(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  const known = program.commands.find((command) => command.name() === 'report')
  const report = known ?? program.command('report').description('Reports from the audit trail')
  report
    .command('break-glass')
    .description('List what one person let pass alone')
    .option('--config <file>', 'the configuration, which names the folder')
    .option('--folder <folder>', 'the folder of the trail, instead of --config')
    .option('--since <time>', 'only what came later')
    .option('--json', 'answer in JSON')
    .addHelpText('after', HELP)
    .action(async (options: ReportOptions) => {
      try {
        io.exit(await run(io, options, parts.clock ?? systemClock))
      } catch (error) {
        io.err(`${messageOf(error)}\n`)
        io.exit(error instanceof UsageError ? 2 : 1)
      }
    })
}

async function run(io: CommandIo, options: ReportOptions, clock: Clock): Promise<number> {
  const found = await broken(await folderOf(io, options), sinceOf(options, clock))
  if (options.json) io.out(`${JSON.stringify({ break_glass: found })}\n`)
  else if (found.length === 0) io.out('Nobody has broken the glass.\n')
  else for (const one of found) io.out(`${lineOf(one)}\n`)
  return 0
}

async function folderOf(io: CommandIo, options: ReportOptions): Promise<string> {
  let { folder } = options
  if (folder === undefined) {
    if (options.config === undefined) throw new UsageError('give --config FILE or --folder FOLDER')
    const read = await readConfig({ path: options.config, env: io.env })
    if (!read.ok) throw new UsageError(read.problems.join('\n'))
    folder = join(read.config.data, 'audit')
  }
  if (!existsSync(folder)) throw new UsageError(`${folder}: there is no trail yet`)
  return folder
}

/** As records spell time, so that texts compare as times do. */
function sinceOf({ since }: ReportOptions, clock: Clock): string {
  if (since === undefined) return ''
  const ago = parseDuration(since)
  const ms = ago === null ? Date.parse(since) : clock.now() - ago
  if (Number.isNaN(ms)) throw new UsageError('--since takes a time, or how long ago: 12h, 90d')
  return new Date(ms).toISOString()
}

async function broken(folder: string, since: string): Promise<readonly BrokenGlass[]> {
  const all = new Map<string, BrokenGlass>()
  for await (const { record } of readRecords(folder)) {
    const request = String((record.approval as { id?: unknown } | undefined)?.id ?? '')
    if (record.type === 'approval.break_glass') all.set(record.id, read(request, record))
    if (record.type !== 'approval.spent') continue
    const last = [...all.values()].findLast((one) => one.request === request)
    if (last) last.usedAt ??= record.time
  }
  return [...all.values()].filter(({ time }) => time >= since)
}

function read(request: string, record: Readonly<Record<string, unknown>>): BrokenGlass {
  const text = (key: string) => String(record[key] ?? '')
  return {
    ...{ time: text('time'), request, person: text('person'), channel: text('channel') },
    ...{ agent: text('agent'), verb: text('verb'), database: text('database') },
    ...{ ticket: text('ticket'), reason: text('reason'), usedAt: null },
  }
}

function lineOf(one: BrokenGlass): string {
  const where = one.database === '' ? '' : `, ${one.database}`
  const used = one.usedAt === null ? 'not used' : `used ${one.usedAt}`
  return visibleLine(
    `${one.time}  ${one.request}  ${one.person} (${one.channel})  ${one.agent}: ${one.verb}${where}  ticket ${one.ticket}  ${used}  ${one.reason}`,
  )
}
