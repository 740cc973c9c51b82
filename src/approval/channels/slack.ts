import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { DecideResult } from '../decide-result.ts'
import { denyReason } from '../deny-reasons.ts'
import type { Answer, ApprovalDesk } from '../desk.ts'
import type { Regulations } from '../regulations.ts'
import type { ApprovalRequest } from '../request.ts'
import type { ApprovalStore } from '../store.ts'
import type { ChatText } from './chat-card.ts'
import { RecentKeys } from './recent-keys.ts'
import { type SlackClient, slackClient } from './slack-app.ts'
import { isApprovable, type SlackView } from './slack-blocks.ts'
import { isGrantable } from './slack-buttons.ts'
import { type Click, clickOf, FormValues } from './slack-click.ts'
import { SlackHttp, type SlackHttpAnswer, type SlackHttpRequest } from './slack-http.ts'
import { SlackMembers } from './slack-members.ts'
import { SlackPoster } from './slack-poster.ts'
import { SlackSocket } from './slack-socket.ts'
import { told } from './slack-told.ts'
import type { SlackTransport } from './slack-transport.ts'
import { ACTIONS } from './slack-value.ts'
import { clearView, denyView, grantView, readDenial, readTerms } from './slack-views.ts'

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
  /** Where a request is to be read. */
  readonly urlOf: (id: string) => string
  readonly clock: Clock
  readonly log: (text: string) => void
}

type Decision = Pick<Answer, 'decision' | 'reason' | 'clears' | 'grant'>

/**
 * Requests in a Slack channel, with buttons to answer them. Slack says which member clicked; who
 * that is, and whether they may, is found here at the moment of the click. Slack being away
 * concerns nobody else: other channels go on, and what is pending is posted when it returns.
 */
export class SlackChannel {
  readonly #options: SlackChannelOptions
  readonly #view: SlackView
  readonly #client: SlackClient
  readonly #transport: SlackTransport
  readonly #http: SlackHttp | null
  readonly #poster: SlackPoster
  readonly #members: SlackMembers
  /** Slack delivers a payload again where it heard no acknowledgement. */
  readonly #seen = new RecentKeys(2_000)
  readonly #unsubscribe: () => void

  constructor(options: SlackChannelOptions) {
    this.#options = options
    const { settings, desk, store, directory, urlOf, clock, log } = options
    const { channel, team, emailMatch, text, connect } = settings
    this.#view = { text, regulations: options.regulations(), urlOf }
    this.#client = slackClient({ ...settings, log })
    const client = this.#client
    this.#http =
      connect.by === 'http' ? new SlackHttp({ ...settings, ...connect, clock, log }) : null
    this.#transport = this.#http ?? this.#socket()
    const view = this.#view
    this.#poster = new SlackPoster({ client, channel, view, desk, store, clock, log })
    this.#members = new SlackMembers({ client, directory, team, emailMatch, clock, log })
    this.#unsubscribe = desk.subscribe(({ request }) => this.#poster.update(request))
    this.#listen()
  }

  #socket(): SlackSocket {
    const { settings, clock, log } = this.#options
    const appToken = settings.connect.by === 'socket' ? settings.connect.appToken : ''
    const onUp = () => this.#poster.start()
    return new SlackSocket({ ...settings, appToken, clock, log, onUp })
  }

  /** Connections to Slack that are up; null where Slack comes to us. */
  get connections(): number | null {
    return this.#transport.up
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
    this.#on(ACTIONS.approve, (click) => this.#approve(click))
    this.#on(ACTIONS.deny, (click) => this.#askWhy(click))
    this.#on(ACTIONS.grant, (click) => this.#askTerms(click))
    this.#on(ACTIONS.clear, (click) => this.#askClasses(click))
    this.#on(ACTIONS.next, (click) => this.#showNext(click))
    // A button that only leads somewhere; Slack tells of it and wants it acknowledged.
    this.#on(ACTIONS.open, async () => {})
    this.#onForm(ACTIONS.deny, {
      wrong: (values) => {
        const { chosen, written } = readDenial(values)
        return denyReason(chosen, written) === ''
          ? { written: 'Say why; the agent is told.' }
          : null
      },
      take: (click, values) => this.#deny(click, values),
    })
    this.#onForm(ACTIONS.grant, {
      wrong: (values) => {
        const terms = readTerms(values)
        return 'maxRows' in terms ? null : terms
      },
      take: (click, values) => this.#grant(click, values),
    })
    this.#onForm(ACTIONS.clear, {
      wrong: (values) =>
        values.many('classes').length > 0 ? null : { classes: 'Choose what to show.' },
      take: (click, values) => this.#clear(click, values),
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
      await this.#whisper(click, 'That could not be done now; nothing was decided. Try again.')
    }
  }

  async #approve(click: Click): Promise<void> {
    const person = await this.#personBehind(click)
    if (person === null || !(await this.#canBeSigned(click))) return
    await this.#decide(click, person, { decision: 'approve', reason: '' })
  }

  async #askTerms(click: Click): Promise<void> {
    const request = await this.#forForm(click, 'approve')
    if (!request || !(await this.#canBeSigned(click))) return
    if (isGrantable(request.request))
      await this.#open(click, grantView(request.request, click.place))
    else await this.#whisper(click, 'This can be approved for one execution only.')
  }

  async #askClasses(click: Click): Promise<void> {
    const found = await this.#forForm(click, 'approve')
    if (!found || !(await this.#canBeSigned(click))) return
    const { request, person } = found
    const directory = this.#options.directory()
    const known = directory.person(person)
    const mine = request.clearable.filter((one) => known && directory.clears(known, one))
    if (mine.length > 0) await this.#open(click, clearView(request, click.place, mine))
    else await this.#whisper(click, `No group of yours clears ${request.clearable.join(', ')}.`)
  }

  /** Somebody who may not answer is told so before they write a reason. */
  async #askWhy(click: Click): Promise<void> {
    const found = await this.#forForm(click, 'deny')
    if (!found) return
    const { request } = found
    const hidden = click.ticket.sha === null
    const others = this.#poster.waitingWith(request.id).length
    await this.#open(click, denyView(request, { hidden, place: click.place, others }))
  }

  async #showNext(click: Click): Promise<void> {
    if ((await this.#personBehind(click)) !== null) this.#poster.showNext(click.ticket.id)
  }

  async #deny(click: Click, values: FormValues): Promise<void> {
    const person = await this.#personBehind(click)
    if (person === null) return
    const { chosen, written, others } = readDenial(values)
    const reason = denyReason(chosen, written)
    // A no is always safe: it needs nothing to have been read.
    const more = others ? this.#poster.waitingWith(click.ticket.id) : []
    await this.#decide(click, person, { decision: 'deny', reason })
    for (const { id } of more) {
      const ticket = { id, sha: null }
      await this.#decide({ ...click, ticket }, person, { decision: 'deny', reason })
    }
  }

  async #grant(click: Click, values: FormValues): Promise<void> {
    const person = await this.#personBehind(click)
    const terms = readTerms(values)
    if (person === null || !('maxRows' in terms) || !(await this.#canBeSigned(click))) return
    const reason = values.value('written')?.trim() ?? ''
    const grant = terms as { minutes: number; maxRows: number }
    await this.#decide(click, person, { decision: 'approve', reason, grant })
  }

  async #clear(click: Click, values: FormValues): Promise<void> {
    const person = await this.#personBehind(click)
    if (person === null || !(await this.#canBeSigned(click))) return
    const reason = values.value('written')?.trim() ?? ''
    const clears = values.many('classes')
    await this.#decide(click, person, { decision: 'approve', reason, clears })
  }

  /** The request that a form is to be about, where this person may answer it; else they are told. */
  async #forForm(
    click: Click,
    decision: 'approve' | 'deny',
  ): Promise<{ readonly request: ApprovalRequest; readonly person: string } | null> {
    const person = await this.#personBehind(click)
    if (person === null) return null
    const { id, sha } = click.ticket
    const answer = { person, decision, channel: 'slack', statementSha256: sha } as const
    const no = await this.#options.desk.whyNot(id, answer)
    const request = this.#options.desk.get(id)
    if (no) await this.#tell(click, no)
    return no || !request ? null : { request, person }
  }

  /** A button approves only what was shown whole, and what somebody can have read. */
  async #canBeSigned(click: Click): Promise<boolean> {
    const request = this.#options.desk.get(click.ticket.id)
    if (request?.state !== 'pending') return true
    const why = this.#unsignable(click, request)
    if (why !== null) await this.#whisper(click, why)
    return why === null
  }

  #unsignable(click: Click, request: ApprovalRequest): string | null {
    if (click.ticket.sha === null || !isApprovable(request, this.#view)) {
      return `All of it can't be shown here: read it in the inbox, or by countersign approvals show ${request.id}.`
    }
    if (!this.#poster.hasJustChanged(request.id)) return null
    return 'The message had only just changed to this statement. Read it, then click again.'
  }

  async #decide(click: Click, person: string, decision: Decision): Promise<void> {
    const { id, sha } = click.ticket
    const answer = { ...decision, person, channel: 'slack', statementSha256: sha } as const
    await this.#tell(click, await this.#options.desk.decide(id, answer))
  }

  async #tell(click: Click, result: DecideResult): Promise<void> {
    const text = told(result)
    if (text !== null) await this.#whisper(click, text)
  }

  /** The person who clicked a button of a request's own message, or null once they were told. */
  async #personBehind(click: Click): Promise<string | null> {
    const { user, team, place, ticket } = click
    const { desk } = this.#options
    const refuse = async (person: string, code: string, message: string): Promise<null> => {
      await desk.refuse(ticket.id, { person, channel: 'slack' }, code)
      await this.#whisper(click, message)
      return null
    }
    const member = await this.#members.personBehind(user, team)
    if (!member.ok) return refuse(`slack:${team ?? ''}:${user}`, member.code, member.message)
    if (!desk.get(ticket.id) || this.#poster.isAt(place, ticket.id)) return member.email
    const message = 'That button is not of the message of this request; nothing was decided.'
    return refuse(member.email, 'other_message', message)
  }

  async #open(click: Click, view: unknown): Promise<void> {
    const trigger_id = click.trigger ?? ''
    await this.#client.views.open({ trigger_id, view: view as never })
  }

  /** Says something to whom it concerns and to nobody else, without markup. */
  async #whisper({ place, user }: Click, text: string): Promise<void> {
    const said = { channel: place.channel, user, text: unmarked(text) }
    await this.#client.chat
      .postEphemeral({ ...said, parse: 'none', link_names: false })
      .catch((error) => this.#options.log(`Slack: ${messageOf(error)}`))
  }
}

/** docs.slack.dev, "Escaping text": three characters, and nothing is a mention or a link. */
function unmarked(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? '')
}
