/** What a client said when it connected, before it was believed. */
export interface Hello {
  readonly user: string
  readonly database: string
  /** Accepted settings, to be passed to the upstream. */
  readonly settings: ReadonlyMap<string, string>
  /** `countersign.*` settings, without the prefix. */
  readonly own: ReadonlyMap<string, string>
  readonly agreement?: Agreement
}

/** What a MySQL handshake settles by numbers. */
export interface Agreement {
  /** Capability flags that both ends have. */
  readonly capabilities: number
  /** The id of the collation, as the handshake's byte gives it. */
  readonly collation: number
}

/** What a server says of itself before it is asked (MySQL): as the database behind it does. */
export interface ServerGreeting {
  readonly serverVersion: string
  readonly collation: number
  readonly status: number
  /** The proxy's own id of this connection: what KILL names. 1 to 2^32 - 1. */
  readonly connectionId: number
}

export interface OpenOptions {
  readonly tlsRequired: boolean
  /** MySQL needs it: there the server speaks first. */
  readonly greeting?: ServerGreeting
  /** True where clients may prove themselves by mysql_native_password; over TLS only. */
  readonly nativePassword?: boolean
}

/** A secret to cancel by: what a CancelRequest carries. */
export interface CancelKey {
  readonly processId: number
  readonly secret: Buffer
}

/** How a client's connection began. */
export type Opening =
  | { readonly kind: 'session'; readonly hello: Hello; readonly cancelKeyLength: number }
  | { readonly kind: 'cancel'; readonly key: CancelKey }

/** How to log in to a database; never shown to a client. */
export interface UpstreamLogin {
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: 'disable' | 'prefer' | 'require'
  readonly channelBinding: boolean
  /** True for a unix socket or the loopback: nobody listens on the way. */
  readonly local: boolean
  /** True for a unix socket alone: a MySQL server takes passwords there as it does inside TLS. */
  readonly unixSocket?: boolean
  /** A MySQL server's RSA key, PEM: what encrypts the password where there is no TLS. */
  readonly publicKey?: string
}

export interface UpstreamWelcome {
  /** What triggers on login said: the fields of each notice. */
  readonly notices: readonly ReadonlyMap<string, string>[]
  readonly settings: ReadonlyMap<string, string>
  readonly cancelKey: CancelKey
  readonly mysql?: MysqlWelcome
}

/** What a MySQL server said of itself and of the session. */
export interface MysqlWelcome extends ServerGreeting {
  readonly capabilities: number
  /** Variables whose changes the server tells by itself; the proxy's own additions aren't shown. */
  readonly tracked: ReadonlySet<string>
  readonly tracksSchema: boolean
}
