import { ProxyError } from '../../lib/errors.ts'
import type { AgentChannel } from '../../net/channels.ts'
import type { Connection } from '../../net/connection.ts'
import type { Hello } from '../../wire/handshake.ts'

/** Handshakes beyond this push out the oldest, so that a flood of silent ones can't close the door. */
const MAX_HANDSHAKES = 1_000

/** Somebody at the door. */
export interface Handshake {
  readonly connection: Connection
  readonly channel: AgentChannel
  /** By which the client will know its session: null where it is told later. */
  readonly connectionId: number | null
  /** Who it said it is, once it said so. */
  hello: Hello | null
}

/** Those who are at the door and not let in yet. */
export class Handshakes {
  readonly #all = new Set<Handshake>()

  add(handshake: Handshake): void {
    this.#all.add(handshake)
    if (this.#all.size > MAX_HANDSHAKES) this.#pushOutOldest()
  }

  delete(handshake: Handshake): void {
    this.#all.delete(handshake)
  }

  /** Those who have said who they are stay longest: a flood is as fast as it likes to be. */
  #pushOutOldest(): void {
    let oldest: Handshake | undefined
    for (const handshake of this.#all) {
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

  destroyAll(reason: string): void {
    for (const { connection } of this.#all) connection.destroy(reason)
  }
}
