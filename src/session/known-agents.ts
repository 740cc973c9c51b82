import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Credentials } from '../identity/credentials.ts'
import { mockVerifier } from '../identity/scram-verifier.ts'
import type { AgentVerifier } from '../wire/protocol.ts'
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

/** The agents of the configuration in force, with the verifiers that lie in their files now. */
export class KnownAgents implements Agents {
  readonly #listed: () => ReadonlyMap<string, ListedAgent>
  readonly #credentials: Credentials
  readonly #mockSecret: Buffer

  constructor(options: {
    readonly listed: () => ReadonlyMap<string, ListedAgent>
    readonly credentials: Credentials
    readonly mockSecret: Buffer
  }) {
    this.#listed = options.listed
    this.#credentials = options.credentials
    this.#mockSecret = options.mockSecret
  }

  find(name: string): KnownAgent | undefined {
    const listed = this.#listed().get(name)
    if (!listed) return undefined
    const credential = this.#credentials.find(name, listed.credential ?? NOWHERE)
    const networks = blockListOf(listed.networks)
    return {
      agent: {
        name,
        owners: listed.owners,
        databases: listed.databases,
        credentialCreatedBy: credential?.createdBy ?? null,
      },
      expires: listed.expires,
      mayComeFrom: (address) => networks === null || contains(networks, address),
    }
  }

  verifier(name: string): AgentVerifier {
    const path = this.#listed().get(name)?.credential ?? NOWHERE
    const found = this.#credentials.find(name, path)
    const mock = mockVerifier(name, this.#mockSecret)
    if (!found) return mock
    const { scram, mysql, mysqlNative } = found
    return { ...scram, doubleSha256: mysql, ...(mysqlNative && { doubleSha1: mysqlNative }) }
  }
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
