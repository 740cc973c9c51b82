import { ProxyError } from '../lib/errors.ts'
import { fitsAny } from '../lib/pattern.ts'
import type { Person } from './principal.ts'

/** A person as the configuration lists them. */
export interface PersonEntry {
  readonly email: string
  readonly groups: readonly string[]
  /** The member id of their Slack account, or null. */
  readonly slack: string | null
  /** The subject of their account at the identity provider, where the file names it. */
  readonly oidc?: string | null
  /** The object id of their account in Entra, or null. */
  readonly teams?: string | null
}

/** What an identity provider has said of somebody's groups. */
export interface ClaimedGroups {
  /** Lately enough to sign by. */
  readonly current: readonly string[]
  /** Lately enough for a signature to go on counting. */
  readonly standing: readonly string[]
  /** Ever, until it said otherwise: whom they own an agent with. */
  readonly known: readonly string[]
}

export const NO_CLAIMS: ClaimedGroups = { current: [], standing: [], known: [] }

/**
 * The form in which names of people are compared: Unicode NFKC, no blanks around, lower case. Mail
 * servers could tell Ana@ from ana@, but no two people here may differ in that alone.
 */
export function sameName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase()
}

/** What the configuration says of groups: what their members may do beside signing. */
export type Groups = ReadonlyMap<
  string,
  {
    /** Data classes (with wildcards) that they clear. */
    readonly clears: readonly string[]
    /** They may let a request pass alone, loudly. */
    readonly breakGlass?: boolean
  }
>

/**
 * People and the groups they are in. Immutable; a reload makes a new one. Throws CONFIG_INVALID
 * where two entries would be the same person, for then it isn't known whom a vote belongs to.
 */
export class Directory {
  readonly #people = new Map<string, Person>()
  readonly #bySlack = new Map<string, Person>()
  readonly #byOidc = new Map<string, Person>()
  /** By the object id in lower case: Entra writes one GUID in either. */
  readonly #byTeams = new Map<string, Person>()
  readonly #groups: Groups
  readonly #claims: (email: string) => ClaimedGroups

  /** `claims`: what is known of a person's groups beside the file; asked each time. */
  constructor(
    entries: Iterable<PersonEntry>,
    groups: Groups = new Map(),
    claims: (email: string) => ClaimedGroups = () => NO_CLAIMS,
  ) {
    this.#groups = groups
    this.#claims = claims
    for (const entry of entries) this.#add(entry)
  }

  #add(entry: PersonEntry): void {
    const person = { email: entry.email, groups: [...entry.groups] }
    const key = sameName(entry.email)
    if (this.#people.has(key)) {
      throw new ProxyError('CONFIG_INVALID', `people: ${entry.email} is listed twice`)
    }
    this.#people.set(key, person)
    known(this.#bySlack, entry.slack, 'slack id', person)
    known(this.#byTeams, entry.teams?.toLowerCase() ?? null, 'teams id', person)
    known(this.#byOidc, entry.oidc ?? null, 'oidc subject', person)
  }

  person(email: string): Person | undefined {
    return this.#withClaims(this.#people.get(sameName(email)), 'current')
  }

  /** The same, of somebody who has signed: what their signature stands on. */
  signer(email: string): Person | undefined {
    return this.#withClaims(this.#people.get(sameName(email)), 'standing')
  }

  bySlack(member: string): Person | undefined {
    return this.#withClaims(this.#bySlack.get(member), 'current')
  }

  /** By the object id of their account in Entra. */
  byTeams(id: string): Person | undefined {
    return this.#withClaims(this.#byTeams.get(id.toLowerCase()), 'current')
  }

  /** Everybody whose account in Entra is listed: its object id in lower case, and their address. */
  inTeams(): readonly (readonly [id: string, email: string])[] {
    return [...this.#byTeams].map(([id, { email }]) => [id, email])
  }

  /** Whose account in a chat this is, as the file says. `id`: a Slack member's, or an Entra object's. */
  inChat(chat: 'slack' | 'teams', id: string): Person | undefined {
    return chat === 'slack' ? this.bySlack(id) : this.byTeams(id)
  }

  /** The account that the file names as a person's in a chat, or null. */
  accountOf(chat: 'slack' | 'teams', { email }: Pick<Person, 'email'>): string | null {
    return keyOf(chat === 'slack' ? this.#bySlack : this.#byTeams, email)
  }

  byOidc(subject: string): Person | undefined {
    return this.#withClaims(this.#byOidc.get(subject), 'current')
  }

  /** The subject that the file names as a person's, or null. */
  oidcOf({ email }: Pick<Person, 'email'>): string | null {
    return keyOf(this.#byOidc, email)
  }

  #withClaims(person: Person | undefined, by: 'current' | 'standing'): Person | undefined {
    if (!person) return undefined
    const claims = this.#claims(person.email)
    if (claims.known.length === 0) return person
    const groups = [...new Set([...person.groups, ...claims[by]])]
    return { ...person, groups, ties: claims.known }
  }

  /** Whether a person is in a group that may let a data class leave in clear. */
  clears(person: Person, dataClass: string): boolean {
    return person.groups.some((group) => fitsAny(this.#groups.get(group)?.clears ?? [], dataClass))
  }

  /** Whether a person is in a group that may let requests pass alone, by break-glass. */
  mayBreakGlass(person: Person): boolean {
    return person.groups.some((group) => this.#groups.get(group)?.breakGlass === true)
  }

  /** Groups that an agent belongs to: those of its owners, and those that own it. */
  groupsOf(owners: readonly string[]): readonly string[] {
    const groups = owners.flatMap((owner) => this.person(owner)?.groups ?? [owner])
    return [...new Set(groups)]
  }

  /** E-mail addresses of the people in a group; none where nobody lists it. */
  membersOf(group: string): readonly string[] {
    return [...this.#people.keys()]
      .flatMap((email) => this.person(email) ?? [])
      .filter((person) => person.groups.includes(group))
      .map((person) => person.email)
  }
}

function keyOf(people: ReadonlyMap<string, Person>, email: string): string | null {
  for (const [key, each] of people) if (sameName(each.email) === sameName(email)) return key
  return null
}

/** One account is one person, or a quorum of two could be one. */
function known(
  accounts: Map<string, Person>,
  id: string | null,
  kind: 'slack id' | 'teams id' | 'oidc subject',
  person: Person,
): void {
  if (id === null) return
  if (accounts.has(id)) {
    throw new ProxyError('CONFIG_INVALID', `people: two of them have the ${kind} ${id}`)
  }
  accounts.set(id, person)
}
