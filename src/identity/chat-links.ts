import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import {
  type ChatAccount,
  type ChatLink,
  type ChatPlace,
  type Conflict,
  type LinkedBy,
  Links,
  sameAccount,
  sameLink,
} from './chat-link.ts'
import { type Directory, sameName } from './directory.ts'
import { KeptList } from './kept-list.ts'
import type { Person } from './principal.ts'

type Stands = (made: Pick<ChatLink, 'person' | 'by'>) => boolean

/**
 * Whose account in Slack or Teams is whose, as they have said themselves: `<data>/links.json`
 * (0600). What the configuration says of either of them wins: a link adds to it and changes nothing
 * of it. A file that can't be read, or that gives one account to two, lets nobody in; and a link is
 * no more than what it was made by, or whoever once had somebody's token would keep their signature.
 */
export class ChatLinks {
  readonly #kept: KeptList<ChatLink>
  readonly #clock: Clock
  readonly #log: (text: string) => void
  readonly #onGone: (links: readonly ChatLink[]) => void
  readonly #stands: Stands
  #said: string | null = null
  /** What stood in the file when it was last looked at; null before that. */
  #known: readonly ChatLink[] | null = null

  constructor(options: {
    readonly data: string
    readonly clock: Clock
    readonly log: (text: string) => void
    /** Whether what a link was made by is good, and its person's, still. */
    readonly stands: Stands
    /** Hears of links that others have taken out of the file, at the next look at it. */
    readonly onGone?: (links: readonly ChatLink[]) => void
  }) {
    const path = join(options.data, 'links.json')
    this.#kept = new KeptList({ path, name: 'links', schema: Links })
    this.#clock = options.clock
    this.#log = options.log
    this.#onGone = options.onGone ?? (() => {})
    this.#stands = options.stands
  }

  /** Why the file can't be read, or null. */
  get trouble(): string | null {
    return this.#kept.trouble
  }

  /** Whether a link that is made by this would be good. */
  holds(made: Pick<ChatLink, 'person' | 'by'>): boolean {
    return this.#stands(made)
  }

  /** Who an account was linked to, as far as the configuration has nothing else to say of it. */
  personOf(account: ChatAccount, directory: Directory): Person | undefined {
    const link = this.#good().find((each) => sameAccount(each, account))
    const person = link && directory.person(link.person)
    if (!person || directory.inChat(account.chat, account.user)) return undefined
    return directory.accountOf(account.chat, person) === null ? person : undefined
  }

  /** A person's links that are good. */
  of(email: string): readonly ChatLink[] {
    return this.#good().filter(({ person }) => person === sameName(email))
  }

  /** Every account of a place that is somebody's by a link: its id, and their address. */
  in({ chat, org }: ChatPlace, directory: Directory): readonly (readonly [string, string])[] {
    return this.#good()
      .filter((link) => link.chat === chat && link.org === org)
      .flatMap((link) => {
        const person = this.personOf(link, directory)
        return person ? [[link.user, person.email] as const] : []
      })
  }

  /** Why an account can't become a person's, for the record and for them; null where it can. */
  whyNot(email: string, account: ChatAccount, directory: Directory): Conflict | null {
    const person = directory.person(email)
    const { chat, org, user } = account
    if (!person) return 'not_listed'
    const listed = directory.inChat(chat, user)
    if (listed) return listed.email === person.email ? 'known_already' : 'account_of_another'
    if (directory.accountOf(chat, person) !== null) return 'another_account_listed'
    const links = this.#good()
    const its = links.find((each) => sameAccount(each, account))
    if (its) return its.person === sameName(email) ? 'known_already' : 'account_of_another'
    const has = links.some(
      (each) => each.person === sameName(email) && each.chat === chat && each.org === org,
    )
    return has ? 'another_account_linked' : null
  }

  /**
   * Makes an account a person's, in the place of links that aren't good any more; on the disk when it
   * returns. Throws where it isn't theirs to have.
   */
  add(email: string, account: ChatAccount, by: LinkedBy, directory: Directory): void {
    const { chat, org, user } = account
    const person = sameName(email)
    const why = this.whyNot(email, account, directory)
    if (why !== null) throw new Error(`${chat} account ${user}: ${why}`)
    const link = { person, chat, org, user, at: this.#clock.now(), by }
    this.#change((links) => [...links.filter((each) => !inTheWay(each, link)), link])
  }

  /** Takes a person's account in one place away; returns what it was. */
  remove(email: string, place: ChatPlace): ChatLink | null {
    const link = this.of(email).find(({ chat, org }) => chat === place.chat && org === place.org)
    if (link) this.#change((links) => links.filter((each) => !sameAccount(each, link)))
    return link ?? null
  }

  /** Takes all of a person's accounts away; returns what they were. */
  forget(email: string): readonly ChatLink[] {
    const theirs = this.#all().filter(({ person }) => person === sameName(email))
    if (theirs.length > 0) {
      this.#change((links) => links.filter(({ person }) => person !== sameName(email)))
    }
    return theirs
  }

  #change(change: (links: readonly ChatLink[]) => readonly ChatLink[]): void {
    this.#all()
    this.#kept.change(change)
    this.#known = this.#kept.items
  }

  #good(): readonly ChatLink[] {
    return this.#all().filter((link) => this.#stands(link))
  }

  #all(): readonly ChatLink[] {
    const { items, trouble } = this.#kept
    if (trouble !== null && trouble !== this.#said) {
      this.#log(`${trouble}; nobody is known by an account that they have linked`)
    }
    this.#said = trouble
    if (trouble !== null || items === this.#known) return items
    const gone = (this.#known ?? []).filter((link) => !items.some((each) => sameLink(each, link)))
    this.#known = items
    if (gone.length > 0) this.#onGone(gone)
    return items
  }
}

function inTheWay(a: ChatLink, b: ChatLink): boolean {
  return sameAccount(a, b) || (a.person === b.person && a.chat === b.chat && a.org === b.org)
}
