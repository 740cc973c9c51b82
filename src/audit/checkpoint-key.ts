import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
} from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { newId } from '../lib/ids.ts'

/**
 * Reads the Ed25519 key that signs checkpoints (PKCS #8, PEM), and makes it where it isn't there:
 * 0600, with the public half beside it as `<path>.pub`. Processes that start together agree on one.
 *
 * @throws Error when the file is there and holds no such key
 */
export async function loadCheckpointKey(path: string): Promise<KeyObject> {
  const pem = (await readIfThere(path)) ?? (await makeKey(path))
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${path} is not an Ed25519 key`)
  return key
}

/** Reads either half of the key and returns the public one. */
export async function loadPublicKey(path: string): Promise<KeyObject> {
  const key = createPublicKey(await readFile(path, 'utf8'))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${path} is not an Ed25519 key`)
  return key
}

/** Names a key: the first 16 hex digits of the SHA-256 of its public half (SPKI, DER). */
export function keyId(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex').slice(0, 16)
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A link is made or fails as a whole, so the key that came first is the one that stays. */
async function makeKey(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const partial = `${path}.${newId()}`
  await writeFile(partial, privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  })
  try {
    await link(partial, path)
    await writeFile(`${path}.pub`, publicKey.export({ type: 'spki', format: 'pem' }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(partial)
  }
  return readFile(path, 'utf8')
}
