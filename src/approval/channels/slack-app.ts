import bolt from '@slack/bolt'
import { messageOf } from '../../lib/errors.ts'
import type { SlackApp } from './slack-transport.ts'

type Receiver = NonNullable<ConstructorParameters<typeof bolt.App>[0]>['receiver']
type Logger = InstanceType<typeof bolt.SocketModeReceiver>['client']['logger']
export type SlackClient = InstanceType<typeof bolt.webApi.WebClient>

/** A Slack that takes a call and doesn't answer it keeps nothing else back for longer. */
const CALL_MS = 10_000

export interface SlackAppOptions {
  readonly botToken: string
  /** The Web API's address. */
  readonly apiUrl: string
  readonly log: (text: string) => void
}

/** Calls to Slack in the app's name. */
export function slackClient(options: SlackAppOptions): SlackClient {
  return new bolt.webApi.WebClient(options.botToken, {
    slackApiUrl: slashed(options.apiUrl),
    allowAbsoluteUrls: false,
    retryConfig: { retries: 2, minTimeout: 100, maxTimeout: 1_000 },
    timeout: CALL_MS,
    logger: quietLogger(options.log),
  })
}

/** What hears of clicks. It asks Slack nothing: neither to be made nor to acknowledge one. */
export function slackApp(receiver: Receiver, { botToken, apiUrl, log }: SlackAppOptions): SlackApp {
  const app = new bolt.App({
    // Verified eagerly, a Slack that is down would be an unhandled rejection; and verified at the
    // first click, a slow one would let its three seconds pass.
    authorize: async () => ({ botToken }),
    clientOptions: { slackApiUrl: slashed(apiUrl), allowAbsoluteUrls: false },
    logger: quietLogger(log),
    ...(receiver ? { receiver } : {}),
  })
  app.error(async (error) => log(`Slack: ${messageOf(error)}`))
  return app
}

/** The Web API's methods are resolved against it, so it has to end in a slash. */
export function slashed(apiUrl: string): string {
  return apiUrl.replace(/\/*$/, '/')
}

/** Bolt's own words at the level of errors; below that they hold whole payloads. */
export function quietLogger(log: (text: string) => void): Logger {
  const error = (...parts: unknown[]): void => log(`Slack: ${parts.map(messageOf).join(' ')}`)
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
