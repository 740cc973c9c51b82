import bolt from '@slack/bolt'
import type { CancelTimer, Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import { messageOf } from '../../lib/errors.ts'

type App = InstanceType<typeof bolt.App>
type Receiver = InstanceType<typeof bolt.SocketModeReceiver>

/** Slack gives each payload to one of an app's connections; while one is renewed the other serves. */
const CONNECTIONS = 2
/** The socket client's own figure: how long a pong may take before the connection counts as lost. */
const PONG_MS = 1_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000
const CLOSE_MS = 1_000

export interface SlackLinkOptions {
  readonly appToken: string
  readonly botToken: string
  /** The Web API's address. */
  readonly apiUrl: string
  readonly clock: Clock
  readonly log: (text: string) => void
  /** Called whenever a connection has come up. */
  readonly onUp: () => void
}

/**
 * The connections to Slack in Socket Mode. Reconnecting is done here and not by the socket client,
 * whose own attempts end in an unhandled rejection when they fail for good, and never come back.
 */
export class SlackLink {
  readonly app: App
  readonly #options: SlackLinkOptions
  readonly #connections: readonly Connection[]

  constructor(options: SlackLinkOptions) {
    // The Web API's methods are resolved against it, so it has to end in a slash.
    const apiUrl = options.apiUrl.replace(/\/*$/, '/')
    this.#options = { ...options, apiUrl }
    const receivers = Array.from({ length: CONNECTIONS }, () => this.#receiver())
    this.app = this.#app(receivers)
    this.#connections = receivers.map((receiver) => new Connection(receiver, options))
  }

  /** Connections that are up. */
  get up(): number {
    return this.#connections.filter((connection) => connection.up).length
  }

  start(): void {
    for (const connection of this.#connections) connection.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.stop()))
  }

  #app(receivers: readonly Receiver[]): App {
    const [first, ...others] = receivers
    const app = new bolt.App({
      token: this.#options.botToken,
      // Verified eagerly, a Slack that is down would be an unhandled rejection.
      tokenVerificationEnabled: false,
      clientOptions: {
        slackApiUrl: this.#options.apiUrl,
        allowAbsoluteUrls: false,
        retryConfig: { retries: 2, minTimeout: 100, maxTimeout: 1_000 },
      },
      logger: this.#logger(),
      ...(first ? { receiver: first } : {}),
    })
    for (const receiver of others) receiver.init(app)
    app.error(async (error) => this.#options.log(`Slack: ${messageOf(error)}`))
    return app
  }

  #receiver(): Receiver {
    return new bolt.SocketModeReceiver({
      appToken: this.#options.appToken,
      autoReconnectEnabled: false,
      clientPingTimeout: PONG_MS,
      logger: this.#logger(),
      installerOptions: {
        clientOptions: {
          slackApiUrl: this.#options.apiUrl,
          allowAbsoluteUrls: false,
          retryConfig: { retries: 0 },
        },
      },
    })
  }

  /** Bolt's own words at the level of errors; below that they hold whole payloads. */
  #logger(): InstanceType<typeof bolt.SocketModeReceiver>['client']['logger'] {
    const error = (...parts: unknown[]): void => {
      this.#options.log(`Slack: ${parts.map(messageOf).join(' ')}`)
    }
    const silent = (): void => {}
    return {
      debug: silent,
      info: silent,
      warn: silent,
      error,
      setLevel: silent,
      getLevel: () => bolt.LogLevel.ERROR,
      setName: silent,
    } as never
  }
}

/** One connection, started again with growing pauses for as long as it is wanted. */
class Connection {
  readonly #receiver: Receiver
  readonly #options: SlackLinkOptions
  #cancelRetry: CancelTimer | null = null
  #retryMs = FIRST_RETRY_MS
  #stopped = false
  #starting = false
  up = false

  constructor(receiver: Receiver, options: SlackLinkOptions) {
    this.#receiver = receiver
    this.#options = options
    receiver.client.on('connected', () => this.#onUp())
    receiver.client.on('disconnected', () => this.#onDown())
  }

  start(): void {
    if (this.#stopped || this.#starting) return
    this.#starting = true
    this.#receiver
      .start()
      .catch((error) => this.#options.log(`Slack can't be reached: ${messageOf(error)}`))
      .finally(() => {
        this.#starting = false
        if (!this.up) this.#retry()
      })
  }

  /** Closes politely, for a moment: Slack takes a connection that is lost for one that comes back. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    const late = deferred<void>()
    const cancel = this.#options.clock.after(CLOSE_MS, late.resolve)
    await Promise.race([this.#receiver.client.disconnect(), late.promise])
    cancel()
  }

  #onUp(): void {
    this.up = true
    this.#retryMs = FIRST_RETRY_MS
    this.#options.onUp()
  }

  #onDown(): void {
    const wasUp = this.up
    this.up = false
    // Slack renews connections all the time: the next one is asked for at once.
    if (wasUp) this.start()
  }

  #retry(): void {
    if (this.#stopped || this.#cancelRetry) return
    this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => {
      this.#cancelRetry = null
      this.start()
    })
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
  }
}
