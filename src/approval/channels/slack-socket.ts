import bolt from '@slack/bolt'
import type { CancelTimer, Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import { messageOf } from '../../lib/errors.ts'
import { quietLogger, type SlackAppOptions, slackApp, slashed } from './slack-app.ts'
import type { SlackApp, SlackTransport } from './slack-transport.ts'

type Receiver = InstanceType<typeof bolt.SocketModeReceiver>

/** Slack gives each payload to one of an app's connections; while one is renewed the other serves. */
const CONNECTIONS = 2
/** The socket client's own figure: how long a pong may take before the connection counts as lost. */
const PONG_MS = 1_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000
const CLOSE_MS = 1_000
/** For a Slack that takes the call for a connection and doesn't answer it. */
const OPEN_MS = 10_000

export interface SlackSocketOptions extends SlackAppOptions {
  readonly appToken: string
  readonly clock: Clock
  /** Called whenever a connection has come up. */
  readonly onUp: () => void
}

/**
 * The connections to Slack in Socket Mode. Reconnecting is done here and not by the socket client,
 * whose own attempts end in an unhandled rejection when they fail for good, and never come back.
 */
export class SlackSocket implements SlackTransport {
  readonly app: SlackApp
  readonly #connections: readonly Connection[]

  constructor(options: SlackSocketOptions) {
    const receivers = Array.from({ length: CONNECTIONS }, () => receiverOf(options))
    const [first, ...others] = receivers
    this.app = slackApp(first, options)
    for (const receiver of others) receiver.init(this.app)
    this.#connections = receivers.map((receiver) => new Connection(receiver, options))
  }

  get up(): number {
    return this.#connections.filter((connection) => connection.up).length
  }

  start(): void {
    for (const connection of this.#connections) connection.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.stop()))
  }
}

function receiverOf({ appToken, apiUrl, log }: SlackSocketOptions): Receiver {
  return new bolt.SocketModeReceiver({
    appToken,
    autoReconnectEnabled: false,
    clientPingTimeout: PONG_MS,
    logger: quietLogger(log),
    installerOptions: {
      clientOptions: {
        slackApiUrl: slashed(apiUrl),
        allowAbsoluteUrls: false,
        retryConfig: { retries: 0 },
        timeout: OPEN_MS,
      },
    },
  })
}

/** One connection, started again with growing pauses for as long as it is wanted. */
class Connection {
  readonly #receiver: Receiver
  readonly #options: SlackSocketOptions
  #cancelRetry: CancelTimer | null = null
  #retryMs = FIRST_RETRY_MS
  #stopped = false
  #starting: Promise<void> | null = null
  up = false

  constructor(receiver: Receiver, options: SlackSocketOptions) {
    this.#receiver = receiver
    this.#options = options
    receiver.client.on('connected', () => this.#onUp())
    receiver.client.on('disconnected', () => this.#onDown())
  }

  start(): void {
    if (this.#stopped || this.#starting !== null) return
    this.#starting = this.#receiver
      .start()
      .catch((error) => this.#options.log(`Slack can't be reached: ${messageOf(error)}`))
      .then(() => {
        this.#starting = null
        if (!this.up) this.#retry()
      })
  }

  /** Closes politely, for a moment: Slack takes a connection that is lost for one that comes back. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    const late = deferred<void>()
    const cancel = this.#options.clock.after(CLOSE_MS, late.resolve)
    await Promise.race([this.#close(), late.promise])
    cancel()
  }

  /** One that is closed while it comes up leaves a timer of the client's behind, for half a minute. */
  async #close(): Promise<void> {
    await this.#starting
    if (this.up) await this.#receiver.client.disconnect()
  }

  #onUp(): void {
    this.up = true
    if (this.#stopped) return
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
