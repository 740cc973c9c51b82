import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadPublicKey } from '../audit/checkpoint-key.ts'
import { readRecords, type TrailRecord } from '../audit/read-records.ts'
import { type VerifiedChain, verifyTrails } from '../audit/verify.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { exitCodeOf } from './answering.ts'
import { matcherOf, type SearchOptions, showRecord } from './audit-records.ts'
import { configAt } from './config-at.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
The trail is the folder "audit" below the configuration's "data", a chain for each process of the
proxy. These commands only read it, also while the proxy runs.
`

const VERIFY_HELP = `
Finds records that were edited, removed, inserted or put in another order, by the hashes that chain
them; and a trail that was cut off at its end or written anew as a whole, by checkpoints signed with
the key audit.checkpoint.key. Whoever holds that key can sign anything: keep a copy of its public
half (audit.key.pub), and now and then of the head that is printed, where the proxy's machine can't
change it, and verify with --key.

Exit codes: 0 sound, 1 not sound or unreadable, 2 used wrongly.
`

const SEARCH_HELP = `
Conditions are combined; * stands for anything in --agent, --database, --verb and --table.
--since and --until take a time (2026-01-31, 2026-01-31T10:00:00Z) or how long ago (30m, 12h, 7d).

Exit codes: 0 something was found, 1 nothing was found or the trail is unreadable, 2 used wrongly.

Example:
  countersign audit search --config countersign.yaml --agent billing-bot --decision refused --since 7d
`

interface Where {
  readonly config?: string
  readonly folder?: string
  readonly key?: string
  readonly json?: boolean
}

/** Adds `audit verify|tail|search`. */
export function registerAudit(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  const clock = parts.clock ?? systemClock
  const audit = program.command('audit').description('Read and verify the audit trail')
  audit.addHelpText('after', HELP)
  const command = (name: string, description: string) =>
    audit
      .command(name)
      .description(description)
      .option('--config <file>', 'the configuration, which names the folder and the key')
      .option('--folder <folder>', 'the folder of the trail, instead of --config')
      .option('--json', 'answer in JSON')
  command('verify', 'Find out whether the trail is as it was written')
    .option('--key <file>', 'either half of the key that signs checkpoints')
    .addHelpText('after', VERIFY_HELP)
    .action((where: Where) => run(io, () => verify(io, where)))
  command('tail', 'Print the newest records of all chains, in the order of their times')
    .option('-n, --lines <number>', 'so many', '20')
    .action((options: Where & { lines: string }) => run(io, () => tail(io, options)))
  command('search', 'Print the records that meet conditions')
    .option('--agent <name>')
    .option('--database <name>')
    .option('--verb <verb>', 'SELECT, "DROP TABLE"')
    .option('--table <schema.name>')
    .option('--decision <decision>', 'allowed, approved, shadow or refused')
    .option('--since <time>')
    .option('--until <time>')
    .option('--text <text>', 'anywhere in the record, whatever its case')
    .option('--limit <number>', 'at most so many', '1000')
    .addHelpText('after', SEARCH_HELP)
    .action((options: Where & SearchOptions & { limit: string }) =>
      run(io, () => search(io, options, clock)),
    )
}

async function run(io: CommandIo, action: () => Promise<number>): Promise<void> {
  try {
    io.exit(await action())
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    io.exit(exitCodeOf(error))
  }
}

/** The folder, and the key where one is named; a key that can't be read is an error. */
async function locate(
  io: CommandIo,
  where: Where,
): Promise<{ folder: string; key: string | null }> {
  if (where.folder !== undefined) {
    return { folder: existing(where.folder), key: where.key ?? null }
  }
  if (where.config === undefined)
    throw new UsageError('say where: --config FILE or --folder FOLDER')
  const { data, audit } = await configAt(io, where.config)
  const key = where.key ?? audit.checkpoint.key ?? join(data, 'keys', 'audit.key')
  return { folder: existing(join(data, 'audit')), key }
}

function existing(folder: string): string {
  if (!existsSync(folder)) throw new UsageError(`${folder}: there is no trail yet`)
  return folder
}

async function verify(io: CommandIo, where: Where): Promise<number> {
  const { folder, key } = await locate(io, where)
  const publicKey = key === null ? null : await loadPublicKey(existsSync(key) ? key : `${key}.pub`)
  const { ok, chains } = await verifyTrails(folder, publicKey)
  const sound = ok && chains.length > 0
  if (where.json) io.out(`${JSON.stringify({ ok: sound, chains })}\n`)
  else for (const chain of chains) sayChain(io, chain)
  if (chains.length === 0) io.err(`${folder}: there is no trail here\n`)
  return sound ? 0 : 1
}

function sayChain(io: CommandIo, chain: VerifiedChain): void {
  const verdict = chain.problems.length === 0 ? 'sound' : 'NOT SOUND'
  io.out(
    `${chain.chain}: ${verdict}, ${chain.records} records in ${chain.segments} segments, ` +
      `${chain.checkpoints} checkpoints, ${chain.unanchored} records since the last, ` +
      `head ${chain.head}\n`,
  )
  for (const { kind, where, message } of chain.problems) io.out(`  ${kind}  ${where}: ${message}\n`)
  for (const note of chain.notes) io.out(`  note  ${note}\n`)
}

async function tail(io: CommandIo, options: Where & { lines: string }): Promise<number> {
  const { folder } = await locate(io, options)
  const count = wholeNumber(options.lines, '--lines')
  const newest = new Map<string, TrailRecord[]>()
  for await (const found of readRecords(folder)) {
    const kept = newest.get(found.chain) ?? []
    kept.push(found)
    if (kept.length > count) kept.shift()
    newest.set(found.chain, kept)
  }
  const records = [...newest.values()].flat().sort(byTime)
  for (const found of records.slice(-count)) say(io, found, options)
  return 0
}

async function search(
  io: CommandIo,
  options: Where & SearchOptions & { limit: string },
  clock: Clock,
): Promise<number> {
  const { folder } = await locate(io, options)
  const limit = wholeNumber(options.limit, '--limit')
  const matches = matcherOf(options, clock)
  let found = 0
  for await (const record of readRecords(folder)) {
    if (!matches(record)) continue
    say(io, record, options)
    if (++found === limit) {
      io.err(`only the first ${limit}; --limit gives more\n`)
      break
    }
  }
  return found > 0 ? 0 : 1
}

function byTime(one: TrailRecord, other: TrailRecord): number {
  return one.record.time < other.record.time ? -1 : one.record.time > other.record.time ? 1 : 0
}

function say(io: CommandIo, found: TrailRecord, { json }: Where): void {
  io.out(json ? `${found.line}\n` : `${showRecord(found)}\n`)
}

function wholeNumber(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${option} takes a whole number from 1`)
  return Number(text)
}
