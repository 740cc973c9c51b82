import { createHash, randomBytes } from 'node:crypto'
import { makeVerifier, type ScramVerifier } from './scram-verifier.ts'

/** What is kept of one secret: enough to check it, not enough to use it. */
export interface StoredSecret {
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** Who made it, where that was said; can't approve what the agent asks. */
  readonly createdBy: string | null
  readonly scram: ScramVerifier
  /** SHA-256 of the SHA-256 of the secret, as caching_sha2_password keeps it. */
  readonly mysql: Buffer
  /** SHA-1 of the SHA-1, as mysql_native_password keeps it; null where it was made without. */
  readonly mysqlNative: Buffer | null
}

/** A secret that another one is taking the place of. */
export interface EndingSecret extends StoredSecret {
  /** It is refused from then on. Milliseconds since the epoch. */
  readonly until: number
}

/** The secrets of one agent. */
export interface Credential extends StoredSecret {
  readonly agent: string
  /** The one before, while a rotation is under way. Its salt and iterations are the same. */
  readonly previous: EndingSecret | null
}

/** When a secret is made, and by whom. */
export type Making = Pick<StoredSecret, 'createdAt' | 'createdBy'>

/** A secret for an agent: 24 random bytes, 32 characters of base64url. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url')
}

/** The one secret of an agent; those before it are good no more. */
export function credentialFor(
  who: Making & { readonly agent: string },
  secret: string,
): Credential {
  const { agent, createdAt, createdBy } = who
  return { agent, ...store({ createdAt, createdBy }, secret), previous: null }
}

/**
 * A second secret, beside which the first stays good until `until`. A SCRAM server shows its salt
 * before it is told which secret the client has (RFC 5802, section 3), so both share one.
 */
export function rotated(
  { agent, previous: _, ...first }: Credential,
  making: Making,
  { secret, until }: { readonly secret: string; readonly until: number },
): Credential {
  return { agent, ...store(making, secret, first.scram), previous: { ...first, until } }
}

/** The secrets that are good at this moment, the newest first. */
export function validSecrets(credential: Credential, now: number): readonly StoredSecret[] {
  const { previous } = credential
  return previous !== null && previous.until > now ? [credential, previous] : [credential]
}

function store(making: Making, secret: string, like?: ScramVerifier): StoredSecret {
  const twice = (algorithm: string) => hashOf(algorithm, hashOf(algorithm, secret))
  return {
    ...making,
    scram: makeVerifier(secret, like),
    mysql: twice('sha256'),
    // A secret of 192 bits of chance can't be guessed from it, whatever SHA-1 is worth.
    mysqlNative: twice('sha1'),
  }
}

function hashOf(algorithm: string, value: string | Buffer): Buffer {
  return createHash(algorithm).update(value).digest()
}
