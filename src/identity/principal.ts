/** Who asks: an agent, as the configuration and its credential describe it. */
export interface Agent {
  readonly name: string
  /** People (e-mail) and groups that answer for the agent; none of them can approve it. */
  readonly owners: readonly string[]
  readonly databases: readonly string[]
  /** Who made its secrets, where that is known; can't approve it either. */
  readonly credentialCreatedBy: readonly string[]
}

/** Who answers: a person of the configuration. */
export interface Person {
  readonly email: string
  /** By these they sign. */
  readonly groups: readonly string[]
  /** Groups that their identity provider named once: what these own they own, whatever lapsed. */
  readonly ties?: readonly string[]
}

/** An agent's session, as it is recorded and shown to those who sign. */
export interface Principal {
  readonly agent: Agent
  readonly database: string
  readonly environment: string | null
  /** The person on whose behalf the agent says it acts (`countersign.on_behalf_of`), or null. */
  readonly onBehalfOf: string | null
  /** How long it wants to be held at most (`countersign.hold`), in ms, or null. */
  readonly asksHoldMs: number | null
  /** Data classes (with wildcards) that it asks to see in clear (`countersign.clear`). */
  readonly asksClear: readonly string[]
  /** What the agent says it is doing (`countersign.claim`); its claim, never a fact. */
  readonly claim: string | null
  readonly applicationName: string
  readonly address: string
  readonly tls: string | null
  /** By what it has proved who it is, for the record. */
  readonly provedBy?: string
}
