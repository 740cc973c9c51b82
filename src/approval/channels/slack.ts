import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { ChatLinking } from '../chat-linking.ts'
import { denyReason } from '../deny-reasons.ts'
import type { ApprovalDesk } from '../desk.ts'
import type { Regulations } from '../regulations.ts'
import type { ApprovalStore } from '../store.ts'
import { ChatCounts } from './chat-counts.ts'
import { ChatPoster } from './chat-poster.ts'
import type { ChatText } from './chat-view.ts'
import { RecentKeys } from './recent-keys.ts'
import { SlackAnswers } from './slack-answers.ts'
import { slackClient } from './slack-app.ts'
import { SlackBoard } from './slack-board.ts'
import { type Click, clickOf, FormValues } from './slack-click.ts'
import { SlackHttp, type SlackHttpAnswer, type SlackHttpRequest } from './slack-http.ts'
import { NOT_NOW, SlackLinking } from './slack-linking.ts'
import { SlackMembers } from './slack-members.ts'
import { SlackSocket } from './slack-socket.ts'
import type { SlackTransport } from './slack-transport.ts'
import { ACTIONS } from './slack-value.ts'
import { readDenial, readTerms } from './slack-views.ts'

/** What of the configuration is for Slack. */
export interface SlackSettings {
  /** How clicks come here: over connections that we open, or by requests that Slack signs. */
  readonly connect:
    | { readonly by: 'socket'; readonly appToken: string }
    | { readonly by: 'http'; readonly signingSecret: string }
  readonly botToken: string
  readonly channel: string
  readonly apiUrl: string
  /** The workspace's id; clicks from any other are refused. Null: not checked. */
  readonly team: string | null
  /** Whether full members of `team` are known by their e-mail address where nobody lists their id. */
  readonly emailMatch: boolean
  readonly text: ChatText
}

export interface SlackChannelOptions {
  readonly settings: SlackSettings
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly directory: () => Directory
  readonly regulations: () => Regulations
  /** How people say which account is theirs; where it isn't given nobody can. */
  readonly linking?: ChatLinking
  /** Where a request is to be read. */
  readonly urlOf: (id: string) => string
  readonly clock: Clock
  readonly log: (text: string) => void
}

/**
 * Requests in a Slack channel, with buttons to answer them. Slack says which member clicked; who
 * that is, and whether they may, is found here at the moment of the click. Slack being away
 * concerns nobody else: other channels go on, and what is pending is posted when it returns.
 */
export class SlackChannel {
  readonly #options: SlackChannelOptions
  readonly #transport: SlackTransport
  readonly #http: SlackHttp | null
  readonly #poster: ChatPoster
  readonly #answers: SlackAnswers
  readonly #linking: SlackLinking | null
  /** Slack delivers a payload again where it heard no acknowledgement. */
  readonly #seen = new RecentKeys(2_000)
  readonly #counts = new ChatCounts()
  readonly #unsubscribe: () => void

  constructor(options: SlackChannelOptions) {
    this.#options = options
    const { settings, desk, store, directory, urlOf, clock, log } = options
    const { channel, team, emailMatch, text, connect } = settings
    const view = {
      ...{ text, urlOf, shortened: new Set<string>(), regulations: options.regulations() },
      ruleFor: desk.ruleFor.bind(desk),
    }
    const client = slackClient({ ...settings, log })
    const counts = this.#counts
    this.#http =
      connect.by === 'http' ? new SlackHttp({ ...settings, ...connect, counts, clock, log }) : null
    this.#transport = this.#http ?? this.#socket()
    const board = new SlackBoard({ client, channel, view, log })
    this.#poster = new ChatPoster({
      ...{ board, view, desk, store, clock, counts, chance: () => 1 },
      log: (said) => log(`Slack: ${said}`),
    })
    const { links } = options.linking ?? {}
    const members = new SlackMembers({ client, directory, team, emailMatch, links, clock, log })
    this.#linking =
      options.linking && team !== null
        ? new SlackLinking({ linking: options.linking, members, client, log })
        : null
    const [poster, linking] = [this.#poster, this.#linking]
    this.#answers = new SlackAnswers({
      ...{ desk, directory, members, linking, poster, client, view, counts, log },
    })
    this.#unsubscribe = desk.subscribe((event) => this.#poster.update(event))
    this.#listen()
  }

  #socket(): SlackSocket {
    const { settings, clock, log } = this.#options
    const appToken = settings.connect.by === 'socket' ? settings.connect.appToken : ''
    const onUp = () => this.#poster.again()
    return new SlackSocket({ ...settings, appToken, clock, log, onUp })
  }

  /** Connections to Slack that are up; null where Slack comes to us. */
  get connections(): number | null {
    return this.#transport.up
  }

  get metrics(): ReadonlyMap<string, number> {
    const { up, queued } = this.#poster
    const connected = this.#transport.up !== 0
    return this.#counts.metricsOf('slack', { up: up && connected, queued })
  }

  start(): void {
    this.#transport.start()
    this.#poster.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#poster.stop()
    await this.#transport.stop()
  }

  /** A request that came over HTTP; null where Slack is spoken to over a connection. */
  async receive(request: SlackHttpRequest): Promise<SlackHttpAnswer | null> {
    return this.#http ? this.#http.receive(request) : null
  }

  #listen(): void {
    this.#on(ACTIONS.approve, (click) => this.#answers.approve(click))
    this.#on(ACTIONS.deny, (click) => this.#answers.askWhy(click))
    this.#on(ACTIONS.grant, (click) => this.#answers.askTerms(click))
    this.#on(ACTIONS.clear, (click) => this.#answers.askClasses(click))
    this.#on(ACTIONS.next, (click) => this.#answers.showNext(click))
    // A button that only leads somewhere; Slack tells of it and wants it acknowledged.
    this.#on(ACTIONS.open, async () => {})
    const linking = this.#linking
    if (linking) {
      this.#on(ACTIONS.link, (click) => linking.ask(click))
      linking.listen(this.#transport.app, this.#answers.whisper.bind(this.#answers))
    }
    this.#onForm(ACTIONS.deny, {
      wrong: (values) => {
        const { chosen, written } = readDenial(values)
        return denyReason(chosen, written) === ''
          ? { written: 'Say why; the agent is told.' }
          : null
      },
      take: (click, values) => this.#answers.deny(click, values),
    })
    this.#onForm(ACTIONS.grant, {
      wrong: (values) => {
        const terms = readTerms(values)
        return terms.ok ? null : terms.errors
      },
      take: (click, values) => this.#answers.grant(click, values),
    })
    this.#onForm(ACTIONS.clear, {
      wrong: (values) =>
        values.many('classes').length > 0 ? null : { classes: 'Choose what to show.' },
      take: (click, values) => this.#answers.clear(click, values),
    })
  }

  #on(action: string, act: (click: Click) => Promise<void>): void {
    const { app } = this.#transport
    app.action({ type: 'block_actions', action_id: action }, async ({ ack, body }) => {
      await ack()
      await this.#guarded(body, act)
    })
  }

  #onForm(
    callback: string,
    form: {
      readonly wrong: (values: FormValues) => Readonly<Record<string, unknown>> | null
      readonly take: (click: Click, values: FormValues) => Promise<void>
    },
  ): void {
    this.#transport.app.view(callback, async ({ ack, body, view }) => {
      const values = new FormValues(view)
      const wrong = form.wrong(values)
      if (wrong) {
        await ack({ response_action: 'errors', errors: wrong as Record<string, string> })
        return
      }
      await ack()
      await this.#guarded({ ...body, view }, (click) => form.take(click, values))
    })
  }

  /** Reads a payload, drops what was delivered before, and lets nothing escape into the library. */
  async #guarded(body: unknown, act: (click: Click) => Promise<void>): Promise<void> {
    const click = clickOf(body)
    if (!click) return
    if (click.trigger !== null && !this.#seen.add(click.trigger)) return
    try {
      await act(click)
    } catch (error) {
      this.#options.log(`Slack: ${messageOf(error)}`)
      await this.#answers.whisper(click, NOT_NOW)
    }
  }
}
