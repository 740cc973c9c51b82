import { statSync } from 'node:fs'
import { messageOf } from '../lib/errors.ts'
import type { Credential } from './credential.ts'
import { type ReadCredential, readCredentialFile } from './credential-file.ts'

interface Reading {
  readonly stamp: string
  readonly found: ReadCredential
}

/** Credentials by the paths of their files; a file that has changed is read again. */
export class Credentials {
  readonly #readings = new Map<string, Reading>()

  /**
   * The credential of an agent, or null where its file isn't there, can't be read, is revoked or
   * belongs to another agent.
   */
  find(agent: string, path: string): Credential | null {
    const found = this.#reading(path)
    return found.kind === 'credential' && found.credential.agent === agent ? found.credential : null
  }

  /** True where the file says that the agent is shut out. */
  revoked(agent: string, path: string): boolean {
    const found = this.#reading(path)
    return found.kind === 'revoked' && found.agent === agent
  }

  /** Why `find` gives nothing, for the log of the proxy; null where it does, or nothing is there. */
  trouble(agent: string, path: string): string | null {
    const found = this.#reading(path)
    switch (found.kind) {
      case 'none':
        return null
      case 'trouble':
        return found.why
      case 'revoked':
        return found.agent === agent ? null : otherAgent(path, found.agent)
      case 'credential':
        return found.credential.agent === agent ? null : otherAgent(path, found.credential.agent)
    }
  }

  #reading(path: string): ReadCredential {
    const stamp = stampOf(path)
    const known = this.#readings.get(path)
    if (known?.stamp === stamp) return known.found
    const found = readCredentialFile(path)
    this.#readings.set(path, { stamp, found })
    return found
  }
}

function otherAgent(path: string, agent: string): string {
  return `${path}: belongs to the agent ${agent}`
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
