import { z } from 'zod'

export const CHATS = ['slack', 'teams'] as const
export type Chat = (typeof CHATS)[number]

/** An organisation in a chat: the workspace's id in Slack, the tenant's in Teams. */
export interface ChatPlace {
  readonly chat: Chat
  readonly org: string
}

/** An account in a chat, as the chat itself vouches for it. */
export interface ChatAccount extends ChatPlace {
  /** The member's id in Slack; the Entra object id, in lower case, in Teams. */
  readonly user: string
}

/**
 * By what somebody was signed in when they asked for the code: an account at the identity provider,
 * or an access token, of which this is the SHA-256 (hex). A link is good for as long as that is.
 */
export type LinkedBy = Readonly<z.infer<typeof By>>

const By = z.union([
  z.object({ issuer: z.string().min(1), subject: z.string().min(1) }),
  z.object({ token: z.string().regex(/^[0-9a-f]{64}$/) }),
])

/** An account that a person has said is theirs. */
export interface ChatLink extends ChatAccount {
  /** E-mail address, as names are compared. */
  readonly person: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly by: LinkedBy
}

/** What a file of them has to be: one account is one person's, who has one in each place. */
export const Links = z
  .array(
    z.object({
      person: z.string().min(1),
      chat: z.enum(CHATS),
      org: z.string().min(1),
      user: z.string().min(1),
      at: z.number(),
      by: By,
    }),
  )
  .refine(
    eachOnce((link) => [link.chat, link.org, link.user]),
    'one account is linked twice',
  )
  .refine(
    eachOnce((link) => [link.chat, link.org, link.person]),
    'one person has two accounts in one place',
  )

/** Why an account can't become a person's. */
export type Conflict =
  | 'not_listed'
  | 'known_already'
  | 'account_of_another'
  | 'another_account_listed'
  | 'another_account_linked'

export function sameAccount(a: ChatAccount, b: ChatAccount): boolean {
  return a.chat === b.chat && a.org === b.org && a.user === b.user
}

export function sameLink(a: ChatLink, b: ChatLink): boolean {
  return sameAccount(a, b) && a.person === b.person
}

function eachOnce(keyOf: (link: ChatLink) => readonly string[]) {
  return (links: readonly ChatLink[]) =>
    new Set(links.map((link) => JSON.stringify(keyOf(link)))).size === links.length
}
