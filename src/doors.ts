import { constants } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Address, ListenConfig } from './config/config.ts'
import type { Databases } from './databases/databases.ts'
import type { Ground } from './ground.ts'
import { AgentTokens } from './identity/agent-tokens.ts'
import { Credentials } from './identity/credentials.ts'
import { messageOf, ProxyError } from './lib/errors.ts'
import { Listener, type ListeningAddress } from './net/listener.ts'
import { PROTOCOLS, type ProtocolName } from './protocols.ts'
import type { Behind } from './session/door/behind.ts'
import { FrontDoor } from './session/door/front-door.ts'
import { KnownAgents } from './session/door/known-agents.ts'

/** By which agents come in: one for each protocol that is spoken. */
export class Doors {
  readonly #ground: Ground
  readonly #databases: Databases
  readonly #agents: KnownAgents
  readonly #doors: FrontDoor[] = []
  readonly #listeners: Listener[] = []

  constructor(ground: Ground, databases: Databases) {
    this.#ground = ground
    this.#databases = databases
    this.#agents = new KnownAgents({
      listed: () => ground.config.agents,
      credentials: new Credentials(),
      tokens: new AgentTokens(ground.clock),
      mockSecret: ground.keys.login,
      clock: ground.clock,
    })
  }

  /** Opens a door; null where none is configured. Rejects where its address can't be had. */
  async open(protocol: ProtocolName, address: Address | null): Promise<ListeningAddress | null> {
    if (!address) return null
    const door = this.#frontDoor(protocol, this.#ground.config.listen)
    this.#doors.push(door)
    const listener = new Listener((connection) => door.accept(connection))
    this.#listeners.push(listener)
    return listener.listen(address.host, address.port)
  }

  #frontDoor(protocol: ProtocolName, listen: ListenConfig): FrontDoor {
    const { clock, trail } = this.#ground
    const databases = this.#databases
    const behind = (database: string) => this.#behind(protocol, database)
    return new FrontDoor({
      protocol: PROTOCOLS[protocol],
      clock,
      trail,
      agents: this.#agents,
      behind,
      defaultDatabase: (agent) => agent.databases.find(behind),
      ...(protocol === 'mysql' && { greeting: () => databases.greeting ?? undefined }),
      nativePassword: listen.mysqlNativePassword,
      tls: listen.tls && {
        context: secureContext(listen.tls),
        asksCertificate: listen.tls.clientCa !== null,
        required: listen.tls.require,
      },
      loginMs: listen.deadlines.login,
      maxConnections: listen.maxConnections,
      allSessions: () => this.sessions,
    })
  }

  #behind(protocol: ProtocolName, database: string): Behind | undefined {
    const lot = this.#databases.find(protocol, database)
    if (!lot) return undefined
    const { target, config } = lot.house
    return { services: lot.services, target, environment: config.environment }
  }

  get sessions(): number {
    return this.#doors.reduce((sum, { sessions }) => sum + sessions, 0)
  }

  /** Ends the sessions of agents that may not come in any more. */
  review(): void {
    for (const door of this.#doors) door.review()
  }

  /** Lets nobody in; resolves when all sessions have ended, those that run after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    for (const listener of this.#listeners) listener.close()
    await Promise.all(this.#doors.map((door) => door.close(graceMs)))
  }
}

function secureContext(tls: NonNullable<ListenConfig['tls']>): SecureContext {
  try {
    return createSecureContext({
      cert: readFileSync(tls.cert),
      key: readFileSync(tls.key),
      minVersion: 'TLSv1.2',
      // A session that is taken up again would show a certificate of before: each shows it anew.
      ...(tls.clientCa === null
        ? {}
        : { ca: readFileSync(tls.clientCa), secureOptions: constants.SSL_OP_NO_TICKET }),
    })
  } catch (error) {
    throw new ProxyError('CONFIG_INVALID', `listen.tls: ${messageOf(error)}`, { cause: error })
  }
}
