import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** What a server keeps of a password for SCRAM-SHA-256 (RFC 7677): it doesn't give the password. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** PostgreSQL's own count, and the least that RFC 7677 asks for. */
const ITERATIONS = 4096
const MOST_ITERATIONS = 10_000_000
const SALT_BYTES = 16
const KEY_BYTES = 32

/** SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, base64 (RFC 5803, section 3.1.1). */
const SHAPE = /^SCRAM-SHA-256\$(\d{1,8}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/

/**
 * Makes a verifier (RFC 5802, section 3). The password has to be ASCII, as ours are, for SASLprep
 * would change nothing of it. A second one beside another has that one's salt and iterations.
 *
 * @throws Error for any other password
 */
export function makeVerifier(
  password: string,
  { salt, iterations }: Pick<ScramVerifier, 'salt' | 'iterations'> = {
    salt: randomBytes(SALT_BYTES),
    iterations: ITERATIONS,
  },
): ScramVerifier {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new Error('a password of printable ASCII is needed')
  const salted = pbkdf2Sync(password, salt, iterations, KEY_BYTES, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  return {
    iterations,
    salt,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: hmac(salted, 'Server Key'),
  }
}

/**
 * A verifier that no password satisfies, for a name that has none. Its salt depends on the name and
 * the secret only, as that of a real one stays the same from try to try.
 */
export function mockVerifier(name: string, secret: Buffer): ScramVerifier {
  return {
    iterations: ITERATIONS,
    salt: hmac(secret, `salt ${name}`).subarray(0, SALT_BYTES),
    storedKey: hmac(secret, `stored ${name}`),
    serverKey: hmac(secret, `server ${name}`),
  }
}

export function formatVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64')
  return `SCRAM-SHA-256$${iterations}:${base64(salt)}$${base64(storedKey)}:${base64(serverKey)}`
}

/** Null for a text that isn't a verifier. */
export function parseVerifier(text: string): ScramVerifier | null {
  const [, count = '', ...parts] = SHAPE.exec(text) ?? []
  const [salt, storedKey, serverKey] = parts.map((part) => Buffer.from(part, 'base64'))
  const iterations = Number(count)
  if (!salt || !storedKey || !serverKey || salt.length === 0) return null
  if (storedKey.length !== KEY_BYTES || serverKey.length !== KEY_BYTES) return null
  if (iterations < ITERATIONS || iterations > MOST_ITERATIONS) return null
  return { iterations, salt, storedKey, serverKey }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
