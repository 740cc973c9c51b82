/** Who looks at a card, as far as its buttons go. */
export interface Audience {
  readonly approves: boolean
  readonly denies: boolean
  /** Data classes that they may let leave in clear. */
  readonly clears: readonly string[]
  /** They may approve once they have signed in anew, which a chat can't ask for. */
  readonly afterSignIn?: boolean
  /** Nobody knows them, and they can say who they are. */
  readonly unknown?: boolean
  /** What they alone are told. */
  readonly note?: string
}

/** Whoever isn't known to be more. */
export const EVERYBODY: Audience = { approves: false, denies: false, clears: [] }
