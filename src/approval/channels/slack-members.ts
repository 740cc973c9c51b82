import type { WebClient } from '@slack/web-api'
import type { ChatLinks } from '../../identity/chat-links.ts'
import type { Directory } from '../../identity/directory.ts'
import type { Person } from '../../identity/principal.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { within } from '../../lib/within.ts'
import { NOT_LOOKED_UP, type Standing } from '../chat-linking.ts'
import { type MemberInfo, notAFullMember } from './slack-member.ts'

/** A modal can be opened for three seconds, so a look-up may take less. */
const LOOK_UP_MS = 2_000
/** Addresses that two ways of writing can't tell apart are ASCII. */
const PLAIN_ADDRESS = /^[\x21-\x7e]{3,254}$/

export type Member = { readonly ok: true; readonly email: string } | Refusal

interface Refusal {
  readonly ok: false
  /** For the record. */
  readonly code: string
  /** For the person. */
  readonly message: string
}

export interface MembersOptions {
  readonly client: Pick<WebClient, 'users'>
  readonly directory: () => Directory
  /** The workspace; members of any other are strangers. Null: not checked. */
  readonly team: string | null
  /** Whether members whom nobody lists by their id are known by their e-mail address. */
  readonly emailMatch: boolean
  /** Accounts that people have linked; where it isn't given nobody has. */
  readonly links?: ChatLinks | undefined
  readonly clock: Clock
  readonly log: (text: string) => void
}

/** Which person of the configuration a member of Slack is, asked anew at each click. */
export class SlackMembers {
  readonly #options: MembersOptions

  constructor(options: MembersOptions) {
    this.#options = options
  }

  /** What is listed wins over what was linked, and that over an e-mail address. */
  async personBehind(user: string, team: string | null): Promise<Member> {
    const { directory, team: ours, emailMatch } = this.#options
    if (ours !== null && team !== ours) return OTHER_WORKSPACE
    const listed = directory().bySlack(user)
    if (listed) return { ok: true, email: listed.email }
    if (ours !== null && (emailMatch || this.#linkedTo(user, ours))) {
      return this.#lookedUp(user, ours)
    }
    const message = `Your Slack account isn't that of anybody in the configuration (people: slack: ${user}).`
    return refused('unknown_member', message)
  }

  /** Whether this is a full member, and whose e-mail address theirs is where that is asked for. */
  async standing(user: string, team: string | null): Promise<Standing> {
    const { team: ours } = this.#options
    if (ours === null || team !== ours) return OTHER_WORKSPACE
    const found = await this.#fullMember(user, ours)
    if (!found.ok) return found
    return { ok: true, knownAs: this.#byAddress(found.member, user, ours)?.email ?? null }
  }

  async #lookedUp(user: string, team: string): Promise<Member> {
    const found = await this.#fullMember(user, team)
    if (!found.ok) return found
    // Read behind the look-up: a link that was taken away meanwhile gives nothing.
    const linked = this.#linkedTo(user, team)
    const byAddress = this.#byAddress(found.member, user, team)
    if (linked && byAddress && linked.email !== byAddress.email) {
      const message = `Your Slack account (${user}) is linked to one person and has the e-mail address of another.`
      return refused('two_people', message)
    }
    const person = linked ?? byAddress
    if (person) return { ok: true, email: person.email }
    const message = `Neither your Slack account (${user}) nor its e-mail address is that of anybody in the configuration.`
    return refused('unknown_member', message)
  }

  #linkedTo(user: string, org: string): Person | undefined {
    const { links, directory } = this.#options
    return links?.personOf({ chat: 'slack', org, user }, directory())
  }

  /** A person who lists or has linked another account is known by that one only. */
  #byAddress({ profile }: MemberInfo, user: string, team: string): Person | undefined {
    const { directory, emailMatch, links } = this.#options
    const email = profile?.email
    if (!emailMatch || typeof email !== 'string' || !PLAIN_ADDRESS.test(email)) return undefined
    const person = directory().person(email)
    if (!person || directory().accountOf('slack', person) !== null) return undefined
    const elsewhere = links
      ?.of(person.email)
      .some((link) => link.chat === 'slack' && link.org === team && link.user !== user)
    return elsewhere ? undefined : person
  }

  async #fullMember(user: string, team: string): Promise<FullMember> {
    const member = await this.#lookUp(user)
    if (member === null) {
      const message = 'Slack could not say who you are, so nothing was decided. Try again.'
      return refused(NOT_LOOKED_UP, message)
    }
    const why = notAFullMember(member, user, team)
    return why === null
      ? { ok: true, member }
      : refused('not_a_full_member', `Nothing was decided: ${why}.`)
  }

  #lookUp(user: string): Promise<MemberInfo | null> {
    const { client, clock, log } = this.#options
    const asked = client.users.info({ user }).then(
      (answer) => (answer.user as MemberInfo | undefined) ?? null,
      (error) => {
        log(`Slack: users.info: ${messageOf(error)}`)
        return null
      },
    )
    return within(asked, LOOK_UP_MS, clock)
  }
}

type FullMember = { readonly ok: true; readonly member: MemberInfo } | Refusal

function refused(code: string, message: string): Refusal {
  return { ok: false, code, message }
}

const OTHER_WORKSPACE = refused(
  'other_workspace',
  'You click from a workspace that has no say here.',
)
