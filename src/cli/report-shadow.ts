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
import { ShadowReport, type ShadowShape } from './shadow-report.ts'
import { timeOf } from './time-of.ts'

const HELP = `
With "mode: shadow" nothing is held: what would have been is in the audit trail. The report tells it
by shape, statements that differ in constants only being one: how often, by which agents, by which
rule, with which effects. What would be asked for often is worth a rule before "mode: enforce".

It reads the trail, also while the proxy runs; run "countersign audit verify" to know it is sound.

Exit codes: 0 done, 1 failed, 2 used wrongly.

Example:
  countersign report shadow --config countersign.yaml --since 7d
`

/** Characters of a statement in a line. */
const SHOWN_CHARACTERS = 200

interface ShadowOptions {
  readonly config: string
  readonly since: string
  readonly json?: boolean
}

/** Adds `report shadow`. */
export function registerReportShadow(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  groupOf(program, ...REPORTS)
    .command('shadow')
    .description('What people would have been asked for, by shape')
    .requiredOption('--config <file>', 'the configuration')
    .option('--since <time>', 'a time (2026-01-31) or how long ago (12h, 7d)', '7d')
    .option('--json', 'answer in JSON: {"since","asked","shapes":[...]}')
    .addHelpText('after', HELP)
    .action((options: ShadowOptions) =>
      answering(io, () => reportShadow(io, options, parts.clock ?? systemClock)),
    )
}

async function reportShadow(io: CommandIo, options: ShadowOptions, clock: Clock): Promise<string> {
  const { data } = await configAt(io, options.config)
  const since = timeOf(options.since, '--since', clock)
  const folder = join(data, 'audit')
  const report = new ShadowReport()
  if (existsSync(folder)) {
    for await (const found of readRecords(folder, { since })) {
      if (Date.parse(found.record.time) >= since) report.add(found)
    }
  }
  const { shapes } = report
  const from = new Date(since).toISOString()
  const asked = shapes.reduce((sum, { count }) => sum + count, 0)
  if (options.json) return `${JSON.stringify({ since: from, asked, shapes })}\n`
  if (asked === 0) return `Since ${from} nobody would have been asked.\n`
  const head = `Since ${from} people would have been asked ${asked} times, for ${shapes.length} shapes:\n`
  return head + shapes.map((shape) => `${visibleLine(lineOf(shape))}\n`).join('')
}

function lineOf({ count, shape, database, agents, rules, effects, classes }: ShadowShape): string {
  const text = shape.length > SHOWN_CHARACTERS ? `${shape.slice(0, SHOWN_CHARACTERS)}…` : shape
  const by = agents.map(({ agent, count: times }) => `${agent} ${times}`).join(', ')
  return [
    `${String(count).padStart(6)}  ${database ?? 'action'}  ${text}`,
    `by ${by}`,
    `rule ${rules.join(', ')}`,
    ...(effects.length > 0 ? [effects.join(', ')] : []),
    ...(classes.length > 0 ? [`touches ${classes.join(', ')}`] : []),
  ].join('; ')
}
