/** Who looks at a card, as far as its buttons go. */
export interface Audience {
  readonly approves: boolean
  readonly denies: boolean
}

/** Whoever isn't known to be more. */
export const EVERYBODY: Audience = { approves: false, denies: false }
