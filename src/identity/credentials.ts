import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../lib/errors.ts'
import {
  formatVerifier,
  makeVerifier,
  parseVerifier,
  type ScramVerifier,
} from './scram-verifier.ts'

/** What is kept of an agent's secret: enough to check it, not enough to use it. */
export interface Credential {
  readonly agent: string
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

const File = z.object({
  agent: z.string().min(1),
  created_at: z.string(),
  created_by: z.string().nullable(),
  scram: z.string(),
  mysql: z.string().regex(/^[0-9a-f]{64}$/),
  mysql_native: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional(),
})

/** A secret for an agent: 24 random bytes, 32 characters of base64url. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url')
}

export function credentialFor(
  who: Pick<Credential, 'agent' | 'createdAt' | 'createdBy'>,
  secret: string,
): Credential {
  const twice = (algorithm: string) => hashOf(algorithm, hashOf(algorithm, secret))
  return {
    ...who,
    scram: makeVerifier(secret),
    mysql: twice('sha256'),
    // A secret of 192 bits of chance can't be guessed from it, whatever SHA-1 is worth.
    mysqlNative: twice('sha1'),
  }
}

function hashOf(algorithm: string, value: string | Buffer): Buffer {
  return createHash(algorithm).update(value).digest()
}

/** Writes a credential file, 0600: a reader sees the old one or the new one, never a part. */
export async function writeCredential(path: string, credential: Credential): Promise<void> {
  const { agent, createdAt, createdBy, scram, mysql, mysqlNative } = credential
  const content = {
    agent,
    created_at: createdAt,
    created_by: createdBy,
    scram: formatVerifier(scram),
    mysql: mysql.toString('hex'),
    ...(mysqlNative && { mysql_native: mysqlNative.toString('hex') }),
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const partial = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(partial, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

type Reading = { readonly stamp: string } & (
  | { readonly credential: Credential; readonly trouble: null }
  | { readonly credential: null; readonly trouble: string | null }
)

/** Credentials by the paths of their files; a file that has changed is read again. */
export class Credentials {
  readonly #readings = new Map<string, Reading>()

  /**
   * The credential of an agent, or null where its file isn't there, can't be read or belongs to
   * another agent.
   */
  find(agent: string, path: string): Credential | null {
    const { credential } = this.#reading(path)
    return credential?.agent === agent ? credential : null
  }

  /** Why `find` gives nothing, for the log of the proxy; null where it does, or nothing is there. */
  trouble(agent: string, path: string): string | null {
    const { credential, trouble } = this.#reading(path)
    if (!credential) return trouble
    return credential.agent === agent ? null : `${path}: belongs to the agent ${credential.agent}`
  }

  #reading(path: string): Reading {
    const stamp = stampOf(path)
    const known = this.#readings.get(path)
    if (known?.stamp === stamp) return known
    const reading: Reading = { stamp, ...readCredential(path) }
    this.#readings.set(path, reading)
    return reading
  }
}

/** Reads a credential file; a file that isn't there is no trouble. */
function readCredential(
  path: string,
): { credential: Credential; trouble: null } | { credential: null; trouble: string | null } {
  try {
    const parsed = File.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    const scram = parsed.success ? parseVerifier(parsed.data.scram) : null
    if (!parsed.success || !scram) {
      return { credential: null, trouble: `${path}: this is not a credential` }
    }
    const { agent, created_at: createdAt, created_by: createdBy, mysql } = parsed.data
    const native = parsed.data.mysql_native
    const credential = {
      agent,
      createdAt,
      createdBy,
      scram,
      mysql: Buffer.from(mysql, 'hex'),
      mysqlNative: native === undefined ? null : Buffer.from(native, 'hex'),
    }
    return { credential, trouble: null }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { credential: null, trouble: null }
    // A JSON error quotes the text, which may be a secret in the wrong place.
    const why = error instanceof SyntaxError ? 'this is not JSON' : messageOf(error)
    return { credential: null, trouble: `${path}: ${why}` }
  }
}

/** Changes whenever the file does, also where another has been put in its place. */
function stampOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return found ? `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}` : 'none'
  } catch (error) {
    return messageOf(error)
  }
}
