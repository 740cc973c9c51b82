import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../lib/errors.ts'
import type { Credential, StoredSecret } from './credential.ts'
import { formatVerifier, parseVerifier } from './scram-verifier.ts'

const Secret = z.object({
  created_at: z.string(),
  created_by: z.string().nullable(),
  scram: z.string(),
  mysql: z.string().regex(/^[0-9a-f]{64}$/),
  mysql_native: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional(),
})
const File = Secret.extend({
  agent: z.string().min(1),
  previous: Secret.extend({ until: z.iso.datetime() }).optional(),
})
const Revoked = z.object({ agent: z.string().min(1), revoked_at: z.iso.datetime() })

/** What a credential file says. */
export type ReadCredential =
  | { readonly kind: 'credential'; readonly credential: Credential }
  /** The agent may not come in, by whatever it has. */
  | { readonly kind: 'revoked'; readonly agent: string; readonly at: string }
  /** The file isn't there. */
  | { readonly kind: 'none' }
  | { readonly kind: 'trouble'; readonly why: string }

/** Writes a credential file, 0600: a reader sees the old one or the new one, never a part. */
export function writeCredential(path: string, credential: Credential): Promise<void> {
  const { agent, previous } = credential
  return replace(path, {
    agent,
    ...inFile(credential),
    ...(previous && {
      previous: { ...inFile(previous), until: new Date(previous.until).toISOString() },
    }),
  })
}

/** Leaves nothing in the file that opens anything, and a word that the agent is shut out. */
export function writeRevoked(path: string, agent: string, at: number): Promise<void> {
  return replace(path, { agent, revoked_at: new Date(at).toISOString() })
}

function inFile({ createdAt, createdBy, scram, mysql, mysqlNative }: StoredSecret) {
  return {
    created_at: createdAt,
    created_by: createdBy,
    scram: formatVerifier(scram),
    mysql: mysql.toString('hex'),
    ...(mysqlNative && { mysql_native: mysqlNative.toString('hex') }),
  }
}

async function replace(path: string, content: object): Promise<void> {
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

export function readCredentialFile(path: string): ReadCredential {
  try {
    return readContent(path, JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'none' }
    // A JSON error quotes the text, which may be a secret in the wrong place.
    const why = error instanceof SyntaxError ? 'this is not JSON' : messageOf(error)
    return { kind: 'trouble', why: `${path}: ${why}` }
  }
}

function readContent(path: string, content: unknown): ReadCredential {
  const revoked = Revoked.safeParse(content)
  if (revoked.success) {
    return { kind: 'revoked', agent: revoked.data.agent, at: revoked.data.revoked_at }
  }
  const parsed = File.safeParse(content)
  const credential = parsed.success ? credentialIn(parsed.data) : null
  return credential
    ? { kind: 'credential', credential }
    : { kind: 'trouble', why: `${path}: this is not a credential` }
}

function credentialIn({ agent, previous, ...newest }: z.infer<typeof File>): Credential | null {
  const first = secretIn(newest)
  const second = previous && secretIn(previous)
  if (!first || second === null) return null
  if (!previous || !second) return { agent, ...first, previous: null }
  const sameSalt = first.scram.salt.equals(second.scram.salt)
  if (!sameSalt || first.scram.iterations !== second.scram.iterations) return null
  return { agent, ...first, previous: { ...second, until: Date.parse(previous.until) } }
}

function secretIn(stored: z.infer<typeof Secret>): StoredSecret | null {
  const scram = parseVerifier(stored.scram)
  const native = stored.mysql_native
  return (
    scram && {
      createdAt: stored.created_at,
      createdBy: stored.created_by,
      scram,
      mysql: Buffer.from(stored.mysql, 'hex'),
      mysqlNative: native === undefined ? null : Buffer.from(native, 'hex'),
    }
  )
}
