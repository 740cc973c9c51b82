import type { OidcSettings } from '../identity/oidc-client.ts'
import type { Detection } from '../mask/detect/kinds.ts'
import type { MaskConfig } from '../mask/plan.ts'
import type { LimitConfig } from '../policy/limit.ts'
import type { RuleConfig } from '../policy/rule.ts'

/** host:port, or the path of a unix socket. A port of 0 picks a free one. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface TlsConfig {
  readonly cert: string
  readonly key: string
  readonly require: boolean
  /** Who signs certificates of agents; null where none are asked for. */
  readonly clientCa: string | null
}

export interface ListenConfig {
  readonly postgres: Address | null
  readonly mysql: Address | null
  readonly control: Address | null
  /** What messages link to; null means http://<control>. */
  readonly publicUrl: string | null
  readonly tls: TlsConfig | null
  readonly maxConnections: number
  /** True where MySQL clients may prove themselves by mysql_native_password, over TLS. */
  readonly mysqlNativePassword: boolean
  /** Bytes. */
  readonly maxMessage: number
  /** Milliseconds; 0 means none. */
  readonly deadlines: { readonly login: number; readonly idle: number; readonly write: number }
}

export interface DatabaseConfig {
  readonly name: string
  /** The whole URL, password and all; never shown. */
  readonly upstream: string
  readonly environment: string | null
  /** column pattern (schema.table.column, * matches within a part) -> data class */
  readonly classified: Readonly<Record<string, string>>
  /** schema.function */
  readonly trustedFunctions: readonly string[]
  /** Mask a new column beside classified ones until it has been judged. */
  readonly strict: boolean
  /** What is looked for in text that nobody has classified. */
  readonly detect: readonly Detection[]
}

export interface PersonConfig {
  readonly email: string
  readonly groups: readonly string[]
  readonly slack: string | null
  /** The subject of their account at the identity provider, or null. */
  readonly oidc: string | null
  /** Entra object id, in lower case. */
  readonly teams: string | null
}

export interface GroupConfig {
  /** Data classes (with wildcards) that its members may let leave in clear. */
  readonly clears: readonly string[]
  /** Its members may let a request pass alone, loudly. */
  readonly breakGlass: boolean
}

/** Milliseconds. */
export interface HoldConfig {
  readonly postgres: number
  readonly mysql: number
}

export interface AgentConfig {
  readonly name: string
  readonly owners: readonly string[]
  readonly databases: readonly string[]
  /** Path of the credential file, absolute; null where none is named. */
  readonly credential: string | null
  /** The tokens that it may sign in with, or null. */
  readonly jwt: JwtConfig | null
  /** The name that its certificate has to have, "URI:spiffe://...", or null. */
  readonly certificate: string | null
  readonly hold: Partial<HoldConfig>
  /** CIDR blocks that it may come from; empty means any. */
  readonly networks: readonly string[]
  /** Milliseconds since the epoch, or null. */
  readonly expires: number | null
}

/** What a token has to say to be an agent's. */
export interface JwtConfig {
  readonly issuer: string
  readonly audience: string
  readonly subject: string
}

export interface SlackConfig {
  /** signing_secret: HTTP instead of Socket Mode. */
  readonly connect:
    | { readonly by: 'socket'; readonly appToken: string }
    | { readonly by: 'http'; readonly signingSecret: string }
  readonly botToken: string
  readonly channel: string
  readonly apiUrl: string
  readonly team: string | null
  readonly emailMatch: boolean
  readonly text: 'full' | 'redacted'
}

/** A bot in Teams. */
export interface TeamsConfig {
  readonly appId: string
  readonly appSecret: string
  readonly tenant: string
  readonly conversation: string
  readonly text: 'full' | 'redacted'
}

export interface AuditConfig {
  readonly mode: 'strict' | 'all'
  readonly sql: 'full' | 'redacted' | 'fingerprint'
  readonly checkpoint: { readonly everyMs: number; readonly key: string | null }
}

export interface Config {
  readonly listen: ListenConfig
  /** Absolute path of the folder that holds state, trail and keys. */
  readonly data: string
  readonly databases: ReadonlyMap<string, DatabaseConfig>
  /** Data class -> mask; the longest prefix wins, `redact` where none does. */
  readonly masks: Readonly<Record<string, MaskConfig>>
  /** Data class -> what regulation it falls under, for those who sign; the longest prefix wins. */
  readonly regulations: Readonly<Record<string, string>>
  readonly people: ReadonlyMap<string, PersonConfig>
  /** Those that the file says something of. */
  readonly groups: ReadonlyMap<string, GroupConfig>
  /** Where people sign in; null: by tokens only. */
  readonly oidc: OidcSettings | null
  readonly agents: ReadonlyMap<string, AgentConfig>
  readonly rules: readonly RuleConfig[]
  /** On what agents are sent. */
  readonly limits: readonly LimitConfig[]
  readonly mode: 'enforce' | 'shadow'
  readonly slack: SlackConfig | null
  readonly teams: TeamsConfig | null
  /** Who is told what happens, by Standard Webhooks. */
  readonly webhooks: readonly { readonly url: string; readonly secret: string }[]
  /** A Workflows webhook of Teams, which is told what waits; null for none. */
  readonly teamsWorkflow: string | null
  readonly audit: AuditConfig
  /** SHA-256 (hex) of the text that this was read from. */
  readonly hash: string
  /** Keys of the contract that this version doesn't act on; `start` refuses them by name. */
  readonly unsupported: readonly string[]
}
