import type { ChatLinks } from '../../identity/chat-links.ts'
import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { within } from '../../lib/within.ts'
import { NOT_LOOKED_UP, type Standing } from '../chat-linking.ts'
import type { TeamsApp } from './teams-app.ts'
import type { TeamsClick } from './teams-click.ts'
import { personBehind, type TeamsPerson } from './teams-people.ts'

/** Whoever has clicked waits for it. */
const LOOK_UP_MS = 3_000

export interface TeamsMembersOptions {
  readonly app: Pick<TeamsApp, 'member'>
  readonly tenant: string
  readonly directory: () => Directory
  /** Accounts that people have linked; where it isn't given nobody has. */
  readonly links?: ChatLinks | undefined
  readonly clock: Clock
  readonly log: (text: string) => void
}

/** Which person of the configuration an account is, asked anew at each click. */
export class TeamsMembers {
  readonly #options: TeamsMembersOptions

  constructor(options: TeamsMembersOptions) {
    this.#options = options
  }

  /** Who it seems to be, without asking Teams: for what is shown. */
  seemsToBe(click: Pick<TeamsClick, 'person' | 'tenants'>): TeamsPerson {
    const { tenant, directory, links } = this.#options
    return personBehind(click, { tenant, directory: directory(), links })
  }

  /** Accounts that are somebody's by a link: object ids and addresses. */
  linked(): readonly (readonly [id: string, email: string])[] {
    const { links, tenant, directory } = this.#options
    return links?.in({ chat: 'teams', org: tenant.toLowerCase() }, directory()) ?? []
  }

  /** Who it is; whoever is known by a link has to be a full member still. */
  async personBehind(click: Pick<TeamsClick, 'person' | 'tenants'>): Promise<TeamsPerson> {
    const found = this.seemsToBe(click)
    if (!found.ok || found.by === 'list') return found
    const standing = await this.standing(click)
    // Read again behind the look-up: a link that was taken away meanwhile gives nothing.
    return standing.ok ? this.seemsToBe(click) : standing
  }

  /** Whether this is a full member of the organisation. */
  async standing({ person, tenants }: Pick<TeamsClick, 'person' | 'tenants'>): Promise<Standing> {
    const ours = this.#options.tenant.toLowerCase()
    if (person === null || tenants.length === 0 || tenants.some((each) => each !== ours)) {
      return refused('other_tenant', 'you are of another organisation')
    }
    const member = await this.#lookUp(person)
    if (member === null) {
      const message = 'Teams could not say who you are, so nothing was decided. Try again.'
      return { ok: false, code: NOT_LOOKED_UP, message }
    }
    const why = notAFullMember(member, person, ours)
    return why === null ? { ok: true, knownAs: null } : refused('not_a_full_member', why)
  }

  #lookUp(person: string): Promise<MemberInfo | null> {
    const { app, clock, log } = this.#options
    const asked = app.member(person).catch((error) => {
      log(`Teams: who somebody is could not be asked: ${messageOf(error)}`)
      return null
    })
    return within(asked, LOOK_UP_MS, clock)
  }
}

/** What the connector says of a member of the conversation, as far as it is looked at. */
export interface MemberInfo {
  readonly aadObjectId?: unknown
  readonly tenantId?: unknown
  readonly userRole?: unknown
  readonly userPrincipalName?: unknown
}

/**
 * Why somebody isn't a full member of the organisation, or null. Guests are in its directory, too:
 * by their role, and by the name that Entra gives them ("user_other.example#EXT#@...").
 */
function notAFullMember(member: MemberInfo, person: string, tenant: string): string | null {
  const { aadObjectId, tenantId, userRole, userPrincipalName } = member
  if (lower(aadObjectId) !== person.toLowerCase()) return 'Teams answered about somebody else'
  if (lower(tenantId) !== tenant) return 'you are of another organisation'
  if (lower(userRole) !== 'user') return 'guests have no say here'
  if (userPrincipalName !== undefined && !/^[^#]+$/.test(String(userPrincipalName))) {
    return 'guests have no say here'
  }
  return null
}

function lower(value: unknown): string | null {
  return typeof value === 'string' ? value.toLowerCase() : null
}

function refused(code: string, why: string): Standing & { readonly ok: false } {
  return { ok: false, code, message: `Nothing was decided: ${why}.` }
}
