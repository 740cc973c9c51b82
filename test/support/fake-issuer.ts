import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import type { Test } from 'tap'

export const AUDIENCE = 'countersign'
export const SUBJECT = 'pipeline@example'

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export function makeKey(kid: string, alg = 'ES256'): SigningKey {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, alg, ...pair }
}

export interface TokenSays {
  /** Beside or in place of what a good token says; undefined takes it out. */
  readonly claims?: JWTPayload
  readonly header?: Partial<JWTHeaderParameters>
  readonly key?: SigningKey
}

/** An issuer of tokens on the loopback, which misbehaves where a test says so. */
export class FakeIssuer {
  /** What it is found to sign with. */
  keys: SigningKey[] = [makeKey('one')]
  /** Answers in place of its own; true where it has answered. */
  meddle: (path: string, answer: ServerResponse) => boolean = () => false
  /** How often its keys were asked for. */
  asked = 0
  readonly url: string
  readonly #now: () => number

  private constructor(url: string, now: () => number) {
    this.url = url
    this.#now = now
  }

  static async start(t: Test, now: () => number = Date.now): Promise<FakeIssuer> {
    const server = createServer((request, answer) => void issuer.#serve(request.url ?? '', answer))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const issuer = new FakeIssuer(`http://127.0.0.1:${port}`, now)
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return issuer
  }

  /** What an agent's jwt: says of it. */
  get binding() {
    return { issuer: this.url, audience: AUDIENCE, subject: SUBJECT }
  }

  async #serve(path: string, answer: ServerResponse): Promise<void> {
    if (path === '/keys') this.asked++
    if (this.meddle(path, answer)) return
    answer.setHeader('content-type', 'application/json')
    if (path === '/.well-known/openid-configuration') {
      answer.end(JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys` }))
      return
    }
    answer.end(JSON.stringify({ keys: await Promise.all(this.keys.map(inSet)) }))
  }

  /** A token that is good for five minutes, but for what `says` changes. */
  async token({ claims = {}, header = {}, key = this.keys[0] as SigningKey }: TokenSays = {}) {
    const seconds = Math.floor(this.#now() / 1_000)
    const payload = {
      iss: this.url,
      aud: AUDIENCE,
      sub: SUBJECT,
      iat: seconds,
      exp: seconds + 300,
      ...claims,
    }
    return new SignJWT(payload)
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .sign(key.privateKey)
  }
}

async function inSet({ kid, alg, publicKey }: SigningKey) {
  return { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
}

/** A token made by hand: whatever header, claims and signature. */
export function forge(header: object, claims: object, signature: Buffer | string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${Buffer.from(signature).toString('base64url')}`
}
