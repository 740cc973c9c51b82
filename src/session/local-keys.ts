import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const KEY_BYTES = 32

/** Secrets of this installation: made on first use, kept as long as its data. */
export interface LocalKeys {
  /** Of the mask `hash`, so that hashes stay joinable. */
  readonly mask: Buffer
  /** Of digests of parameters in records. */
  readonly audit: Buffer
  /** Of the salts that unknown agents are shown. */
  readonly login: Buffer
}

/** Reads the keys under `<data>/keys`, and makes those that aren't there. 0600. */
export function openLocalKeys(data: string): LocalKeys {
  const folder = join(data, 'keys')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    mask: openKey(join(folder, 'mask.key')),
    audit: openKey(join(folder, 'parameters.key')),
    login: openKey(join(folder, 'login.key')),
  }
}

function openKey(path: string): Buffer {
  try {
    writeFileSync(path, randomBytes(KEY_BYTES).toString('base64'), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const key = Buffer.from(readFileSync(path, 'utf8'), 'base64')
  if (key.length !== KEY_BYTES) throw new Error(`${path} is not a key of ${KEY_BYTES} bytes`)
  return key
}
