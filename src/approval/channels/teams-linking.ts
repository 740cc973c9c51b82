import type { ChatLinking, Claim } from '../chat-linking.ts'
import { FIELDS, LONGEST_CODE } from './teams-actions.ts'
import type { TeamsClick } from './teams-click.ts'
import type { TeamsMembers } from './teams-members.ts'

export interface TeamsLinkingOptions {
  readonly linking: ChatLinking
  readonly members: TeamsMembers
}

/**
 * Where somebody whom nobody knows types in the code that the inbox has given them. Teams gives none
 * out and confirms none: what would begin here is explained in chat-linking.ts. Nor is a code read
 * from a message, which others of the conversation would see.
 */
export class TeamsLinking {
  readonly #options: TeamsLinkingOptions

  constructor(options: TeamsLinkingOptions) {
    this.#options = options
  }

  async take(click: TeamsClick): Promise<Claim> {
    const { linking, members } = this.#options
    const { person, tenants, fields } = click
    if (person === null) return { ok: false, message: 'Teams does not say who you are.' }
    const typed = fields[FIELDS.code]
    // Of whatever tenant is named: standing() knows ours, and wants all that are named to be it.
    const account = { chat: 'teams', org: tenants[0] ?? '', user: person.toLowerCase() } as const
    const code = typeof typed === 'string' ? typed.slice(0, LONGEST_CODE) : ''
    return linking.claim(account, code, () => members.standing(click))
  }
}
