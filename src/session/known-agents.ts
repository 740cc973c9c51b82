import { BlockList, isIP, isIPv6 } from 'node:net'
import { type StoredSecret, validSecrets } from '../identity/credential.ts'
import type { Credentials } from '../identity/credentials.ts'
import { mockVerifier } from '../identity/scram-verifier.ts'
import type { Clock } from '../lib/clock.ts'
import type { AgentVerifier, LoginProof, SecretVerifier } from '../wire/protocol.ts'
import type { Agents, KnownAgent } from './agents.ts'

/** An agent as the configuration lists it. */
export interface ListedAgent {
  readonly name: string
  readonly owners: readonly string[]
  readonly databases: readonly string[]
  readonly credential: string | null
  readonly networks: readonly string[]
  readonly expires: number | null
}

/** A path at which nothing is, so that an unknown name costs a look at the disk too. */
const NOWHERE = '/nonexistent/countersign-credential'

export interface KnownAgentsOptions {
  readonly listed: () => ReadonlyMap<string, ListedAgent>
  readonly credentials: Credentials
  readonly mockSecret: Buffer
  readonly clock: Clock
}

/** The agents of the configuration in force, with the verifiers that lie in their files now. */
export class KnownAgents implements Agents {
  readonly #options: KnownAgentsOptions

  constructor(options: KnownAgentsOptions) {
    this.#options = options
  }

  find(name: string): KnownAgent | undefined {
    const listed = this.#options.listed().get(name)
    if (!listed || this.#options.credentials.revoked(name, this.#pathOf(name))) return undefined
    const networks = blockListOf(listed.networks)
    return {
      agent: {
        name,
        owners: listed.owners,
        databases: listed.databases,
        credentialCreatedBy: creatorsOf(this.#secrets(name)),
      },
      expires: listed.expires,
      mayComeFrom: (address) => networks === null || contains(networks, address),
    }
  }

  verifier(name: string): AgentVerifier {
    const mock = mockVerifier(name, this.#options.mockSecret)
    const [first, second] = this.#secrets(name)
    if (!first) return { ...mock, second: mock }
    return { ...verifierOf(first), second: second ? verifierOf(second) : mock }
  }

  stillGood(name: string, proof: LoginProof): boolean {
    const { clock, credentials } = this.#options
    if (proof.kind === 'token') return proof.until > clock.now()
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

/** Any of the secrets may be the one that an agent uses. */
function creatorsOf(secrets: readonly StoredSecret[]): readonly string[] {
  return [...new Set(secrets.flatMap(({ createdBy }) => createdBy ?? []))]
}

function blockListOf(networks: readonly string[]): BlockList | null {
  if (networks.length === 0) return null
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

function contains(list: BlockList, address: string): boolean {
  // A dual-stack listener shows IPv4 peers as ::ffff:a.b.c.d.
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
