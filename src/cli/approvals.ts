import { randomUUID } from 'node:crypto'
import { type Command, Option } from 'commander'
import { cardText } from '../approval/channels/card-text.ts'
import { renderRequest, statusOf } from '../approval/channels/rendering.ts'
import { visible, visibleLine } from '../approval/channels/visible.ts'
import { type ApprovalRequest, REQUEST_STATES } from '../approval/request.ts'
import { regulationsFromView, requestFromView } from '../control/request-view.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { exitCodeOf } from './answering.ts'
import { ApiClient, ApiFailure, type Fetch } from './api-client.ts'
import { watchApprovals } from './approvals-watch.ts'
import { controlUrl } from './control-url.ts'
import type { CommandIo } from './io.ts'
import { SessionFile } from './session-file.ts'
import { UsageError } from './usage-error.ts'

export interface ApprovalsParts {
  readonly fetch?: Fetch
  readonly clock?: Clock
  /** Ends `watch`. */
  readonly signal?: AbortSignal
}

export interface Common {
  readonly config?: string
  readonly url?: string
  readonly token?: string
  readonly json?: boolean
}

const HELP = `
The token is a person's, of "countersign login" or made by "countersign token add EMAIL"; what it may decide is what that
person may: an owner of the agent can't approve its statements, here as anywhere.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly.
`

/** Adds `approvals ls|show|approve|deny|watch`, which speak to a running proxy's HTTP API. */
export function registerApprovals(
  program: Command,
  io: CommandIo,
  parts: ApprovalsParts = {},
): void {
  const approvals = program
    .command('approvals')
    .description('See what waits for approval, and decide it')
    .addHelpText('after', HELP)
  common(approvals.command('ls'))
    .description('List requests, newest first')
    .addOption(new Option('--state <state>', 'only these').choices(REQUEST_STATES))
    .option('--all', 'of every state, not only those that are pending')
    .option('--agent <name>', 'only of this agent')
    .option('--limit <number>', 'at most so many', '50')
    .action((options: ListOptions) =>
      runWithApi(io, parts, options, (api) => list(api, io, options)),
    )
  common(approvals.command('show <id>'))
    .description('Show one request whole: who asks, what it does, every character of it')
    .action((id: string, options: Common) =>
      runWithApi(io, parts, options, (api) => show(api, io, id, options)),
    )
  decisionCommand(approvals, 'approve', 'Approve one request, once', io, parts)
  decisionCommand(approvals, 'deny', 'Deny one request; the agent is told the reason', io, parts)
  common(approvals.command('break-glass <id>'))
    .description('Let one request pass alone, where a group of yours may; everybody is alerted')
    .requiredOption('--reason <text>', 'why it can not wait; kept in the record')
    .requiredOption('--ticket <text>', 'of the incident that it is for')
    .option('--sha256 <hash>', 'only if the statement is still the one with this hash')
    .action((id: string, options: BreakGlassOptions) =>
      runWithApi(io, parts, options, (api) => breakGlass(api, io, id, options)),
    )
  common(approvals.command('watch'))
    .description('Print what is asked and decided, as it happens, until interrupted')
    .action((options: Common) =>
      runWithApi(io, parts, options, (api) =>
        watchApprovals(api, io, {
          json: options.json ?? false,
          clock: parts.clock ?? systemClock,
          signal: parts.signal ?? new AbortController().signal,
        }),
      ),
    )
}

interface ListOptions extends Common {
  readonly state?: string
  readonly all?: boolean
  readonly agent?: string
  readonly limit: string
}

interface BreakGlassOptions extends Common {
  readonly reason: string
  readonly ticket: string
  readonly sha256?: string
}

interface DecideOptions extends Common {
  readonly reason?: string
  readonly sha256?: string
  readonly clear?: readonly string[]
  readonly shape?: boolean
  readonly minutes?: string
  readonly maxRows?: string
}

/** The options of every command that speaks to a running proxy. */
export function common(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration of the proxy, for its address')
    .option('--url <url>', 'the address of its HTTP API (or COUNTERSIGN_URL)')
    .option('--token <token>', 'your token (better: COUNTERSIGN_TOKEN, which ps does not show)')
    .option('--json', 'answer in JSON')
}

function decisionCommand(
  approvals: Command,
  decision: 'approve' | 'deny',
  description: string,
  io: CommandIo,
  parts: ApprovalsParts,
): void {
  const command = common(approvals.command(`${decision} <id>`))
    .description(description)
    .option('--reason <text>', 'why; kept in the record')
    .option('--sha256 <hash>', 'only if the statement is still the one with this hash')
  if (decision === 'approve') {
    command
      .option('--clear <class...>', 'show these data classes unmasked, this once')
      .option('--shape', 'approve whatever differs from it in constants only, for a time')
      .option('--minutes <number>', 'with --shape: for so long', '30')
      .option('--max-rows <number>', 'with --shape: each reads or changes at most so many', '1000')
  }
  command.action((id: string, options: DecideOptions) =>
    runWithApi(io, parts, options, (api) => decide(api, io, { id, decision, options })),
  )
}

/** Speaks to a running proxy's API as a person. */
export async function runWithApi(
  io: CommandIo,
  parts: ApprovalsParts,
  options: Common,
  act: (api: ApiClient) => Promise<void>,
): Promise<void> {
  try {
    const url = await controlUrl(options, io.env)
    const token = options.token ?? io.env.COUNTERSIGN_TOKEN ?? keptToken(io, url)
    if (!token) {
      throw new UsageError(
        'log in (countersign login), or give a token: COUNTERSIGN_TOKEN, --token',
      )
    }
    await act(new ApiClient({ url, token, fetch: parts.fetch ?? fetch }))
    io.exit(0)
  } catch (error) {
    if (options.json) io.err(`${JSON.stringify({ error: errorOf(error) })}\n`)
    else io.err(`${visible(messageOf(error))}\n`)
    io.exit(exitCodeOf(error))
  }
}

function keptToken({ env }: CommandIo, url: string): string | undefined {
  return env.HOME || env.XDG_CONFIG_HOME ? new SessionFile(env).find(url)?.token : undefined
}

function errorOf(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof ApiFailure ? error.code : 'failed'
  return { code: error instanceof UsageError ? 'usage' : code, message: messageOf(error) }
}

async function list(api: ApiClient, io: CommandIo, options: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: options.limit })
  if (!options.all) query.set('state', options.state ?? 'pending')
  else if (options.state) throw new UsageError('--all and --state exclude each other')
  if (options.agent !== undefined) query.set('agent', options.agent)
  const answer = await api.get(`/v1/approvals?${query}`)
  if (options.json) {
    io.out(`${JSON.stringify(answer)}\n`)
    return
  }
  const requests = (answer.approvals as readonly unknown[]).map(requestFromView)
  if (requests.length === 0) io.out('Nothing waits.\n')
  for (const request of requests) io.out(`${lineOf(request)}\n`)
  if (answer.next !== null) io.out('There are more; see --limit.\n')
}

/** One request on one line. */
export function lineOf(request: ApprovalRequest): string {
  const { title } = renderRequest(request)
  const agent = visibleLine(request.agent)
  return `${request.id}  ${request.state.padEnd(9)}  ${agent}  ${title}  (before ${request.expiresAt})`
}

async function show(api: ApiClient, io: CommandIo, id: string, options: Common): Promise<void> {
  const view = await api.get(pathOf(id))
  io.out(options.json ? `${JSON.stringify(view)}\n` : cardOf(view))
}

async function decide(
  api: ApiClient,
  io: CommandIo,
  asked: {
    readonly id: string
    readonly decision: 'approve' | 'deny'
    readonly options: DecideOptions
  },
): Promise<void> {
  const { id, decision, options } = asked
  const body = {
    decision,
    reason: options.reason ?? '',
    ...scopeOf(options),
    ...(options.sha256 === undefined ? {} : { statement_sha256: options.sha256 }),
  }
  const key = { 'idempotency-key': randomUUID() }
  const view = await api.post(`${pathOf(id)}/decisions`, body, key)
  if (options.json) {
    io.out(`${JSON.stringify(view)}\n`)
    return
  }
  const request = requestFromView(view)
  io.out(`${request.id}: ${statusOf(request)}\n${cardOf(view)}`)
}

async function breakGlass(
  api: ApiClient,
  io: CommandIo,
  id: string,
  { reason, ticket, sha256, json }: BreakGlassOptions,
): Promise<void> {
  const body = { reason, ticket, ...(sha256 === undefined ? {} : { statement_sha256: sha256 }) }
  const view = await api.post(`${pathOf(id)}/break-glass`, body, {})
  const request = requestFromView(view)
  io.out(json ? `${JSON.stringify(view)}\n` : `${request.id}: ${statusOf(request)}\n`)
}

function scopeOf({ shape, minutes, maxRows, clear }: DecideOptions) {
  if (!shape) return { scope: 'once', ...(clear && { clear }) }
  if (clear) throw new UsageError('--clear is for one execution: leave --shape out')
  return { scope: 'shape', minutes: Number(minutes), max_rows: Number(maxRows) }
}

function cardOf(view: unknown): string {
  return cardText(renderRequest(requestFromView(view), regulationsFromView(view)))
}

function pathOf(id: string): string {
  return `/v1/approvals/${encodeURIComponent(id)}`
}
