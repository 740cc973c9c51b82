import { type Directory, sameName } from './directory.ts'
import type { Person } from './principal.ts'

interface Ballot {
  readonly person: string
  readonly decision: 'approve' | 'deny'
  /** When it was given, and when its giver had last proved who they are. ISO 8601, UTC. */
  readonly at?: string
  readonly authenticatedAt?: string
}

/** What of a request bears on who may answer it. */
export interface DecidableRequest {
  readonly agent: string
  /** People (e-mail) and groups. */
  readonly owners: readonly string[]
  readonly onBehalfOf: string | null
  /** Who made the agent's secrets. What an earlier version has stored names one, or null. */
  readonly credentialCreatedBy: readonly string[] | string | null
  /** All of them have to be met: `count` distinct people, each of one of the groups `by`. */
  readonly requirements: readonly {
    readonly rule: string
    readonly by: readonly string[]
    readonly count: number
    /** Groups whose members count too, once the rule is among `escalated`. */
    readonly escalate?: { readonly to: readonly string[] }
    /** How long ago, at most, each of them has proved who they are; milliseconds. */
    readonly stepUpMs?: number
  }[]
  /** Rules whose second group may decide now; none where it is left out. */
  readonly escalated?: readonly string[]
  readonly votes: readonly Ballot[]
  /** Data classes that whoever signs it may let leave in clear beside, where theirs is that right. */
  readonly clearable: readonly string[]
}

export type Authorization =
  /** `completes`: with this approval every requirement is met. */
  | { readonly ok: true; readonly person: Person; readonly completes: boolean }
  | {
      readonly ok: false
      readonly code: 'self_approval' | 'not_an_approver' | 'may_not_clear' | 'step_up_required'
      /** One sentence, said to the person. */
      readonly message: string
    }

/**
 * May this person give this answer? Every channel, the command line and administrators included,
 * asks here and nowhere else; there are no exemptions. Groups are read from the directory as it is
 * now, for whoever left a group since may not sign for it, and a vote of theirs stops counting.
 */
export function authorizeDecision(question: {
  readonly person: { readonly email: string }
  readonly request: DecidableRequest
  readonly decision: 'approve' | 'deny'
  /** Data classes that this person lets leave in clear by an approval. */
  readonly clears?: readonly string[]
  /** When this person last proved who they are, as the channel knows it; null: it doesn't. */
  readonly authenticatedAt?: number | null
  /** Milliseconds since the epoch. */
  readonly now?: number
  readonly directory: Directory
}): Authorization {
  const { decision, clears = [], directory, authenticatedAt = null, now = 0 } = question
  const request = withEscalation(question.request)
  const person = directory.person(question.person.email)
  if (!person) return notAnApprover('You are not listed among the people of the configuration.')
  const tie = tieTo(request, person)
  if (tie !== null) return selfApproval(tie)
  if (decision === 'deny') return authorizeDeny(request, person)
  const provedMs = proofAge(authenticatedAt, now)
  const verdict = authorizeApprove(request, { ...person, provedMs }, directory)
  const kept = clears.find((one) => !mayClear(request, person, one, directory))
  return verdict.ok && kept !== undefined ? mayNotClear(request, kept) : verdict
}

/**
 * May this person let the request pass alone? Break-glass stands in for the groups and the number of
 * people that rules ask for; whoever is tied to the agent can't sign for it this way either, and
 * nothing leaves in clear by it.
 */
export function authorizeBreakGlass(question: {
  readonly person: { readonly email: string }
  readonly request: DecidableRequest & { readonly asksClear: readonly string[] }
  readonly directory: Directory
}): Authorization {
  const { request, directory } = question
  const person = directory.person(question.person.email)
  if (!person) return notAnApprover('You are not listed among the people of the configuration.')
  const tie = tieTo(request, person)
  if (tie !== null) return selfApproval(tie)
  if (!directory.mayBreakGlass(person)) {
    return notAnApprover('No group of yours may break the glass (break_glass of groups:).')
  }
  if (request.asksClear.length === 0) return { ok: true, person, completes: true }
  const message = 'What is to be shown in clear takes who clears it: break-glass shows nothing.'
  return { ok: false, code: 'may_not_clear', message }
}

function selfApproval(tie: string): Authorization {
  const message = `${tie}, so somebody else has to decide; owners may withdraw the request.`
  return { ok: false, code: 'self_approval', message }
}

/** The request with the second groups whose time has come among those who may decide. */
function withEscalation<R extends Omit<DecidableRequest, 'votes'>>(request: R): R {
  const { escalated = [] } = request
  const requirements = request.requirements.map(({ escalate, ...one }) => ({
    ...one,
    by: escalate && escalated.includes(one.rule) ? [...one.by, ...escalate.to] : one.by,
  }))
  return { ...request, requirements }
}

function mayClear(
  { clearable }: DecidableRequest,
  person: Person,
  dataClass: string,
  directory: Directory,
): boolean {
  return clearable.includes(dataClass) && directory.clears(person, dataClass)
}

/** Whether those who have approved still may, and are enough: of a grant, asked at each use. */
export function isApproved(request: DecidableRequest, directory: Directory): boolean {
  const voters = approvers(request, directory)
  const { requirements } = withEscalation(request)
  return requirements.length > 0 && requirements.every((one) => missing(one, voters) === 0)
}

/** Classes that those who have approved let leave in clear, as far as they still may. */
export function clearedBy(
  request: Omit<DecidableRequest, 'votes'> & {
    readonly votes: readonly (Ballot & { readonly clears: readonly string[] })[]
  },
  directory: Directory,
): readonly string[] {
  const voters = approvers(request, directory)
  const given = request.votes.flatMap(({ person: email, clears }) => {
    const person = voters.get(sameName(email))
    return person ? clears.filter((one) => mayClear(request, person, one, directory)) : []
  })
  return [...new Set(given)]
}

/** True for the people, and the members of the groups, that answer for the agent. */
export function isOwner(request: Pick<DecidableRequest, 'owners'>, person: Person): boolean {
  return request.owners.some(
    (owner) =>
      sameName(owner) === sameName(person.email) ||
      person.groups.includes(owner) ||
      person.ties?.includes(owner) === true,
  )
}

/** Why this person would be signing for themselves, or null. */
function tieTo(request: DecidableRequest, person: Person): string | null {
  const me = sameName(person.email)
  if (isOwner(request, person)) return 'You own this agent'
  if (sameName(request.agent) === me) return 'You are this agent'
  if (request.onBehalfOf !== null && sameName(request.onBehalfOf) === me) {
    return 'The agent acts on your behalf'
  }
  if ([request.credentialCreatedBy ?? []].flat().some((maker) => sameName(maker) === me)) {
    return "You created this agent's credential"
  }
  return null
}

/** A no is always safe, so a group whose own requirement is met already may still say it. */
function authorizeDeny(request: DecidableRequest, person: Person): Authorization {
  const mine = request.requirements.some((requirement) => isIn(person, requirement.by))
  return mine ? { ok: true, person, completes: false } : outsider(request)
}

function authorizeApprove(
  request: DecidableRequest,
  person: Voter,
  directory: Directory,
): Authorization {
  const voters = approvers(request, directory)
  const open = request.requirements.filter((requirement) => missing(requirement, voters) > 0)
  if (!open.some((requirement) => isIn(person, requirement.by))) return outsider(request)
  const mine = request.requirements.filter((requirement) => isIn(person, requirement.by))
  if (!mine.every((requirement) => isFresh(person, requirement))) return stepUp(mine)
  const after = new Map(voters).set(sameName(person.email), person)
  const completes = request.requirements.every((requirement) => missing(requirement, after) === 0)
  return { ok: true, person, completes }
}

/** The distinct people whose approval counts today. */
function approvers(request: DecidableRequest, directory: Directory): Map<string, Voter> {
  const voters = new Map<string, Voter>()
  for (const vote of request.votes) {
    const person = directory.signer(vote.person)
    if (vote.decision !== 'approve' || !person || tieTo(request, person) !== null) continue
    voters.set(sameName(person.email), { ...person, provedMs: provedOf(vote) })
  }
  return voters
}

/** Somebody who signs, and how long before they had proved who they are; null: nobody knows. */
interface Voter extends Person {
  readonly provedMs: number | null
}

function provedOf({ at, authenticatedAt }: Ballot): number | null {
  if (at === undefined || authenticatedAt === undefined) return null
  return proofAge(Date.parse(authenticatedAt), Date.parse(at))
}

/** Two clocks differ by some seconds; a proof of tomorrow is none. */
const SKEW_MS = 30_000

/** How long ago somebody proved who they are, in ms; null where they haven't, or not by this clock. */
export function proofAge(authenticatedAt: number | null, now: number): number | null {
  const age = authenticatedAt === null ? Number.NaN : now - authenticatedAt
  return Number.isFinite(age) && age >= -SKEW_MS ? Math.max(0, age) : null
}

function isFresh({ provedMs }: Voter, { stepUpMs }: { readonly stepUpMs?: number }): boolean {
  return stepUpMs === undefined || (provedMs !== null && provedMs <= stepUpMs)
}

function stepUp(requirements: readonly { readonly stepUpMs?: number }[]): Authorization {
  const strictest = Math.min(...requirements.map((one) => one.stepUpMs ?? Number.POSITIVE_INFINITY))
  const ago = strictest < 60_000 ? `${strictest / 1_000} s` : `${strictest / 60_000} min`
  const message = `This takes a sign-in of at most ${ago} ago. Approve it in the inbox, which asks you to sign in again; a token or a chat can not.`
  return { ok: false, code: 'step_up_required', message }
}

/** How many more people a requirement needs; at least one has to sign whatever the count says. */
function missing(
  requirement: {
    readonly by: readonly string[]
    readonly count: number
    readonly stepUpMs?: number
  },
  voters: ReadonlyMap<string, Voter>,
): number {
  const signed = [...voters.values()].filter(
    (person) => isIn(person, requirement.by) && isFresh(person, requirement),
  ).length
  return Math.max(0, Math.max(1, requirement.count) - signed)
}

function isIn(person: Person, groups: readonly string[]): boolean {
  return groups.some((group) => person.groups.includes(group))
}

function outsider(request: DecidableRequest): Authorization {
  const groups = [...new Set(request.requirements.flatMap((requirement) => requirement.by))]
  const who = groups.length > 0 ? groups.join(', ') : 'nobody'
  return notAnApprover(`An answer of yours isn't asked for; those who may decide: ${who}.`)
}

function mayNotClear({ clearable }: DecidableRequest, dataClass: string): Authorization {
  const message = clearable.includes(dataClass)
    ? `No group of yours clears ${dataClass}.`
    : `${dataClass} is nothing that this statement could show in clear.`
  return { ok: false, code: 'may_not_clear', message }
}

function notAnApprover(message: string): Authorization {
  return { ok: false, code: 'not_an_approver', message }
}
