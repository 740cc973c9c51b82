import type {
  Chat,
  ChatAccount,
  ChatLink,
  ChatPlace,
  Conflict,
  LinkedBy,
} from '../identity/chat-link.ts'
import type { ChatLinks } from '../identity/chat-links.ts'
import { type Directory, sameName } from '../identity/directory.ts'
import { type Given, LinkCodes } from '../identity/link-codes.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { FailureLimit } from '../lib/failure-limit.ts'
import type { LinkRecord, RecordApproval } from './record.ts'

/** Wrong codes of one account in ten minutes; then it waits until they are over. */
const WRONG_CODES = { failures: 5, windowMs: 10 * 60 * 1000, most: 10_000 }

/** The code of a standing that nobody could find out: no fault of the account's. */
export const NOT_LOOKED_UP = 'member_not_looked_up'

/** What somebody whom nobody knows is told beside. */
export const LINK_IT = 'Link it with a code of the inbox, or ask to be listed.'

export interface ChatLinkingOptions {
  readonly links: ChatLinks
  readonly directory: () => Directory
  readonly record: RecordApproval
  readonly clock: Clock
  readonly log: (text: string) => void
}

/** What came of a code that somebody typed in. */
export type Claim =
  | { readonly ok: true; readonly person: string }
  /** `message` is said to whoever typed it. */
  | { readonly ok: false; readonly message: string }

/** Of a full member: who they are without any link, where an address says so; or why they are none. */
export type Standing =
  | { readonly ok: true; readonly knownAs: string | null }
  | { readonly ok: false; readonly code: string; readonly message: string }

/**
 * How somebody's account in Slack or Teams becomes theirs here: signed in to the inbox they get a
 * code, and type it in where they click.
 *
 * There is no way in the other direction, and there must be none: were a code or an address begun in
 * a chat and confirmed in the inbox, then whoever wants to sign as somebody else would send them
 * their own, and one press of a signed-in person would make the sender's account that person's.
 */
export class ChatLinking {
  readonly #options: ChatLinkingOptions
  readonly #codes: LinkCodes
  readonly #limit: FailureLimit

  constructor(options: ChatLinkingOptions) {
    this.#options = options
    this.#codes = new LinkCodes(options.clock)
    this.#limit = new FailureLimit(options.clock, WRONG_CODES)
  }

  get links(): ChatLinks {
    return this.#options.links
  }

  /** A code for a signed-in person, to be shown to nobody else. */
  begin(email: string, chat: Chat, by: LinkedBy): string {
    return this.#codes.begin(email, chat, by)
  }

  /**
   * Takes a code from an account that the chat has vouched for just now. `standing` finds out
   * whether it is a full member's; codes are compared with theirs alone.
   */
  async claim(
    account: ChatAccount,
    typed: string,
    standing: () => Promise<Standing>,
  ): Promise<Claim> {
    const key = JSON.stringify(account)
    // Each of those was recorded as it failed; more of them cost no room on the trail.
    if (this.#limit.waitSeconds(key) > 0) return this.#tooMany(key)
    const found = await standing()
    if (!found.ok) {
      if (found.code !== NOT_LOOKED_UP) this.#limit.failed(key)
      return this.#refuse(account, null, found.code, found.message)
    }
    // Others of this account's may have come meanwhile; from here to its count nothing can.
    if (this.#limit.waitSeconds(key) > 0) return this.#tooMany(key)
    const given = this.#codes.take(typed, account.chat)
    if (given === null || !this.links.holds(given)) {
      this.#limit.failed(key)
      return this.#refuse(account, null, 'wrong_code', WRONG_CODE)
    }
    return this.#link(account, given, found.knownAs)
  }

  #tooMany(key: string): Claim {
    const minutes = Math.ceil(this.#limit.waitSeconds(key) / 60)
    const time = `${minutes} minute${minutes === 1 ? '' : 's'}`
    return refused(`Too many codes that were wrong. Try again in ${time}.`)
  }

  /** Takes an account away from a person; false where they have none there. */
  async unlink(email: string, place: ChatPlace): Promise<boolean> {
    const link = this.links.remove(email, place)
    if (link) await this.#record({ ...unlinked(link), by: 'person' })
    return link !== null
  }

  async #link(account: ChatAccount, { person, by }: Given, knownAs: string | null): Promise<Claim> {
    const why = this.#whyNot(account, person, knownAs)
    if (why !== null) return this.#refuse(account, person, why, MESSAGES[why])
    await this.#record({ type: 'person.linked', person, ...recordOf(account) })
    try {
      // It asks again whether it may: another code may have been quicker.
      this.links.add(person, account, by, this.#options.directory())
      return { ok: true, person }
    } catch (error) {
      this.#options.log(`linking: ${messageOf(error)}`)
      return this.#refuse(account, person, 'not_kept', 'It could not be kept. Get another code.')
    }
  }

  #whyNot(account: ChatAccount, person: string, knownAs: string | null): Conflict | null {
    const another = knownAs !== null && sameName(knownAs) !== person
    if (another) return 'account_of_another'
    return this.links.whyNot(person, account, this.#options.directory())
  }

  async #refuse(
    account: ChatAccount,
    person: string | null,
    why: string,
    message: string,
  ): Promise<Claim> {
    await this.#record({ type: 'person.link_refused', person, why, ...recordOf(account) })
    return refused(message)
  }

  #record(record: LinkRecord): Promise<void> {
    return this.#options.record(record)
  }
}

const WRONG_CODE =
  'This code is wrong, was used, or is over: it is good once, for ten minutes, in this chat only. The page Me of the inbox gives another one.'

const MESSAGES: Readonly<Record<Conflict, string>> = {
  not_listed: 'You are not listed among the people of the configuration.',
  known_already: 'This account is known as yours already.',
  account_of_another:
    'This account is known as somebody else’s. Whoever runs Countersign can say whose.',
  another_account_listed:
    'The configuration names another account as yours; it has to name this one.',
  another_account_linked:
    'Another account is linked to you here. Remove that on the page Me first.',
}

/** That an account isn't a person's any more; the record says beside by whose doing. */
export function unlinked(link: ChatLink) {
  return { type: 'person.unlinked', person: link.person, ...recordOf(link) } as const
}

function recordOf({ chat, org, user }: ChatAccount) {
  return { chat, org, account: user }
}

function refused(message: string): Claim {
  return { ok: false, message }
}
