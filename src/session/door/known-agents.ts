import type { AgentTokens, TokenBinding } from '../../identity/agent-tokens.ts'
import { type StoredSecret, validSecrets } from '../../identity/credential.ts'
import type { Credentials } from '../../identity/credentials.ts'
import { isWithinNetworks } from '../../identity/networks.ts'
import { mockVerifier } from '../../identity/scram-verifier.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ClientCertificate } from '../../wire/handshake-channel.ts'
import type { AgentVerifier, LoginProof, SecretVerifier, TokenProof } from '../../wire/verifiers.ts'
import type { Agents, KnownAgent } from './agents.ts'

/** An agent as the configuration lists it. */
export interface ListedAgent {
  readonly name: string
  readonly owners: readonly string[]
  readonly databases: readonly string[]
  readonly credential: string | null
  readonly jwt: TokenBinding | null
  /** The name that its certificate has to have, or null where it needs none. */
  readonly certificate: string | null
  readonly networks: readonly string[]
  readonly expires: number | null
}

/** Characters of a stranger's certificate that a record takes. */
const MAX_RECORDED = 500
/** A path at which nothing is, so that an unknown name costs a look at the disk too. */
const NOWHERE = '/nonexistent/countersign-credential'

export interface KnownAgentsOptions {
  readonly listed: () => ReadonlyMap<string, ListedAgent>
  readonly credentials: Credentials
  readonly tokens: AgentTokens
  readonly mockSecret: Buffer
  readonly clock: Clock
}

/** The agents of the configuration in force, with the verifiers that lie in their files now. */
export class KnownAgents implements Agents {
  readonly #options: KnownAgentsOptions
  /** By what each token was taken. */
  readonly #bindings = new WeakMap<LoginProof, string>()

  constructor(options: KnownAgentsOptions) {
    this.#options = options
  }

  find(name: string): KnownAgent | undefined {
    const listed = this.#options.listed().get(name)
    if (!listed || this.#options.credentials.revoked(name, this.#pathOf(name))) return undefined
    return {
      agent: {
        name,
        owners: listed.owners,
        databases: listed.databases,
        credentialCreatedBy: creatorsOf(this.#secrets(name), listed.jwt),
      },
      expires: listed.expires,
      mayComeFrom: (address) => isWithinNetworks(listed.networks, address),
    }
  }

  verifier(name: string, shown: ClientCertificate | null): AgentVerifier {
    const mock = mockVerifier(name, this.#options.mockSecret)
    const [first, second] = this.#secrets(name)
    if (this.certificateTrouble(name, shown) !== null) return { ...mock, second: mock }
    const own = first ? verifierOf(first) : mock
    const secrets = { ...own, second: second ? verifierOf(second) : mock }
    const jwt = this.#options.listed().get(name)?.jwt
    if (!jwt) return secrets
    return { ...secrets, accepts: (token) => this.#accept(token, jwt) }
  }

  async #accept(token: string, jwt: TokenBinding): Promise<TokenProof> {
    const { until, onBehalfOf } = await this.#options.tokens.accept(token, jwt)
    const proof = { kind: 'token', until, onBehalfOf, issuer: jwt.issuer } as const
    this.#bindings.set(proof, JSON.stringify(jwt))
    return proof
  }

  needsNoSecret(name: string, shown: ClientCertificate): boolean {
    const listed = this.#options.listed().get(name)
    if (!listed || listed.certificate === null) return false
    if (listed.credential !== null || listed.jwt !== null) return false
    return this.certificateTrouble(name, shown) === null
  }

  needsCertificate(name: string): boolean {
    return (this.#options.listed().get(name)?.certificate ?? null) !== null
  }

  certificateTrouble(name: string, shown: ClientCertificate | null): string | null {
    const needed = this.#options.listed().get(name)?.certificate ?? null
    if (needed === null) return null
    if (shown === null) return 'it has shown no certificate'
    if (shown.trouble !== null) return `its certificate is refused: ${shown.trouble}`
    if (shown.until <= this.#options.clock.now()) return 'its certificate has expired'
    if (!shown.names.includes(needed)) {
      return `its certificate is of ${shown.names.join(', ').slice(0, MAX_RECORDED) || 'nobody'}`
    }
    return null
  }

  stillGood(name: string, proof: LoginProof, shown: ClientCertificate | null): boolean {
    const { clock, credentials } = this.#options
    if (this.certificateTrouble(name, shown) !== null) return false
    if (proof.kind === 'certificate') return shown !== null && this.needsNoSecret(name, shown)
    if (proof.kind === 'token') {
      const jwt = this.#options.listed().get(name)?.jwt
      const same = jwt != null && JSON.stringify(jwt) === this.#bindings.get(proof)
      return same && proof.until > clock.now()
    }
    if (credentials.trouble(name, this.#pathOf(name)) !== null) return true
    return this.#secrets(name).some(({ scram }) => scram.storedKey.equals(proof.storedKey))
  }

  #secrets(name: string): readonly StoredSecret[] {
    const { credentials, clock } = this.#options
    const found = credentials.find(name, this.#pathOf(name))
    return found ? validSecrets(found, clock.now()) : []
  }

  #pathOf(name: string): string {
    return this.#options.listed().get(name)?.credential ?? NOWHERE
  }
}

function verifierOf({ scram, mysql, mysqlNative }: StoredSecret): SecretVerifier {
  return { ...scram, doubleSha256: mysql, ...(mysqlNative && { doubleSha1: mysqlNative }) }
}

/** Any of the secrets may be the one that an agent uses, and whose the tokens are has them too. */
function creatorsOf(secrets: readonly StoredSecret[], jwt: TokenBinding | null): readonly string[] {
  const makers = secrets.flatMap(({ createdBy }) => createdBy ?? [])
  return [...new Set(jwt ? [...makers, jwt.subject] : makers)]
}
