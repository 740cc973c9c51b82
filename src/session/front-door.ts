import type { Trail } from '../audit/events.ts'
import { sameName } from '../identity/directory.ts'
import type { Agent, Principal } from '../identity/principal.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import { AgentChannel, type UpstreamChannel } from '../net/channels.ts'
import type { Connection, ServerTls } from '../net/connection.ts'
import { connectUpstream, type UpstreamTarget } from '../net/upstream-target.ts'
import type { ClientCertificate } from '../wire/handshake-channel.ts'
import type {
  AnyRequest,
  CancelKey,
  Hello,
  LoginProof,
  Opening,
  ServerGreeting,
  UpstreamWelcome,
  WireProtocol,
} from '../wire/protocol.ts'
import type { Agents, KnownAgent } from './agents.ts'
import { CancelKeys } from './cancel-keys.ts'
import { readOwnSettings } from './own-settings.ts'
import type { Services } from './services.ts'
import { Session } from './session.ts'

/** One database behind the door. */
export interface Behind {
  readonly services: Services
  readonly target: UpstreamTarget
  readonly environment: string | null
}

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

/** Handshakes beyond this push out the oldest, so that a flood of silent ones can't close the door. */
const MAX_HANDSHAKES = 1_000
const CANCEL_MS = 5_000
/** Timers of Node count milliseconds in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

interface Handshake {
  readonly connection: Connection
  readonly channel: AgentChannel
  /** By which the client will know its session: null where it is told later. */
  readonly connectionId: number | null
  /** Who it said it is, once it said so. */
  hello: Hello | null
}

/** Who came in, and by what. */
interface Admitted extends CameBy {
  readonly known: KnownAgent
}

/** What a session stands on, as long as it goes on. */
interface CameBy {
  readonly proof: LoginProof
  readonly shown: ClientCertificate | null
}

/** Lets agents in: handshake, proof of who they are, a connection to their database. */
export class FrontDoor {
  readonly #options: FrontDoorOptions
  readonly #cancelKeys = new CancelKeys<Session>()
  readonly #handshakes = new Set<Handshake>()
  /** With what each came in by. */
  readonly #sessions = new Map<Session, CameBy>()
  #closing = false
  #onEmpty: (() => void) | null = null

  constructor(options: FrontDoorOptions) {
    this.#options = options
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Takes one connection through its handshake. Never throws: a failed one ends by itself. */
  accept(connection: Connection): void {
    const channel = new AgentChannel(connection, this.#options.tls)
    const connectionId = this.#options.greeting ? this.#cancelKeys.newId() : null
    const handshake: Handshake = { connection, channel, connectionId, hello: null }
    this.#handshakes.add(handshake)
    if (this.#handshakes.size > MAX_HANDSHAKES) this.#pushOutOldest()
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

  /** Those who have said who they are stay longest: a flood is as fast as it likes to be. */
  #pushOutOldest(): void {
    let oldest: Handshake | undefined
    for (const handshake of this.#handshakes) {
      oldest ??= handshake
      if (handshake.hello !== null) continue
      oldest = handshake
      break
    }
    oldest?.channel.reader.fail(
      new ProxyError('TOO_MANY_CONNECTIONS', 'too many connections are logging in'),
    )
    oldest?.connection.destroy('pushed out by a newer handshake')
  }

  async #admit(handshake: Handshake): Promise<void> {
    const { channel } = handshake
    const opening = await this.#open(handshake)
    if (opening.kind === 'cancel') {
      this.#cancelKeys.find(opening.key)?.cancel(channel.remoteAddress)
      handshake.connection.end()
      return
    }
    handshake.hello = opening.hello
    if (this.#closing) throw new ProxyError('SHUTDOWN', 'countersign is shutting down')
    if (this.#options.allSessions() >= this.#options.maxConnections) {
      throw new ProxyError('TOO_MANY_CONNECTIONS', 'sorry, too many clients already')
    }
    const admitted = await this.#authenticate(channel, opening.hello)
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

  /** Says no more than "failed" until the password has been proved. */
  async #authenticate(channel: AgentChannel, hello: Hello): Promise<Admitted> {
    const { agents, clock } = this.#options
    const shown = channel.tls?.client ?? null
    const proof = await this.#prove(channel, hello.user, shown)
    const known = agents.find(hello.user)
    if (!known) throw loginFailed('it has no access')
    if (!known.mayComeFrom(channel.remoteAddress)) throw loginFailed('it may not come from there')
    if (known.expires !== null && known.expires <= clock.now()) throw loginFailed('it has expired')
    return { known, proof, shown }
  }

  /** Whoever lacks the certificate that they need is asked as somebody whom nobody knows. */
  async #prove(
    channel: AgentChannel,
    user: string,
    shown: ClientCertificate | null,
  ): Promise<LoginProof> {
    const { agents, protocol } = this.#options
    if (shown && agents.needsNoSecret(user, shown)) {
      protocol.admit(channel)
      return { kind: 'certificate' }
    }
    try {
      return await protocol.authenticate(channel, agents.verifier(user, shown))
    } catch (error) {
      const trouble = agents.certificateTrouble(user, shown)
      const failed = error instanceof ProxyError && error.code === 'LOGIN_FAILED'
      throw failed && trouble !== null ? loginFailed(trouble) : error
    }
  }

  async #openSession(
    handshake: Handshake,
    opening: Extract<Opening, { kind: 'session' }>,
    admitted: Admitted,
  ): Promise<void> {
    const { known } = admitted
    const { hello } = opening
    const database = hello.database || (this.#options.defaultDatabase(known.agent) ?? '')
    const behind = this.#options.behind(database)
    if (!behind || !known.agent.databases.includes(database)) {
      throw new ProxyError(
        'UNKNOWN_DATABASE',
        `database "${database}" does not exist or ${hello.user} has no access to it`,
      )
    }
    const principal = this.#principal(handshake.channel, { ...hello, database }, admitted, behind)
    const upstream = connectUpstream(behind.target)
    const stopTimer = this.#options.clock.after(this.#options.loginMs, () =>
      upstream.reader.fail(new ProxyError('UPSTREAM_UNAVAILABLE', 'the database does not answer')),
    )
    try {
      const welcome = await this.#options.protocol.login(upstream, behind.target.login, hello)
      this.#start(handshake, opening, { principal, admitted, behind, upstream, welcome })
    } catch (error) {
      upstream.connection.destroy('the session could not be opened')
      throw error
    } finally {
      stopTimer()
    }
  }

  #principal(
    channel: AgentChannel,
    hello: Hello,
    { known, proof, shown }: Admitted,
    behind: Behind,
  ): Principal {
    const own = readOwnSettings(hello.own)
    const certified = this.#options.agents.needsCertificate(known.agent.name)
    return {
      agent: known.agent,
      database: hello.database,
      environment: behind.environment,
      ...own,
      onBehalfOf: onBehalfOf(own.onBehalfOf, proof),
      provedBy: provedBy(proof, certified ? shown : null),
      applicationName: hello.settings.get('application_name') ?? '',
      address: channel.remoteAddress,
      tls: channel.tls?.description ?? null,
    }
  }

  #start(
    { connection, channel, connectionId }: Handshake,
    opening: Extract<Opening, { kind: 'session' }>,
    parts: {
      readonly principal: Principal
      readonly admitted: CameBy
      readonly behind: Behind
      readonly upstream: UpstreamChannel
      readonly welcome: UpstreamWelcome
    },
  ): void {
    const { principal, admitted, behind, upstream, welcome } = parts
    const { hello } = opening
    const { policy, scrub } = behind.services
    const { notices } = welcome
    const said = policy().guards ? notices.map((fields) => scrub(new Map(fields))) : notices
    if (connection.isClosed) throw new ProxyError('CANCELLED', 'the client has gone')
    const session = new Session({
      services: behind.services,
      principal,
      client: connection,
      upstream: upstream.connection,
      hello,
      welcome,
      kill: (id, onlyQuery) => this.#kill(principal, id, onlyQuery),
      heads: { client: channel.reader.rest(), upstream: upstream.reader.rest() },
      cancelUpstream: () => this.#cancelUpstream(behind.target, welcome.cancelKey),
      onClosed: () => {
        release()
        stopTimer()
        this.#sessions.delete(session)
        if (this.#sessions.size === 0) this.#onEmpty?.()
      },
    })
    const { key, release } = this.#cancelKeys.issue(
      session,
      opening.cancelKeyLength,
      connectionId ?? this.#cancelKeys.newId(),
    )
    this.#sessions.set(session, admitted)
    const stopTimer = this.#endWith(session, admitted.proof)
    this.#options.protocol.welcome(channel, { ...welcome, notices: said }, key)
    session.start()
  }

  /** A session that came in by a token ends with it. */
  #endWith(session: Session, proof: LoginProof): () => void {
    if (proof.kind !== 'token') return () => {}
    const { clock } = this.#options
    // A longer one is found to be over by the review.
    return clock.after(Math.min(proof.until - clock.now(), LONGEST_TIMER_MS), () => {
      if (proof.until <= clock.now()) session.kill(tokenIsOver())
    })
  }

  /** By the proxy's own id, or the database's, which a client can ask for in a statement. */
  #kill(killer: Principal, id: number, onlyQuery: boolean): boolean {
    const session =
      this.#cancelKeys.session(id) ??
      [...this.#sessions.keys()].find(({ backend }) => backend === id)
    if (!session) return false
    const { agent, database } = session.principal
    if (agent.name !== killer.agent.name || !this.#near(database, killer.database)) return false
    if (onlyQuery) session.cancel(killer.address)
    else session.kill(new ProxyError('CANCELLED', 'the connection was killed'))
    return true
  }

  /** Ids of one server mean nothing on another. */
  #near(one: string, other: string): boolean {
    const [a, b] = [one, other].map((name) => this.#options.behind(name)?.target)
    return a !== undefined && a.host === b?.host && a.port === b.port
  }

  async #cancelUpstream(target: UpstreamTarget, key: CancelKey): Promise<void> {
    const channel = connectUpstream(target)
    const stopTimer = this.#options.clock.after(CANCEL_MS, () =>
      channel.connection.destroy('the database did not take the cancel'),
    )
    try {
      await this.#options.protocol.cancel(channel, target.login, key)
    } catch {
      // A cancel has no answer; the statement goes on, as it may when the server is asked directly.
    } finally {
      stopTimer()
      channel.connection.destroy('the cancel is sent')
    }
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
    for (const [session, { proof, shown }] of this.#sessions) {
      const { agent, database } = session.principal
      const known = this.#options.agents.find(agent.name)
      const expired = known?.expires != null && known.expires <= this.#options.clock.now()
      const listed = known?.agent.databases.includes(database) && this.#options.behind(database)
      const near = known?.mayComeFrom(session.principal.address)
      const good = this.#options.agents.stillGood(agent.name, proof, shown)
      if (listed && near && good && !expired) continue
      session.kill(
        new ProxyError('SHUTDOWN', `${agent.name} has no access to ${database} any more`),
      )
    }
  }

  /** Ends every session as soon as it is quiet, or after `graceMs` whatever it does. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    for (const { connection } of this.#handshakes) connection.destroy('shutting down')
    for (const session of this.#sessions.keys()) session.drain()
    if (this.#sessions.size === 0) return
    await new Promise<void>((resolve) => {
      const stopTimer = this.#options.clock.after(graceMs, () => this.#killAll())
      this.#onEmpty = () => {
        stopTimer()
        resolve()
      }
    })
  }

  #killAll(): void {
    for (const session of this.#sessions.keys()) {
      session.kill(
        new ProxyError('SHUTDOWN', 'terminating connection: countersign is shutting down'),
      )
    }
  }
}

/** In words, for the record. */
function provedBy(proof: LoginProof, shown: ClientCertificate | null): string {
  const ways: string[] = []
  if (proof.kind === 'secret') ways.push('secret')
  if (proof.kind === 'token') ways.push(`token of ${proof.issuer}`)
  if (shown) ways.push('certificate')
  return ways.join(', ')
}

/** What the issuer says counts; a client that says otherwise has one of the two wrong. */
function onBehalfOf(said: string | null, proof: LoginProof): string | null {
  const sworn = proof.kind === 'token' ? proof.onBehalfOf : null
  if (sworn === null || said === null || sameName(said) === sameName(sworn)) return sworn ?? said
  throw new ProxyError(
    'STARTUP_REFUSED',
    'countersign.on_behalf_of names another person than the token does: leave it out',
  )
}

function tokenIsOver(): ProxyError {
  return new ProxyError(
    'SHUTDOWN',
    'terminating connection: the token that it was opened with is over; connect with a new one',
  )
}

/** The reason is for the record; whoever knocks hears of none. */
function loginFailed(why: string): ProxyError {
  const cause = new Error(why)
  return new ProxyError('LOGIN_FAILED', 'password authentication failed', { cause })
}
