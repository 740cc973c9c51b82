import type { Clock } from '../lib/clock.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import { ProxyError } from '../lib/errors.ts'
import { checkDraftSize } from './draft-limits.ts'
import type { Gate, OpenRequest } from './gate.ts'
import type { GateLine } from './gate-line.ts'
import {
  type ControlMessage,
  type DataMessage,
  type DataPlaneReport,
  parseControlMessage,
} from './gate-messages.ts'
import type { OwnRequest } from './own-request.ts'
import type { Outcome, RequestDraft, Resolution, WithdrawCause } from './request.ts'

/** A control process that doesn't answer within this is as good as away. */
const ANSWER_MS = 10_000
/** What is said while no line is up is kept up to this many messages. */
const MAX_UNSENT = 10_000

/** What sessions of this process wait for; they share one promise. */
interface Hold {
  readonly binding: string
  readonly resolution: Deferred<Resolution>
  sessions: number
}

type Opened = Extract<ControlMessage, { type: 'opened' }>
type Refused = Extract<ControlMessage, { type: 'refused' }>

type Question =
  | { readonly kind: 'open'; readonly draft: RequestDraft; readonly answer: Deferred<OpenRequest> }
  | {
      readonly kind: 'spend'
      readonly id: string
      readonly binding: string
      readonly answer: Deferred<boolean>
    }
  | {
      readonly kind: 'list'
      readonly agent: string
      readonly id: string | null
      readonly answer: Deferred<readonly OwnRequest[]>
    }

/**
 * The gate in the data plane, at the end of a line to the control process. Lines come and go; a
 * hold stays, is announced on the next line and gets what was decided meanwhile.
 */
export class RemoteGate implements Gate {
  readonly #clock: Clock
  readonly #holds = new Map<string, Hold>()
  readonly #questions = new Map<number, Question>()
  #unsent: DataMessage[] = []
  #line: GateLine | null = null
  #nextRef = 1

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock
  }

  /** True while a line is up. */
  get connected(): boolean {
    return this.#line !== null
  }

  /** How many sessions wait. */
  get holding(): number {
    let sessions = 0
    for (const hold of this.#holds.values()) sessions += hold.sessions
    return sessions
  }

  /** Takes a new line and announces on it all that is held. The line before it is let go. */
  connect(line: GateLine): void {
    this.#lose(this.#line)
    this.#line = line
    line.onMessage((raw) => this.#receive(line, raw))
    line.onClose(() => this.#lose(line))
    const holds = [...this.#holds].map(([id, { binding }]) => ({ id, binding }))
    line.send({ type: 'announce', holds } satisfies DataMessage)
    const unsent = this.#unsent
    this.#unsent = []
    for (const message of unsent) line.send(message)
  }

  async open(draft: RequestDraft): Promise<OpenRequest> {
    checkDraftSize(draft)
    const answer = deferred<OpenRequest>()
    return this.#ask({ kind: 'open', draft, answer }, answer)
  }

  withdraw(id: string, cause: WithdrawCause): void {
    const othersWait = this.#leave(id, cause)
    if (!othersWait || cause === 'changed') this.#tell({ type: 'withdraw', id, cause })
  }

  ticket(id: string): void {
    const holding = this.#leave(id, 'disconnected')
    this.#tell({ type: 'ticket', id, holding })
  }

  async spend(id: string, binding: string): Promise<boolean> {
    const answer = deferred<boolean>()
    return this.#ask({ kind: 'spend', id, binding, answer }, answer)
  }

  async list(agent: string, id: string | null): Promise<readonly OwnRequest[]> {
    const answer = deferred<readonly OwnRequest[]>()
    return this.#ask({ kind: 'list', agent, id, answer }, answer)
  }

  settle(id: string, outcome: Outcome): void {
    this.#tell({ type: 'settle', id, outcome })
  }

  /** Tells the control plane how the data plane is; not kept while no line is up. */
  report(report: DataPlaneReport): void {
    this.#line?.send({ type: 'report', report } satisfies DataMessage)
  }

  async #ask<T>(question: Question, answer: Deferred<T>): Promise<T> {
    const line = this.#line
    if (!line) throw unavailable('it is away')
    const ref = this.#nextRef++
    this.#questions.set(ref, question)
    const cancel = this.#clock.after(ANSWER_MS, () => {
      this.#questions.delete(ref)
      answer.reject(unavailable('it is stalled'))
    })
    try {
      line.send(messageFor(ref, question))
      return await answer.promise
    } finally {
      cancel()
      this.#questions.delete(ref)
    }
  }

  #receive(line: GateLine, raw: unknown): void {
    const message = this.#line === line ? parseControlMessage(raw) : null
    if (message?.type === 'opened') this.#opened(message)
    else if (message?.type === 'spent') this.#spent(message.ref, message.ok)
    else if (message?.type === 'listed') this.#listed(message.ref, message.requests)
    else if (message?.type === 'refused') this.#refused(message)
    else if (message?.type === 'resolved') this.#resolve(message.resolution)
  }

  /** The hold begins here and not where `open` is awaited: its resolution can be next on the line. */
  #opened({ ref, id, url, how }: Opened): void {
    const question = this.#questions.get(ref)
    this.#questions.delete(ref)
    if (question?.kind !== 'open') {
      // The session was told that the gate is away, so nobody waits for what was opened.
      if (!this.#holds.has(id)) this.#tell({ type: 'withdraw', id, cause: 'disconnected' })
      return
    }
    const { binding } = question.draft
    const fresh = { binding, resolution: deferred<Resolution>(), sessions: 0 }
    const hold = this.#holds.get(id) ?? fresh
    hold.sessions++
    this.#holds.set(id, hold)
    question.answer.resolve({ id, url, how, resolution: hold.resolution.promise })
  }

  #spent(ref: number, ok: boolean): void {
    const question = this.#questions.get(ref)
    if (question?.kind === 'spend') question.answer.resolve(ok)
  }

  #listed(ref: number, requests: readonly OwnRequest[]): void {
    const question = this.#questions.get(ref)
    if (question?.kind === 'list') question.answer.resolve(requests)
  }

  #refused({ ref, code, message, hint }: Refused): void {
    const options = hint === null ? {} : { hint }
    this.#questions.get(ref)?.answer.reject(new ProxyError(code, message, options))
  }

  #resolve(resolution: Resolution): void {
    this.#holds.get(resolution.id)?.resolution.resolve(resolution)
    this.#holds.delete(resolution.id)
  }

  /** One session of this process doesn't wait any more; true where others still do. */
  #leave(id: string, cause: WithdrawCause): boolean {
    const hold = this.#holds.get(id)
    if (!hold) return false
    hold.sessions--
    if (hold.sessions > 0) return true
    this.#resolve({ kind: 'withdrawn', id, cause })
    return false
  }

  #tell(message: DataMessage): void {
    if (this.#line) this.#line.send(message)
    else if (this.#unsent.length < MAX_UNSENT) this.#unsent.push(message)
  }

  #lose(line: GateLine | null): void {
    if (line === null || this.#line !== line) return
    this.#line = null
    const questions = [...this.#questions.values()]
    this.#questions.clear()
    for (const question of questions) question.answer.reject(unavailable('it went away'))
  }
}

function messageFor(ref: number, question: Question): DataMessage {
  if (question.kind === 'open') return { type: 'open', ref, draft: question.draft }
  if (question.kind === 'list') {
    return { type: 'list', ref, agent: question.agent, id: question.id }
  }
  return { type: 'spend', ref, id: question.id, binding: question.binding }
}

function unavailable(why: string): ProxyError {
  return new ProxyError('GATE_UNAVAILABLE', `nobody can be asked for approval now: ${why}`, {
    hint: 'This is not a denial. Try the statement again later.',
  })
}
