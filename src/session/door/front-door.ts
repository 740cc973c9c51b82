import type { Trail } from '../../audit/events.ts'
import type { Agent, Principal } from '../../identity/principal.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf, ProxyError } from '../../lib/errors.ts'
import { AgentChannel, type UpstreamChannel } from '../../net/channels.ts'
import type { Connection, ServerTls } from '../../net/connection.ts'
import { connectUpstream } from '../../net/upstream-target.ts'
import type { Opening, ServerGreeting, UpstreamWelcome } from '../../wire/handshake.ts'
import type { WireProtocol } from '../../wire/protocol.ts'
import type { AnyRequest } from '../../wire/requests.ts'
import { Admission, type Admitted } from './admission.ts'
import type { Agents } from './agents.ts'
import type { Behind } from './behind.ts'
import { cancelUpstream } from './cancel-upstream.ts'
import { type Handshake, Handshakes } from './handshakes.ts'
import { OpenSessions } from './open-sessions.ts'

export interface FrontDoorOptions {
  readonly protocol: WireProtocol<AnyRequest>
  readonly clock: Clock
  readonly trail: Trail
  readonly agents: Agents
  behind(database: string): Behind | undefined
  /** The database that an agent means who names none; undefined where it has none here. */
  defaultDatabase(agent: Agent): string | undefined
  /** How the database greets, where the server speaks first (MySQL). */
  greeting?(): Omit<ServerGreeting, 'connectionId'> | undefined
  /** See OpenOptions. */
  readonly nativePassword?: boolean
  readonly tls: (ServerTls & { readonly required: boolean }) | null
  readonly loginMs: number
  readonly maxConnections: number
  /** Sessions of all doors, which share that number. */
  allSessions(): number
}

type SessionOpening = Extract<Opening, { kind: 'session' }>

/** A database that has let the proxy in, for this client. */
interface Reached {
  readonly behind: Behind
  readonly upstream: UpstreamChannel
  readonly welcome: UpstreamWelcome
}

/** Lets agents in: handshake, proof of who they are, a connection to their database. */
export class FrontDoor {
  readonly #options: FrontDoorOptions
  readonly #admission: Admission
  readonly #handshakes = new Handshakes()
  readonly #sessions: OpenSessions
  #closing = false

  constructor(options: FrontDoorOptions) {
    this.#options = options
    this.#admission = new Admission(options)
    this.#sessions = new OpenSessions(options)
  }

  get sessions(): number {
    return this.#sessions.count
  }

  /** Takes one connection through its handshake. Never throws: a failed one ends by itself. */
  accept(connection: Connection): void {
    const channel = new AgentChannel(connection, this.#options.tls)
    const connectionId = this.#options.greeting ? this.#sessions.newId() : null
    const handshake: Handshake = { connection, channel, connectionId, hello: null }
    this.#handshakes.add(handshake)
    const stopTimer = this.#options.clock.after(this.#options.loginMs, () =>
      channel.reader.fail(
        new ProxyError('LOGIN_TIMEOUT', 'canceling authentication due to timeout'),
      ),
    )
    this.#admit(handshake)
      .catch((error: unknown) => this.#reject(handshake, error))
      .finally(() => {
        stopTimer()
        this.#handshakes.delete(handshake)
      })
  }

  async #admit(handshake: Handshake): Promise<void> {
    const { channel, connection } = handshake
    const opening = await this.#open(handshake)
    if (opening.kind === 'cancel') {
      this.#sessions.cancel(opening.key, channel.remoteAddress)
      connection.end()
      return
    }
    handshake.hello = opening.hello
    if (this.#closing) throw new ProxyError('SHUTDOWN', 'countersign is shutting down')
    if (this.#options.allSessions() >= this.#options.maxConnections) {
      throw new ProxyError('TOO_MANY_CONNECTIONS', 'sorry, too many clients already')
    }
    const admitted = await this.#admission.authenticate(channel, opening.hello)
    await this.#openSession(handshake, opening, admitted)
  }

  #open({ channel, connectionId }: Handshake): Promise<Opening> {
    const { protocol, tls, nativePassword } = this.#options
    const greeting = this.#options.greeting?.()
    return protocol.open(channel, {
      tlsRequired: tls?.required ?? false,
      ...(nativePassword === undefined ? {} : { nativePassword }),
      ...(greeting && connectionId !== null ? { greeting: { ...greeting, connectionId } } : {}),
    })
  }

  async #openSession(
    handshake: Handshake,
    opening: SessionOpening,
    admitted: Admitted,
  ): Promise<void> {
    const { hello } = opening
    const { agent } = admitted.known
    const database = hello.database || (this.#options.defaultDatabase(agent) ?? '')
    const behind = this.#options.behind(database)
    if (!behind || !agent.databases.includes(database)) {
      throw new ProxyError(
        'UNKNOWN_DATABASE',
        `database "${database}" does not exist or ${hello.user} has no access to it`,
      )
    }
    const said = { ...hello, database }
    const principal = this.#admission.principal(handshake.channel, said, admitted, behind)
    const upstream = connectUpstream(behind.target)
    const stopTimer = this.#options.clock.after(this.#options.loginMs, () =>
      upstream.reader.fail(new ProxyError('UPSTREAM_UNAVAILABLE', 'the database does not answer')),
    )
    try {
      const welcome = await this.#options.protocol.login(upstream, behind.target.login, hello)
      this.#start(handshake, opening, { principal, admitted }, { behind, upstream, welcome })
    } catch (error) {
      upstream.connection.destroy('the session could not be opened')
      throw error
    } finally {
      stopTimer()
    }
  }

  #start(
    { connection, channel, connectionId }: Handshake,
    { hello, cancelKeyLength }: SessionOpening,
    { principal, admitted }: { readonly principal: Principal; readonly admitted: Admitted },
    { behind, upstream, welcome }: Reached,
  ): void {
    const { protocol, clock } = this.#options
    const { services, target } = behind
    const { policy, scrub } = services
    const { notices } = welcome
    const told = policy().guards ? notices.map((fields) => scrub(new Map(fields))) : notices
    if (connection.isClosed) throw new ProxyError('CANCELLED', 'the client has gone')
    const { session, key } = this.#sessions.open(
      {
        services,
        principal,
        client: connection,
        upstream: upstream.connection,
        hello,
        welcome,
        heads: { client: channel.reader.rest(), upstream: upstream.reader.rest() },
        cancelUpstream: () => cancelUpstream(protocol, clock, { target, key: welcome.cancelKey }),
      },
      admitted,
      { id: connectionId ?? this.#sessions.newId(), keyLength: cancelKeyLength },
    )
    protocol.welcome(channel, { ...welcome, notices: told }, key)
    session.start()
  }

  #reject(handshake: Handshake, error: unknown): void {
    const { connection, channel } = handshake
    const known =
      error instanceof ProxyError
        ? error
        : new ProxyError('INTERNAL', messageOf(error), { cause: error })
    if (!connection.isClosed) {
      this.#options.protocol.reject(channel, known)
      connection.end()
    }
    this.#record(handshake, known)
  }

  #record({ channel, hello }: Handshake, error: ProxyError): void {
    try {
      this.#options.trail.append({
        type: 'session.refused',
        address: channel.remoteAddress,
        agent: hello?.user ?? null,
        database: hello?.database ?? null,
        sqlState: error.sqlState,
        reason:
          error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`,
      })
    } catch {
      // The trail is in trouble and says so itself; nobody was let in.
    }
  }

  /** Ends the sessions of agents that may not come in any more. */
  review(): void {
    this.#sessions.review()
  }

  /** Ends every session as soon as it is quiet, or after `graceMs` whatever it does. */
  close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#handshakes.destroyAll('shutting down')
    return this.#sessions.close(graceMs)
  }
}
