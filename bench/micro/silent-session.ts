import type { Principal } from '../../src/identity/principal.ts'
import type { Connection, ConnectionListener } from '../../src/net/connection.ts'
import type { Services } from '../../src/session/services.ts'
import { Session } from '../../src/session/session.ts'
import type { Hello, MysqlWelcome } from '../../src/wire/handshake.ts'

const NOTHING = Buffer.alloc(0)

interface MysqlEnds {
  readonly agreement: NonNullable<Hello['agreement']>
  readonly mysql: MysqlWelcome
}

/** A connection that takes everything at once and gives what it is told to. */
class Line {
  readonly remoteAddress = '127.0.0.1'
  readonly tls = null
  readonly isClosed = false
  written = 0
  listener: ConnectionListener | null = null
  onWritten: (() => void) | null = null

  listen(listener: ConnectionListener): void {
    this.listener = listener
  }

  resume(): void {}
  pause(): void {}
  end(): void {}

  write(bytes: Buffer): boolean {
    this.written += bytes.length
    this.onWritten?.()
    return true
  }
}

/** A whole session between two ends that cost nothing. */
export class SilentSession {
  readonly #client = new Line()
  readonly #server = new Line()

  /** `ends`: what the two ends of a MySQL session have agreed on. */
  constructor(services: Services, principal: Principal, ends?: MysqlEnds) {
    const session = new Session({
      services,
      principal,
      client: this.#client as unknown as Connection,
      upstream: this.#server as unknown as Connection,
      hello: {
        user: 'bot',
        database: 'shop',
        settings: new Map(),
        own: new Map(),
        ...(ends && { agreement: ends.agreement }),
      },
      welcome: {
        notices: [],
        settings: new Map(),
        cancelKey: { processId: 0, secret: NOTHING },
        ...(ends && { mysql: ends.mysql }),
      },
      kill: () => false,
      heads: { client: NOTHING, upstream: NOTHING },
      cancelUpstream: async () => {},
      onClosed: () => {},
    })
    session.start()
  }

  /** Gives what a client asks and what the database answers; both have to pass at once. */
  exchange(asked: Buffer, answered: Buffer): void {
    const { written } = this.#server
    this.#client.listener?.bytes(asked)
    if (this.#server.written === written) throw new Error('the question did not pass')
    const before = this.#client.written
    this.#server.listener?.bytes(answered)
    if (this.#client.written - before !== answered.length) throw new Error('another answer')
  }

  /** Settles when what a client asks has passed, or has been answered by the proxy itself. */
  ask(asked: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#client.onWritten = resolve
      this.#server.onWritten = resolve
      this.#client.listener?.bytes(asked)
    })
  }
}
