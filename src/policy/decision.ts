/** Who has to sign: `count` distinct people, each of one of the groups `by`. */
export interface Requirement {
  readonly rule: string
  readonly by: readonly string[]
  readonly count: number
  /** Where nobody has decided by then, members of these groups may, too. */
  readonly escalate?: Escalation
  /** How long ago, at most, each of them has proved who they are; milliseconds. */
  readonly stepUpMs?: number
}

export interface Escalation {
  readonly to: readonly string[]
  /** Milliseconds from the request on. */
  readonly afterMs: number
}

/** What the rules say of one statement. */
export type Decision =
  | {
      readonly kind: 'allow'
      readonly rules: readonly string[]
      /** Data classes (with wildcards) that leave in clear for this statement. */
      readonly unmask: readonly string[]
      /** It is allowed for as long as it reads or changes no more rows. */
      readonly ceiling?: Ceiling
    }
  | {
      readonly kind: 'deny'
      readonly rule: string
      /** Said to the agent. */
      readonly reason: string
    }
  | {
      readonly kind: 'require-approval'
      readonly rules: readonly string[]
      /** All of them are needed. */
      readonly requirements: readonly Requirement[]
      readonly unmask: readonly string[]
      /** Data classes that the agent asks to see in clear, and that a signature lets leave so. */
      readonly clear?: readonly string[]
      /** A rule wants the rows counted that it would change; they are its ceiling then. */
      readonly counts?: true
      /** The shortest hold that a matching rule asks for, in ms, or null. */
      readonly holdMs: number | null
      /** How long the request stays open, in ms. */
      readonly expiresMs: number
    }

/** How many rows a rule allows, by the real count. */
export interface Ceiling {
  readonly rows: number
  /** Names of the rules that set it. */
  readonly rules: readonly string[]
  /** What the other rules say of more. */
  readonly beyond: Beyond
}

/** A decision that lets nothing pass by itself. */
export type Beyond = Exclude<Decision, Allow>

export type Allow = Extract<Decision, { kind: 'allow' }>
export type RequireApproval = Extract<Decision, { kind: 'require-approval' }>
