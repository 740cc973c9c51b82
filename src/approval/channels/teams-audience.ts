/** Who looks at a card, as far as its buttons go. */
export interface Audience {
  readonly approves: boolean
  readonly denies: boolean
  /** Data classes that they may let leave in clear. */
  readonly clears: readonly string[]
  /** They may approve once they have signed in anew, which a chat can't ask for. */
  readonly afterSignIn?: boolean
}

/** Whoever isn't known to be more. */
export const EVERYBODY: Audience = { approves: false, denies: false, clears: [] }
