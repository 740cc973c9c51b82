import { sameName } from '../../identity/directory.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Clock } from '../../lib/clock.ts'
import { ProxyError } from '../../lib/errors.ts'
import type { AgentChannel } from '../../net/channels.ts'
import type { Hello } from '../../wire/handshake.ts'
import type { ClientCertificate } from '../../wire/handshake-channel.ts'
import type { WireProtocol } from '../../wire/protocol.ts'
import type { AnyRequest } from '../../wire/requests.ts'
import type { LoginProof } from '../../wire/verifiers.ts'
import type { Agents, KnownAgent } from './agents.ts'
import type { Behind } from './behind.ts'
import { readOwnSettings } from './own-settings.ts'

/** What a session stands on, as long as it goes on. */
export interface CameBy {
  readonly proof: LoginProof
  readonly shown: ClientCertificate | null
}

/** Who came in, and by what. */
export interface Admitted extends CameBy {
  readonly known: KnownAgent
}

export interface AdmissionOptions {
  readonly protocol: WireProtocol<AnyRequest>
  readonly clock: Clock
  readonly agents: Agents
}

/** Proves who agents are. */
export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Says no more than "failed" until the password has been proved. */
  async authenticate(channel: AgentChannel, hello: Hello): Promise<Admitted> {
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

  /** Whom the session acts for, with what it said of itself as it came. */
  principal(
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

/** The reason is for the record; whoever knocks hears of none. */
function loginFailed(why: string): ProxyError {
  const cause = new Error(why)
  return new ProxyError('LOGIN_FAILED', 'password authentication failed', { cause })
}
