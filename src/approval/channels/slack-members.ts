import type { WebClient } from '@slack/web-api'
import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import { messageOf } from '../../lib/errors.ts'

/** A modal can be opened for three seconds, so a look-up may take less. */
const LOOK_UP_MS = 2_000
/** Addresses that two ways of writing can't tell apart are ASCII. */
const PLAIN_ADDRESS = /^[\x21-\x7e]{3,254}$/

export type Member =
  | { readonly ok: true; readonly email: string }
  /** `code` for the record, `message` for the person. */
  | { readonly ok: false; readonly code: string; readonly message: string }

export interface MembersOptions {
  readonly client: Pick<WebClient, 'users'>
  readonly directory: () => Directory
  /** The workspace; members of any other are strangers. Null: not checked. */
  readonly team: string | null
  /** Whether members whom nobody lists by their id are known by their e-mail address. */
  readonly emailMatch: boolean
  readonly clock: Clock
  readonly log: (text: string) => void
}

/** Which person of the configuration a member of Slack is, asked anew at each click. */
export class SlackMembers {
  readonly #options: MembersOptions

  constructor(options: MembersOptions) {
    this.#options = options
  }

  async personBehind(user: string, team: string | null): Promise<Member> {
    const { directory, team: ours, emailMatch } = this.#options
    if (ours !== null && team !== ours) {
      return refused('other_workspace', 'You click from a workspace that has no say here.')
    }
    const listed = directory().bySlack(user)
    if (listed) return { ok: true, email: listed.email }
    if (emailMatch && ours !== null) return this.#byEmail(user, ours)
    const message = `Your Slack account isn't that of anybody in the configuration (people: slack: ${user}).`
    return refused('unknown_member', message)
  }

  async #byEmail(user: string, team: string): Promise<Member> {
    const found = await this.#lookUp(user)
    if (found === null) {
      const message = 'Slack could not say who you are, so nothing was decided. Try again.'
      return refused('member_not_looked_up', message)
    }
    const why = notAFullMember(found, user, team)
    if (why !== null) return refused('not_a_full_member', `Nothing was decided: ${why}.`)
    return this.#listedAs(found.profile?.email ?? '', user)
  }

  /** A person who lists another account is known by that one only. */
  #listedAs(email: string, user: string): Member {
    const directory = this.#options.directory()
    const person = PLAIN_ADDRESS.test(email) ? directory.person(email) : undefined
    if (person && directory.slackOf(person) === null) return { ok: true, email: person.email }
    const message = `Neither your Slack account (${user}) nor its e-mail address is that of anybody in the configuration.`
    return refused('unknown_member', message)
  }

  async #lookUp(user: string): Promise<MemberInfo | null> {
    const { client, clock, log } = this.#options
    const late = deferred<null>()
    const cancel = clock.after(LOOK_UP_MS, () => late.resolve(null))
    const asked = client.users.info({ user }).then(
      (answer) => (answer.user as MemberInfo | undefined) ?? null,
      (error) => {
        log(`Slack: users.info: ${messageOf(error)}`)
        return null
      },
    )
    try {
      return await Promise.race([asked, late.promise])
    } finally {
      cancel()
    }
  }
}

/** What users.info says of a member, as far as it is looked at. */
interface MemberInfo {
  readonly id?: unknown
  readonly team_id?: unknown
  readonly deleted?: unknown
  readonly is_bot?: unknown
  readonly is_app_user?: unknown
  readonly is_workflow_bot?: unknown
  readonly is_restricted?: unknown
  readonly is_ultra_restricted?: unknown
  readonly is_stranger?: unknown
  readonly is_invited_user?: unknown
  readonly is_email_confirmed?: unknown
  readonly profile?: { readonly email?: string }
}

const GUEST_FLAGS = {
  deleted: 'your account is deactivated',
  is_bot: 'you are a bot',
  is_app_user: 'you are an app',
  is_workflow_bot: 'you are a workflow',
  is_restricted: 'guests are not known by their e-mail address',
  is_ultra_restricted: 'guests are not known by their e-mail address',
  is_stranger: 'you are of another workspace',
  is_invited_user: 'your invitation is not accepted yet',
} as const

/** Why a member isn't known by their e-mail address; null for full members of the workspace. */
function notAFullMember(member: MemberInfo, user: string, team: string): string | null {
  if (member.id !== user) return 'Slack answered about somebody else'
  if (member.team_id !== team) return 'you are of another workspace'
  for (const [flag, why] of Object.entries(GUEST_FLAGS)) {
    const value = member[flag as keyof typeof GUEST_FLAGS]
    if (value !== undefined && value !== false) return why
  }
  // These Slack says of everybody; the others it leaves out where they don't apply.
  const said = ['deleted', 'is_bot', 'is_restricted', 'is_ultra_restricted'] as const
  if (said.some((flag) => member[flag] !== false)) return 'Slack does not say that you are a member'
  if (member.is_email_confirmed === false) return 'your e-mail address is not confirmed'
  return typeof member.profile?.email === 'string' ? null : 'Slack does not show your address'
}

function refused(code: string, message: string): Member {
  return { ok: false, code, message }
}
