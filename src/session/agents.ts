import type { Agent } from '../identity/principal.ts'
import type { AgentVerifier, LoginProof } from '../wire/protocol.ts'

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
   * The verifier of an agent; for a name without one, a mock that answers every password with the
   * same refusal after the same work, and the same salt every time.
   */
  verifier(name: string): AgentVerifier
  /**
   * False where what an agent came in by is known to be good no more: its secret was taken away or
   * its time is over. Where that can't be known now, sessions stay.
   */
  stillGood(name: string, proof: LoginProof): boolean
}
