import type bolt from '@slack/bolt'

export type SlackApp = InstanceType<typeof bolt.App>

/** How what people do in Slack comes here. */
export interface SlackTransport {
  readonly app: SlackApp
  /** Connections that are up; null where Slack comes to us. */
  readonly up: number | null
  start(): void
  stop(): Promise<void>
}
