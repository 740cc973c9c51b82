import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../lib/clock.ts'
import { type ClaimedGroups, type Directory, NO_CLAIMS, sameName } from './directory.ts'
import { KeptList } from './kept-list.ts'
import type { OidcIdentity } from './oidc-identity.ts'
import type { Person } from './principal.ts'

/** Groups that the provider named count for so long; then it has to name them again. */
export const CLAIMS_MS = 15 * 60 * 1000
/** A signature goes on counting by the groups of its day. */
const STANDING_MS = 12 * 60 * 60 * 1000

const Account = z.object({
  person: z.string().min(1),
  issuer: z.string().min(1),
  subject: z.string().min(1),
  groups: z.array(z.string()),
  /** When the provider named the groups; 0 where they don't count any more. */
  namedAt: z.number(),
})
type Account = z.infer<typeof Account>

export type Admission =
  | { readonly ok: true; readonly person: Person }
  /** `message` is said to the person. */
  | { readonly ok: false; readonly message: string }

/**
 * Whose account at the identity provider is whose: `<data>/accounts.json` (0600). The first sign-in
 * by a verified e-mail address makes an account the person's; from then on its subject decides, and
 * another account with the same address opens nothing until an operator forgets the first.
 */
export class Accounts {
  readonly #kept: KeptList<Account>
  readonly #clock: Clock

  constructor({ data, clock }: { readonly data: string; readonly clock: Clock }) {
    const path = join(data, 'accounts.json')
    this.#kept = new KeptList({ path, name: 'accounts', schema: z.array(Account) })
    this.#clock = clock
  }

  /** Why the file can't be read, or null. While it can't, nobody is let in by their account. */
  get trouble(): string | null {
    return this.#kept.trouble
  }

  /** Who this is, if anybody; what the provider says of them is on the disk when it returns. */
  admit(identity: OidcIdentity, directory: Directory): Admission {
    if (this.trouble !== null) return refused('Accounts can not be read now; see the log.')
    const found = this.#whose(identity, directory)
    if (found.ok) this.#remember(found.person, identity)
    return found
  }

  #whose(identity: OidcIdentity, directory: Directory): Admission {
    const { issuer, subject, email } = identity
    const listed = directory.byOidc(subject)
    if (listed) return { ok: true, person: listed }
    if (email === null) return refused('Your account has no verified e-mail address.')
    const person = directory.person(email)
    if (!person) return refused('You are not listed among the people of the configuration.')
    if (directory.oidcOf(person) !== null) {
      return refused('Another account is listed for this e-mail address.')
    }
    const [theirs, its] = [this.#of(person.email), this.#by(issuer, subject)]
    if (its && its.person !== sameName(person.email)) {
      return refused('This account was used by somebody else here.')
    }
    if (theirs && theirs !== its) {
      return refused('Another account was used for this e-mail address before.')
    }
    return { ok: true, person }
  }

  /** Whether the account is still the person's: it isn't once it was forgotten or another listed. */
  isOf(email: string, issuer: string, subject: string, directory: Directory): boolean {
    const listed = directory.oidcOf({ email })
    if (listed !== null && listed !== subject) return false
    return this.#by(issuer, subject)?.person === sameName(email)
  }

  /** What the provider has said of a person's groups, by how long ago. */
  claims(email: string): ClaimedGroups {
    const account = this.#of(email)
    if (!account) return NO_CLAIMS
    const { groups, namedAt } = account
    const age = this.#clock.now() - namedAt
    return {
      current: age < CLAIMS_MS ? groups : [],
      standing: age < STANDING_MS ? groups : [],
      known: groups,
    }
  }

  /** When the provider last named a person's groups; ms since the epoch, 0 for never. */
  namedAt(email: string): number {
    return this.#of(email)?.namedAt ?? 0
  }

  /** What the provider said of a person's groups gives them nothing from now on. */
  lapse(email: string): void {
    this.#kept.change((accounts) =>
      accounts.map((each) => (each.person === sameName(email) ? { ...each, namedAt: 0 } : each)),
    )
  }

  /** Forgets a person's account: the next with their e-mail address is theirs. False: none was. */
  forget(email: string): boolean {
    const was = this.#of(email)
    if (was) this.#kept.change((accounts) => accounts.filter(({ person }) => person !== was.person))
    return was !== undefined
  }

  #of(email: string): Account | undefined {
    return this.#kept.items.find(({ person }) => person === sameName(email))
  }

  #by(issuer: string, subject: string): Account | undefined {
    return this.#kept.items.find((each) => each.issuer === issuer && each.subject === subject)
  }

  #remember({ email }: Person, { issuer, subject, groups }: OidcIdentity): void {
    const person = sameName(email)
    const account = {
      ...{ person, issuer, subject, groups: [...groups] },
      namedAt: this.#clock.now(),
    }
    this.#kept.change((accounts) => [
      ...accounts.filter(
        (each) => each.person !== person && !(each.issuer === issuer && each.subject === subject),
      ),
      account,
    ])
  }
}

function refused(message: string): Admission {
  return { ok: false, message }
}
