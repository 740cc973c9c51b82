import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { ChatLinking } from '../chat-linking.ts'
import type { ApprovalDesk } from '../desk.ts'
import type { DeskEvent } from '../desk-events.ts'
import type { Regulations } from '../regulations.ts'
import type { ApprovalStore } from '../store.ts'
import { ChatCounts } from './chat-counts.ts'
import { ChatPoster } from './chat-poster.ts'
import type { ChatText } from './chat-view.ts'
import { RecentKeys } from './recent-keys.ts'
import { sentence, TeamsAnswers } from './teams-answers.ts'
import { type CardAnswer, openTeamsApp, type TeamsCloud } from './teams-app.ts'
import { TeamsBoard } from './teams-board.ts'
import { clickOf } from './teams-click.ts'
import { type TeamsAnswer, TeamsInlet, type TeamsRequest } from './teams-inlet.ts'
import { TeamsLinking } from './teams-linking.ts'
import { TeamsMembers } from './teams-members.ts'
import { TeamsRoster } from './teams-roster.ts'

/** What of the configuration is for the bot in Teams. */
export interface TeamsSettings {
  readonly appId: string
  readonly appSecret: string
  /** The organisation's id in Entra; clicks from any other are refused. */
  readonly tenant: string
  /** The channel or chat where requests are posted; clicks from any other are refused. */
  readonly conversation: string
  readonly text: ChatText
  /** Left out for Microsoft's public cloud. */
  readonly cloud?: TeamsCloud
}

export interface TeamsChannelOptions {
  readonly settings: TeamsSettings
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly directory: () => Directory
  readonly regulations: () => Regulations
  /** How people say which account is theirs; where it isn't given nobody can. */
  readonly linking?: ChatLinking
  /** Where a request is to be read. */
  readonly urlOf: (id: string) => string
  readonly clock: Clock
  /** 0 to 1. */
  readonly chance: () => number
  readonly log: (text: string) => void
}

interface Parts {
  readonly inlet: TeamsInlet
  readonly poster: ChatPoster
}

/**
 * Requests in a Teams channel, with buttons to answer them. The Bot Connector says which account
 * clicked; who that is, and whether they may, is found here at the moment of the click. Teams being
 * away concerns nobody else: other channels go on, and what is pending is posted when it returns.
 */
export class TeamsChannel {
  readonly #options: TeamsChannelOptions
  readonly #opened: Promise<Parts | null>
  readonly #counts = new ChatCounts()
  readonly #unsubscribe: () => void
  /** The connector may deliver an invoke again; so may whoever has overheard one. */
  readonly #seen = new RecentKeys(2_000)
  #answers: TeamsAnswers | null = null
  /** What happens while the SDK is being loaded. */
  #early: DeskEvent[] | null = []
  #poster: ChatPoster | null = null

  /** Begins at once, and waits for nobody. */
  constructor(options: TeamsChannelOptions) {
    this.#options = options
    this.#unsubscribe = options.desk.subscribe((event) => this.#hear(event))
    this.#opened = this.#open().catch((error) => {
      options.log(`Teams: ${messageOf(error)}`)
      return null
    })
  }

  /** A request that came to the bot's address. */
  async receive(request: TeamsRequest): Promise<TeamsAnswer> {
    const parts = await this.#opened
    return parts ? parts.inlet.receive(request) : { status: 503, body: { error: 'not there' } }
  }

  get metrics(): ReadonlyMap<string, number> {
    const queued = this.#poster?.queued ?? 0
    return this.#counts.metricsOf('teams', { up: this.#poster?.up === true, queued })
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    const parts = await this.#opened
    await parts?.poster.stop()
  }

  #hear(event: DeskEvent): void {
    if (this.#poster) this.#poster.update(event)
    else this.#early?.push(event)
  }

  async #open(): Promise<Parts> {
    const { settings, urlOf, log, clock, desk, directory, linking: given } = this.#options
    const { text, tenant } = settings
    const view = {
      ...{ text, urlOf, shortened: new Set<string>(), linking: given !== undefined },
      regulations: this.#options.regulations(),
      ruleFor: desk.ruleFor.bind(desk),
    }
    const onCardAction = this.#onCardAction.bind(this)
    const app = await openTeamsApp({ ...settings, clock, log, onCardAction })
    const roster = new TeamsRoster({ app, clock, log })
    const counts = this.#counts
    const members = new TeamsMembers({ app, tenant, directory, links: given?.links, clock, log })
    const linking = given ? new TeamsLinking({ linking: given, members }) : null
    const common = { ...this.#options, ...settings, members, linking, roster, view }
    const board = new TeamsBoard({ ...common, app })
    const poster = new ChatPoster({
      ...{ ...this.#options, board, view, counts },
      log: (said) => log(`Teams: ${said}`),
    })
    this.#answers = new TeamsAnswers({ ...common, poster, counts })
    poster.start()
    this.#poster = poster
    for (const event of this.#early ?? []) poster.update(event)
    this.#early = null
    return { inlet: new TeamsInlet({ app, clock, counts, log }), poster }
  }

  /** Drops what was delivered before, and lets nothing escape into the library. */
  async #onCardAction(activity: unknown): Promise<CardAnswer> {
    const click = clickOf(activity)
    if (!click || !this.#answers) return sentence('That button is not known here.')
    if (click.key === null || !this.#seen.add(click.key)) {
      this.#counts.unheard('replayed')
      return sentence('That click has come before; it counts once.')
    }
    try {
      return await this.#answers.answer(click)
    } catch (error) {
      this.#options.log(`Teams: ${messageOf(error)}`)
      return sentence('That could not be done now; nothing was decided. Try again.')
    }
  }
}
