/** What TLS settled on, for the record. */
export interface TlsFacts {
  /** For example "TLSv1.3 TLS_AES_256_GCM_SHA384". */
  readonly description: string
  /** The server's certificate, DER; what tls-server-end-point binds to (RFC 5929). */
  readonly certificate: Buffer | null
  /** Of an agent: the certificate that it showed; null where it showed none, or wasn't asked. */
  readonly client?: ClientCertificate | null
}

/** What a client showed of itself while TLS began. */
export interface ClientCertificate {
  /** Its subject alternative names: "URI:spiffe://example.com/bot", "DNS:bot.example.com". */
  readonly names: readonly string[]
  /** Why it isn't to be believed (CERT_HAS_EXPIRED); null where the CA has signed it. */
  readonly trouble: string | null
  /** Milliseconds since the epoch: it is good until then. */
  readonly until: number
}

/**
 * One end of a connection while a handshake runs over it: bytes are pulled, not pushed. Every call
 * rejects when the connection closes or the login deadline passes.
 */
export interface HandshakeChannel {
  /** Resolves with exactly `count` bytes. */
  read(count: number): Promise<Buffer>
  /** Looks at the next byte without taking it. */
  peek(): Promise<number>
  /** Bytes that have arrived and weren't read. */
  readonly buffered: number
  write(bytes: Buffer): void
  /** Null until TLS runs. */
  readonly tls: TlsFacts | null
}

/** The end that an agent connected to. */
export interface ServerChannel extends HandshakeChannel {
  /** False where no certificate is configured. */
  readonly offersTls: boolean
  /** Runs the server's side of TLS; with `alpn`, the client must have offered that protocol. */
  startTls(options: { readonly alpn: string | null }): Promise<void>
  readonly remoteAddress: string
}

/** The end that leads to a database. */
export interface ClientChannel extends HandshakeChannel {
  /** Runs the client's side of TLS as the upstream's sslmode says. */
  startTls(): Promise<void>
}
