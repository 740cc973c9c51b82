import { authorizeDecision } from '../../identity/authorize-decision.ts'
import type { ChatLinks } from '../../identity/chat-links.ts'
import type { Directory } from '../../identity/directory.ts'
import type { ApprovalRequest } from '../request.ts'
import { type Audience, EVERYBODY } from './teams-audience.ts'
import type { TeamsClick } from './teams-click.ts'

export type TeamsPerson =
  | { readonly ok: true; readonly email: string; readonly by: 'list' | 'link' }
  /** `code` for the record, `message` for the person. */
  | { readonly ok: false; readonly code: string; readonly message: string }

/**
 * Which person of the configuration has clicked, asked anew at each click. The ids are the Bot
 * Connector's word, which its token vouches for; names and addresses of Teams are never looked at.
 */
export function personBehind(
  { person, tenants }: Pick<TeamsClick, 'person' | 'tenants'>,
  known: {
    readonly tenant: string
    readonly directory: Directory
    /** Accounts that people have linked. */
    readonly links?: ChatLinks | undefined
  },
): TeamsPerson {
  const { tenant, directory, links } = known
  const ours = tenant.toLowerCase()
  if (tenants.length === 0 || tenants.some((each) => each !== ours)) {
    return refused('other_tenant', 'You click from an organisation that has no say here.')
  }
  if (person === null) return refused('unknown_member', 'Teams does not say who you are.')
  const listed = directory.byTeams(person)
  if (listed) return { ok: true, email: listed.email, by: 'list' }
  const linked = links?.personOf(
    { chat: 'teams', org: ours, user: person.toLowerCase() },
    directory,
  )
  if (linked) return { ok: true, email: linked.email, by: 'link' }
  const message = `Your account isn't that of anybody in the configuration (people: teams: ${person}).`
  return refused('unknown_member', message)
}

/** What this person is shown of a request. It grants nothing: the desk asks again at the click. */
export function audienceOf(
  request: ApprovalRequest,
  email: string | null,
  directory: Directory,
): Audience {
  if (email === null || request.state !== 'pending') return EVERYBODY
  const verdict = (decision: 'approve' | 'deny') =>
    authorizeDecision({ person: { email }, request, decision, directory })
  const approve = verdict('approve')
  const afterSignIn = !approve.ok && approve.code === 'step_up_required'
  const clears = approve.ok
    ? request.clearable.filter((one) => directory.clears(approve.person, one))
    : []
  return { approves: approve.ok, denies: verdict('deny').ok, clears, afterSignIn }
}

/** Object ids of those who may answer, as they are listed and linked. */
export function answerers(
  request: ApprovalRequest,
  directory: Directory,
  linked: readonly (readonly [id: string, email: string])[] = [],
): readonly string[] {
  return [...directory.inTeams(), ...linked]
    .filter(([, email]) => audienceOf(request, email, directory).denies)
    .map(([id]) => id)
}

function refused(code: string, message: string): TeamsPerson {
  return { ok: false, code, message }
}
