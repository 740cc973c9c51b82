/** Stored verifiers of one agent, or a mock that can't be told from one. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** What is kept of one secret. Without what a client's method needs, it isn't let in. */
export interface SecretVerifier extends ScramVerifier {
  /** SHA256(SHA256(secret)), as caching_sha2_password keeps it. */
  readonly doubleSha256?: Buffer
  /** SHA1(SHA1(secret)), as mysql_native_password keeps it. */
  readonly doubleSha1?: Buffer
}

/** All verifiers of one agent. */
export interface AgentVerifier extends SecretVerifier {
  /** A secret that is good as well, of the same salt and iterations. */
  readonly second?: SecretVerifier
  /**
   * Judges what was given whole, inside TLS, as a token of an identity provider. Throws LOGIN_FAILED
   * where it isn't a good one, and IDENTITY_UNAVAILABLE where that can't be known now.
   */
  readonly accepts?: (token: string) => Promise<TokenProof>
}

/** A token that was good when its bearer came in. */
export interface TokenProof {
  readonly kind: 'token'
  /** Milliseconds since the epoch: then it is good no more. */
  readonly until: number
  /** The person for whom its bearer acts, or null. */
  readonly onBehalfOf: string | null
  readonly issuer: string
}

/** By what a client has proved who it is. */
export type LoginProof =
  | TokenProof
  /** The secret of this verifier. */
  | { readonly kind: 'secret'; readonly storedKey: Buffer }
  /** Its certificate alone. */
  | { readonly kind: 'certificate' }
