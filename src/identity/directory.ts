import { ProxyError } from '../lib/errors.ts'
import { fitsAny } from '../lib/pattern.ts'
import type { Person } from './principal.ts'

/** A person as the configuration lists them. */
export interface PersonEntry {
  readonly email: string
  readonly groups: readonly string[]
  /** The member id of their Slack account, or null. */
  readonly slack: string | null
}

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
  readonly #groups: Groups

  constructor(entries: Iterable<PersonEntry>, groups: Groups = new Map()) {
    this.#groups = groups
    for (const entry of entries) this.#add(entry)
  }

  #add(entry: PersonEntry): void {
    const person = { email: entry.email, groups: [...entry.groups] }
    const key = sameName(entry.email)
    if (this.#people.has(key)) {
      throw new ProxyError('CONFIG_INVALID', `people: ${entry.email} is listed twice`)
    }
    this.#people.set(key, person)
    if (entry.slack === null) return
    if (this.#bySlack.has(entry.slack)) {
      throw new ProxyError('CONFIG_INVALID', `people: two of them have the slack id ${entry.slack}`)
    }
    this.#bySlack.set(entry.slack, person)
  }

  person(email: string): Person | undefined {
    return this.#people.get(sameName(email))
  }

  bySlack(member: string): Person | undefined {
    return this.#bySlack.get(member)
  }

  /** The member id of a person's Slack account, or null where none is listed. */
  slackOf(person: Person): string | null {
    for (const [id, each] of this.#bySlack) if (each === person) return id
    return null
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
    return [...this.#people.values()]
      .filter((person) => person.groups.includes(group))
      .map((person) => person.email)
  }
}
