/** The parts of pg's login that its own types leave out. */
declare module 'pg/lib/crypto/cert-signatures.js' {
  /** "MD5", "SHA-1", "SHA-256", ... of a DER certificate. */
  export function signatureAlgorithmHashFromCertificate(certificate: Buffer): string
}

declare module 'pg/lib/crypto/sasl.js' {
  export interface SaslSession {
    readonly mechanism: string
    readonly response: string
  }
  interface PeerCertificate {
    getPeerCertificate(): { raw: Buffer }
  }
  const sasl: {
    startSession(mechanisms: readonly string[], stream: PeerCertificate | null): SaslSession
    continueSession(
      session: SaslSession,
      password: string,
      serverFirst: string,
      stream: PeerCertificate | null,
    ): Promise<void>
    finalizeSession(session: SaslSession, serverFinal: string): void
  }
  export default sasl
}

declare module 'pg/lib/crypto/utils.js' {
  const utils: {
    postgresMd5PasswordHash(user: string, password: string, salt: Buffer): Promise<string>
  }
  export default utils
}
