import type { Directory } from '../identity/directory.ts'
import type { Agent } from '../identity/principal.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import type { Clock } from '../lib/clock.ts'
import { type ActionDecision, decideAction } from '../policy/decide-action.ts'
import type { RuleConfig } from '../policy/rule.ts'
import { type AskedAction, actionBinding, actionDraft, actionSha256 } from './action-draft.ts'
import type { ApprovalDesk } from './desk.ts'
import type { RecordApproval } from './record.ts'
import type { ApprovalRequest } from './request.ts'

/** What one agent may have waiting, and ask for in a minute; more is a loop, or an attack. */
const MAX_PENDING = 50
const MAX_PER_MINUTE = 60
/** Keys, uses and allowed actions that are remembered of each agent. */
const KEEP = 2_000
/** The desk's name for whoever waits for actions. */
const HOLDER = 'actions'

export interface ActionsOptions {
  readonly desk: ApprovalDesk
  readonly clock: Clock
  readonly newId: () => string
  readonly directory: () => Directory
  readonly policy: () => { readonly rules: readonly RuleConfig[]; readonly shadow: boolean }
  readonly record: RecordApproval
}

/** What an agent hears of an action. It may go ahead with `allowed` and `granted`, and no other. */
export type ActionAnswer =
  /** A rule lets it pass. */
  | { readonly kind: 'allowed'; readonly id: string; readonly rule: string }
  /** People let it pass; their approval is spent by this answer. */
  | { readonly kind: 'granted'; readonly request: ApprovalRequest }
  | { readonly kind: 'pending'; readonly request: ApprovalRequest }
  /** A rule forbids it. */
  | { readonly kind: 'refused'; readonly rule: string; readonly reason: string }
  /** Denied, expired or withdrawn. */
  | { readonly kind: 'over'; readonly request: ApprovalRequest }
  /** The approval has been spent before. */
  | { readonly kind: 'used'; readonly request: ApprovalRequest }
  | { readonly kind: 'unknown' }
  /** Too much waits already. */
  | { readonly kind: 'crowded' }
  /** The Idempotency-Key was used for something else. */
  | { readonly kind: 'reused-key' }

type Begun =
  | { readonly kind: 'request'; readonly id: string }
  | Extract<ActionAnswer, { kind: 'allowed' | 'refused' | 'crowded' }>

/** What is remembered of one agent: no other can push it out. */
class Memory {
  /** Idempotency-Key -> what it was used for. */
  readonly byKey = new BoundedMap<string, { binding: string; begun: Promise<Begun> }>(KEEP)
  /** Request -> the key with which its approval was spent. */
  readonly spentWith = new BoundedMap<string, string>(KEEP)
  /** Those that rules let pass and of which no outcome is known. */
  readonly allowed = new BoundedMap<string, true>(KEEP)
  /** When it asked people, within the last minute. */
  asked: readonly number[] = []
}

/**
 * Actions that aren't SQL, behind the same desk: the same people sign, the same trail keeps it. An
 * approval is spent, durably, by the answer that tells of it: whoever asks again is told that it
 * was used, unless they bring the key with which it was spent.
 */
export class Actions {
  readonly #options: ActionsOptions
  readonly #memories = new Map<string, Memory>()

  constructor(options: ActionsOptions) {
    this.#options = options
  }

  /** `key`: an Idempotency-Key of the agent's. Rejects with AUDIT_UNAVAILABLE, GATE_UNAVAILABLE. */
  async ask(agent: Agent, asked: AskedAction, key: string | undefined): Promise<ActionAnswer> {
    const binding = actionBinding(agent.name, asked)
    const { byKey } = this.#memoryOf(agent)
    const before = key === undefined ? undefined : byKey.get(key)
    if (before && before.binding !== binding) return { kind: 'reused-key' }
    const begun = before?.begun ?? this.#begin(agent, asked)
    if (key !== undefined && !before) remember(byKey, key, { binding, begun })
    const result = await begun
    return result.kind === 'request' ? this.poll(agent, result.id, key) : result
  }

  /** How it stands now; what is approved is spent by asking. */
  async poll(agent: Agent, id: string, key: string | undefined): Promise<ActionAnswer> {
    const request = this.#own(agent, id) && (await this.#options.desk.look(id))
    if (!request) return { kind: 'unknown' }
    if (request.state === 'pending') return { kind: 'pending', request }
    if (request.state !== 'approved') return closed(request)
    if (request.spentAt !== null) {
      const mine = key !== undefined && this.#memoryOf(agent).spentWith.get(id) === key
      return { kind: mine ? 'granted' : 'used', request }
    }
    return this.#spend(agent, request, key)
  }

  /** What became of it, as the agent says; true once, and only of what it was let do. */
  async report(
    agent: Agent,
    id: string,
    done: { readonly outcome: 'executed' | 'failed'; readonly detail: string },
  ): Promise<'noted' | 'unknown' | 'not-due'> {
    const { allowed } = this.#memoryOf(agent)
    // Taken out first, so that it is taken once; a trail that fails leaves it to be said again.
    if (allowed.delete(id)) {
      const event = { type: 'action.outcome', id, agent: agent.name, ...done } as const
      await this.#options.record(event).catch((error) => {
        allowed.set(id, true)
        throw error
      })
      return 'noted'
    }
    if (!this.#own(agent, id)) return 'unknown'
    return (await this.#options.desk.report(id, done)) ? 'noted' : 'not-due'
  }

  /** The agent doesn't want it any more. */
  async withdraw(agent: Agent, id: string): Promise<ActionAnswer> {
    const request = this.#own(agent, id)
    if (!request) return { kind: 'unknown' }
    if (request.spentAt === null) await this.#options.desk.withdraw(id, 'cancelled', HOLDER)
    return closed(this.#own(agent, id) ?? request)
  }

  /** The request, where it is one of this agent's; the state of others is none of its business. */
  #own(agent: Agent, id: string): ApprovalRequest | undefined {
    const request = this.#options.desk.get(id)
    return request?.action && request.agent === agent.name ? request : undefined
  }

  async #begin(agent: Agent, asked: AskedAction): Promise<Begun> {
    const decision = this.#decide(agent, asked.name)
    if (decision.kind === 'deny') return this.#refuse(agent, asked, decision)
    if (decision.kind === 'allow') return this.#allow(agent, asked, decision.rule, 'allowed')
    if (this.#options.policy().shadow) {
      return this.#allow(agent, asked, decision.requirement.rule, 'shadow')
    }
    const draft = actionDraft(agent, asked, decision)
    if (this.#pendingOf(agent, draft.binding) >= MAX_PENDING) return { kind: 'crowded' }
    if (this.#asksTooFast(agent)) return { kind: 'crowded' }
    const { request } = await this.#options.desk.open(draft, HOLDER)
    return { kind: 'request', id: request.id }
  }

  #decide(agent: Agent, action: string): ActionDecision {
    const { policy, directory, clock } = this.#options
    const groups = directory().groupsOf(agent.owners)
    const input = { agent: agent.name, groups, action, now: clock.now() }
    return decideAction(input, policy().rules)
  }

  async #allow(
    agent: Agent,
    asked: AskedAction,
    rule: string,
    decision: 'allowed' | 'shadow',
  ): Promise<Begun> {
    const id = this.#options.newId()
    const said = recorded(agent, asked, rule)
    await this.#options.record({ type: 'action.allowed', id, decision, ...said })
    this.#memoryOf(agent).allowed.set(id, true)
    return { kind: 'allowed', id, rule }
  }

  async #refuse(
    agent: Agent,
    asked: AskedAction,
    { rule, reason }: Extract<ActionDecision, { kind: 'deny' }>,
  ): Promise<Begun> {
    await this.#options.record({ type: 'action.refused', ...recorded(agent, asked, rule), reason })
    return { kind: 'refused', rule, reason }
  }

  /** People who are asked all the time sign without reading. */
  #asksTooFast(agent: Agent): boolean {
    const now = this.#options.clock.now()
    const memory = this.#memoryOf(agent)
    const recent = memory.asked.filter((at) => now - at < 60_000)
    if (recent.length >= MAX_PER_MINUTE) return true
    memory.asked = [...recent, now]
    return false
  }

  #memoryOf({ name }: Agent): Memory {
    const memory = this.#memories.get(name) ?? new Memory()
    this.#memories.set(name, memory)
    return memory
  }

  #pendingOf(agent: Agent, except: string): number {
    let count = 0
    for (const request of this.#options.desk.waiting()) {
      if (request.action && request.agent === agent.name && request.binding !== except) count++
    }
    return count
  }

  /** What rules ask for has to be what was signed, or it is asked for anew. */
  async #spend(
    agent: Agent,
    request: ApprovalRequest,
    key: string | undefined,
  ): Promise<ActionAnswer> {
    const { id, binding, verb, requirements } = request
    const { desk } = this.#options
    if (!sameNeed(this.#decide(agent, verb), requirements)) {
      await desk.withdraw(id, 'changed', HOLDER)
      return closed(this.#own(agent, id) ?? request)
    }
    const spent = await desk.spend(id, binding)
    const now = this.#own(agent, id) ?? request
    if (!spent) return closed(now)
    if (key !== undefined) this.#memoryOf(agent).spentWith.set(id, key)
    return { kind: 'granted', request: now }
  }
}

/** What failed for our own reasons, or was refused for now, may be tried again with the key. */
function remember(
  byKey: Memory['byKey'],
  key: string,
  used: { readonly binding: string; readonly begun: Promise<Begun> },
): void {
  byKey.set(key, used)
  const forget = () => byKey.delete(key)
  used.begun.then(({ kind }) => kind === 'crowded' && forget(), forget)
}

function closed(request: ApprovalRequest): ActionAnswer {
  const over = ['denied', 'expired', 'withdrawn'].includes(request.state)
  if (over) return { kind: 'over', request }
  return { kind: request.state === 'pending' ? 'pending' : 'used', request }
}

function sameNeed(
  decision: ActionDecision,
  requirements: ApprovalRequest['requirements'],
): boolean {
  if (decision.kind === 'allow') return true
  if (decision.kind === 'deny') return false
  return JSON.stringify([decision.requirement]) === JSON.stringify(requirements)
}

function recorded(agent: Agent, asked: AskedAction, rule: string) {
  return {
    agent: agent.name,
    onBehalfOf: asked.onBehalfOf,
    action: asked.name,
    resource: asked.resource,
    sha256: actionSha256(asked),
    rules: [rule],
  }
}
