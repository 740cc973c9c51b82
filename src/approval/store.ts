import { join } from 'node:path'
import { z } from 'zod'
import { AppendLog, type OpenFile } from './append-log.ts'
import { isLive } from './desk-events.ts'
import { shownCharacters } from './draft-limits.ts'
import type { ApprovalRequest } from './request.ts'

/** Where a request stands in a chat, so that a restart still edits the message it posted. */
export interface PostedMessage {
  readonly channel: string
  readonly ts: string
  /** A digest of what the message shows; empty where it shows another request that it shares. */
  readonly shown: string
  /** True where the whole statement stands in a file beside it. */
  readonly file?: boolean
}

/** Each keeps a message of its own of a request. */
export type Chat = 'slack' | 'teams'

interface History {
  readonly approved: number
  readonly lastBy: string | null
  /** The greatest number of rows that one of them had; null where none was counted. */
  readonly rows?: number | null
}

type Line =
  | { readonly op: 'request'; readonly request: ApprovalRequest }
  | {
      readonly op: 'message'
      readonly id: string
      readonly message: PostedMessage
      /** Left out for Slack, which was the only one once. */
      readonly chat?: 'teams'
    }
  | { readonly op: 'history'; readonly shape: string; readonly history: History }

const classes = z.array(z.string()).default([])
/** Requests that were kept before anything could be cleared clear nothing. */
const KeptRequest = z.looseObject({
  id: z.string(),
  asksClear: classes,
  clearable: classes,
  cleared: classes,
  remindedAt: z.string().nullable().default(null),
  escalated: classes,
  shape: z.string().nullable().default(null),
  withoutConstants: z.string().nullable().default(null),
  grant: z.looseObject({}).nullable().default(null),
  votes: z.array(
    z.looseObject({ clears: classes, grant: z.looseObject({}).nullable().default(null) }),
  ),
})

const LineShape = z.discriminatedUnion('op', [
  z.object({ op: z.literal('request'), request: KeptRequest }),
  z.object({
    op: z.literal('message'),
    id: z.string(),
    message: z.looseObject({}),
    chat: z.literal('teams').optional(),
  }),
  z.object({ op: z.literal('history'), shape: z.string(), history: z.looseObject({}) }),
])

/** Settled requests that are kept, their characters, and shapes with a history; oldest go first. */
const KEEP_REQUESTS = 10_000
const KEEP_CHARACTERS = 64 * 1024 * 1024
const KEEP_SHAPES = 50_000

/**
 * The requests of one node: a log under `<data>/approvals/` (0700, files 0600) and a map in memory.
 * A change is in the map only once it is on the disk.
 */
export class ApprovalStore {
  readonly #requests = new Map<string, ApprovalRequest>()
  readonly #messages = {
    slack: new Map<string, PostedMessage>(),
    teams: new Map<string, PostedMessage>(),
  }
  readonly #history = new Map<string, History>()
  #characters = 0
  #log!: AppendLog

  private constructor() {}

  static async open(options: {
    readonly data: string
    readonly openFile?: OpenFile
  }): Promise<ApprovalStore> {
    const store = new ApprovalStore()
    const path = join(options.data, 'approvals', 'requests.ndjson')
    const replay = (line: unknown) => store.#apply(LineShape.parse(line) as unknown as Line)
    const snapshot = () => store.#snapshot()
    store.#log = await AppendLog.open(path, replay, snapshot, options.openFile)
    return store
  }

  /** Why nothing can be stored, or null. */
  get trouble(): string | null {
    return this.#log.trouble
  }

  get(id: string): ApprovalRequest | undefined {
    return this.#requests.get(id)
  }

  /** Characters of statements and parameters that are kept. */
  get characters(): number {
    return this.#characters
  }

  /** All that are kept, those that changed last behind. */
  all(): IterableIterator<ApprovalRequest> {
    return this.#requests.values()
  }

  /**
   * Stores `after` in place of `before` (undefined: there is none yet). Resolves once it is on the
   * disk; throws where the request isn't `before` any more, so a request is decided once.
   */
  async replace(before: ApprovalRequest | undefined, after: ApprovalRequest): Promise<void> {
    if (this.#requests.get(after.id) !== before) {
      throw new Error(`request ${after.id} has been changed by somebody else`)
    }
    const line = { op: 'request', request: after } as const
    await this.#log.append(line, () => this.#apply(line))
  }

  history(agent: string, fingerprint: string): History {
    return this.#history.get(shapeOf(agent, fingerprint)) ?? { approved: 0, lastBy: null }
  }

  /** Of what differs in its constants only: how often people approved it, one by one. */
  alike(request: ApprovalRequest): History {
    return this.#history.get(alikeOf(request) ?? '') ?? NEVER
  }

  message(id: string, chat: Chat = 'slack'): PostedMessage | undefined {
    return this.#messages[chat].get(id)
  }

  async setMessage(id: string, message: PostedMessage, chat: Chat = 'slack'): Promise<void> {
    const line = messageLine(id, message, chat)
    await this.#log.append(line, () => this.#apply(line))
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #apply(line: Line): void {
    if (line.op === 'message') this.#messages[line.chat ?? 'slack'].set(line.id, line.message)
    else if (line.op === 'history') this.#remember(line.shape, line.history)
    else this.#keep(line.request)
  }

  #keep(request: ApprovalRequest): void {
    const before = this.#requests.get(request.id)
    this.#forget(before)
    this.#requests.set(request.id, request)
    this.#characters += shownCharacters(request)
    if (request.state === 'approved' && before?.state === 'pending') this.#countApproval(request)
    if (request.state === 'executed' && before?.state === 'approved') this.#countRows(request)
    this.#forgetOldest()
  }

  #countApproval(request: ApprovalRequest): void {
    const shape = shapeOf(request.agent, request.fingerprint)
    const approved = (this.#history.get(shape)?.approved ?? 0) + 1
    this.#remember(shape, { approved, lastBy: request.votes.at(-1)?.person ?? null })
    const alike = alikeOf(request)
    if (alike === null) return
    const before = this.#history.get(alike) ?? NEVER
    this.#remember(alike, { ...before, approved: before.approved + 1 })
  }

  /** Also of what a grant has let run. */
  #countRows(request: ApprovalRequest): void {
    const alike = alikeOf(request)
    const rows = request.outcome?.rows ?? null
    if (alike === null || rows === null) return
    const before = this.#history.get(alike) ?? NEVER
    this.#remember(alike, { ...before, rows: Math.max(rows, before.rows ?? 0) })
  }

  #remember(shape: string, history: History): void {
    this.#history.delete(shape)
    this.#history.set(shape, history)
    const oldest = this.#history.keys().next().value
    if (this.#history.size > KEEP_SHAPES && oldest !== undefined) this.#history.delete(oldest)
  }

  #forget(request: ApprovalRequest | undefined): void {
    if (!request || !this.#requests.delete(request.id)) return
    this.#characters -= shownCharacters(request)
  }

  #forgetOldest(): void {
    for (const request of this.#requests.values()) {
      if (this.#requests.size <= KEEP_REQUESTS && this.#characters <= KEEP_CHARACTERS) return
      if (isLive(request)) continue
      this.#forget(request)
      this.#messages.slack.delete(request.id)
      this.#messages.teams.delete(request.id)
    }
  }

  *#snapshot(): Generator<string> {
    for (const request of this.#requests.values()) yield line({ op: 'request', request })
    for (const chat of ['slack', 'teams'] as const) {
      for (const [id, message] of this.#messages[chat]) {
        if (this.#requests.has(id)) yield line(messageLine(id, message, chat))
      }
    }
    // Behind the requests: replaying those counts nothing, for each stands there once.
    for (const [shape, history] of this.#history) yield line({ op: 'history', shape, history })
  }
}

function messageLine(id: string, message: PostedMessage, chat: Chat): Line {
  return { op: 'message', id, message, ...(chat === 'teams' ? { chat } : {}) }
}

function line(content: Line): string {
  return JSON.stringify(content)
}

const NEVER: History = { approved: 0, lastBy: null, rows: null }

/** A shape holds the agent and the database. What was let pass alone speaks for no rule. */
function alikeOf({ shape, database, agent, votes }: ApprovalRequest): string | null {
  if (shape === null || votes.some(({ breakGlass }) => breakGlass)) return null
  return JSON.stringify(['alike', agent, database, shape])
}

function shapeOf(agent: string, fingerprint: string): string {
  return JSON.stringify([agent, fingerprint])
}
