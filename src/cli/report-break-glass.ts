import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { visibleLine } from '../approval/channels/visible.ts'
import { readRecords } from '../audit/read-records.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
import { groupOf, REPORTS } from './group.ts'
import type { CommandIo } from './io.ts'
import { inRecords, timeOf } from './time-of.ts'
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
  groupOf(program, ...REPORTS)
    .command('break-glass')
    .description('List what one person let pass alone')
    .option('--config <file>', 'the configuration, which names the folder')
    .option('--folder <folder>', 'the folder of the trail, instead of --config')
    .option('--since <time>', 'only what came later')
    .option('--json', 'answer in JSON')
    .addHelpText('after', HELP)
    .action((options: ReportOptions) =>
      answering(io, () => reportBreakGlass(io, options, parts.clock ?? systemClock)),
    )
}

async function reportBreakGlass(
  io: CommandIo,
  options: ReportOptions,
  clock: Clock,
): Promise<string> {
  const folder = await folderOf(io, options)
  const since = options.since === undefined ? 0 : timeOf(options.since, '--since', clock)
  const found = await broken(folder, inRecords(since))
  if (options.json) return `${JSON.stringify({ break_glass: found })}\n`
  if (found.length === 0) return 'Nobody has broken the glass.\n'
  return found.map((one) => `${lineOf(one)}\n`).join('')
}

async function folderOf(io: CommandIo, options: ReportOptions): Promise<string> {
  let { folder } = options
  if (folder === undefined) {
    if (options.config === undefined) throw new UsageError('give --config FILE or --folder FOLDER')
    folder = join((await configAt(io, options.config)).data, 'audit')
  }
  if (!existsSync(folder)) throw new UsageError(`${folder}: there is no trail yet`)
  return folder
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
