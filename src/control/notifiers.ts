import type { Post } from '../approval/channels/outbox.ts'
import { TeamsNotice } from '../approval/channels/teams-notice.ts'
import { Webhooks } from '../approval/channels/webhooks.ts'
import type { ApprovalDesk } from '../approval/desk.ts'
import type { Regulations } from '../approval/regulations.ts'
import type { Config } from '../config/config.ts'
import type { Clock } from '../lib/clock.ts'

export interface NotifiersOptions {
  readonly desk: ApprovalDesk
  readonly clock: Clock
  readonly newId: () => string
  readonly urlOf: (id: string) => string
  readonly regulations: () => Regulations
  readonly log: (text: string) => void
  readonly post?: Post
}

type Settings = Pick<Config, 'webhooks' | 'teamsWorkflow'>

/** Whom the configuration wants to be told, and who decides nothing: webhooks and a Teams channel. */
export class Notifiers {
  readonly #options: NotifiersOptions
  #settings = ''
  #webhooks: Webhooks | null = null
  #teams: TeamsNotice | null = null

  constructor(options: NotifiersOptions) {
    this.#options = options
    options.desk.subscribe((event) => {
      this.#webhooks?.tell(event)
      this.#teams?.tell(event)
    })
    options.desk.subscribeGrants((event) => this.#webhooks?.tellGrant(event))
  }

  /** Begins anew where the configuration says something else than before. */
  configure({ webhooks, teamsWorkflow }: Settings): void {
    const settings = JSON.stringify([webhooks, teamsWorkflow])
    if (settings === this.#settings) return
    this.stop()
    this.#settings = settings
    const common = { ...this.#options, post: this.#options.post ?? fetch }
    this.#webhooks = new Webhooks({ ...common, endpoints: webhooks })
    this.#teams = teamsWorkflow === null ? null : new TeamsNotice({ ...common, url: teamsWorkflow })
  }

  /** For /metrics: endpoints are numbered, for their addresses can hold secrets. */
  get metrics(): ReadonlyMap<string, number> {
    const outboxes = [
      ...(this.#webhooks?.endpoints ?? []).map((box, at) => [`webhook ${at + 1}`, box] as const),
      ...(this.#teams ? [['teams', this.#teams.outbox] as const] : []),
    ]
    return new Map(
      outboxes.flatMap(([to, { counts, queued }]) => [
        ...Object.entries(counts).map(
          ([outcome, count]) =>
            [`notifications_total{to="${to}",outcome="${outcome}"}`, count] as const,
        ),
        [`notifications_queued{to="${to}"}`, queued] as const,
      ]),
    )
  }

  stop(): void {
    this.#webhooks?.stop()
    this.#teams?.stop()
  }
}
