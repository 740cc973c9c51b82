import type { Agent } from '../../identity/principal.ts'
import type { ClientCertificate } from '../../wire/handshake-channel.ts'
import type { AgentVerifier, LoginProof } from '../../wire/verifiers.ts'

/** An agent as the front door knows it. */
export interface KnownAgent {
  readonly agent: Agent
  /** True where the agent may come from this address. */
  mayComeFrom(address: string): boolean
  /** Milliseconds since the epoch, or null. */
  readonly expires: number | null
}

/** Who may come in. */
export interface Agents {
  find(name: string): KnownAgent | undefined
  /**
   * The verifier of an agent; for a name without one, and for one that hasn't shown the certificate
   * that it needs, a mock that answers every password with the
   * same refusal after the same work, and the same salt every time.
   */
  verifier(name: string, shown: ClientCertificate | null): AgentVerifier
  /** True where the certificate is all that the agent has to prove, and this is it. */
  needsNoSecret(name: string, shown: ClientCertificate): boolean
  needsCertificate(name: string): boolean
  /** What is wrong with the certificate that an agent has shown, for the record; null: nothing. */
  certificateTrouble(name: string, shown: ClientCertificate | null): string | null
  /**
   * False where what an agent came in by is known to be good no more: its secret was taken away or
   * its time is over. Where that can't be known now, sessions stay.
   */
  stillGood(name: string, proof: LoginProof, shown: ClientCertificate | null): boolean
}
