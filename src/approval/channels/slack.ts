import type { Directory } from '../../identity/directory.ts'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { type DecideResult, winnerOf } from '../decide-result.ts'
import type { ApprovalDesk } from '../desk.ts'
import type { ApprovalStore } from '../store.ts'
import { RecentKeys } from './recent-keys.ts'
import { statusOf } from './rendering.ts'
import { APPROVE_ACTION, DENY_ACTION, denyView, slackMessage } from './slack-blocks.ts'
import { SlackLink } from './slack-link.ts'
import { SlackPoster } from './slack-poster.ts'

/** What of the configuration is for Slack. */
export interface SlackSettings {
  readonly appToken: string
  readonly botToken: string
  readonly channel: string
  readonly apiUrl: string
  /** The workspace's id; clicks from any other are refused. Null: not checked. */
  readonly team: string | null
}

export interface SlackChannelOptions {
  readonly settings: SlackSettings
  readonly desk: ApprovalDesk
  readonly store: ApprovalStore
  readonly directory: () => Directory
  readonly clock: Clock
  readonly log: (text: string) => void
}

/** Who clicked where, as far as it matters. */
interface Click {
  readonly user: string
  readonly team: string | null
  readonly channel: string
  readonly id: string
  readonly sha: string
}

/**
 * Requests in a Slack channel, with buttons to answer them. Slack says which member clicked; who
 * that is, and whether they may, is found here at the moment of the click. Slack being away
 * concerns nobody else: other channels go on, and what is pending is posted when it returns.
 */
export class SlackChannel {
  readonly #options: SlackChannelOptions
  readonly #link: SlackLink
  readonly #poster: SlackPoster
  /** Slack delivers a payload again where it heard no acknowledgement. */
  readonly #seen = new RecentKeys(2_000)
  readonly #unsubscribe: () => void

  constructor(options: SlackChannelOptions) {
    this.#options = options
    const { settings, desk, store, clock, log } = options
    const { appToken, botToken, apiUrl, channel } = settings
    const onUp = () => this.#poster.start()
    this.#link = new SlackLink({ appToken, botToken, apiUrl, clock, log, onUp })
    const { client } = this.#link.app
    this.#poster = new SlackPoster({ client, channel, desk, store, clock, log })
    this.#unsubscribe = desk.subscribe(({ request }) => this.#poster.update(request.id))
    this.#listen()
  }

  /** Connections to Slack that are up. */
  get connections(): number {
    return this.#link.up
  }

  start(): void {
    this.#link.start()
    this.#poster.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#poster.stop()
    await this.#link.stop()
  }

  #listen(): void {
    const { app } = this.#link
    app.action({ type: 'block_actions', action_id: APPROVE_ACTION }, async ({ ack, body }) => {
      await ack()
      await this.#guarded(body, (click) => this.#approve(click))
    })
    app.action({ type: 'block_actions', action_id: DENY_ACTION }, async ({ ack, body }) => {
      await ack()
      await this.#guarded(body, (click) => this.#askWhy(click, body.trigger_id))
    })
    app.view(DENY_ACTION, async ({ ack, body, view }) => {
      const reason = view.state.values.why?.reason?.value?.trim() ?? ''
      if (reason === '') {
        await ack({ response_action: 'errors', errors: { why: 'Say why; the agent is told.' } })
        return
      }
      await ack()
      await this.#guarded({ ...body, view }, (click) => this.#deny(click, reason))
    })
  }

  /** Reads a payload, drops what was delivered before, and lets nothing escape into the library. */
  async #guarded(body: unknown, act: (click: Click) => Promise<void>): Promise<void> {
    const click = clickOf(body)
    if (!click) return
    const trigger = (body as { trigger_id?: unknown }).trigger_id
    if (typeof trigger === 'string' && !this.#seen.add(trigger)) return
    try {
      await act(click)
    } catch (error) {
      this.#options.log(`Slack: ${messageOf(error)}`)
      await this.#whisper(click, 'That could not be done now; nothing was decided. Try again.')
    }
  }

  async #approve(click: Click): Promise<void> {
    const request = this.#options.desk.get(click.id)
    if (request?.state === 'pending' && !slackMessage(request).approvable) {
      const where = `countersign approvals show ${request.id}`
      return this.#whisper(click, `The whole statement can't be shown here; use ${where}.`)
    }
    await this.#decide(click, 'approve', '')
  }

  /** Somebody who may not answer is told so before they write a reason. */
  async #askWhy(click: Click, trigger: string): Promise<void> {
    const request = this.#options.desk.get(click.id)
    const email = this.#emailOf(click)
    const may = email !== null && this.#options.desk.may(click.id, email, 'deny')
    if (!request || !may || request.statementSha256 !== click.sha) {
      return this.#decide(click, 'deny', '')
    }
    const view = denyView(request, click.channel)
    await this.#link.app.client.views.open({ trigger_id: trigger, view: view as never })
  }

  #deny(click: Click, reason: string): Promise<void> {
    return this.#decide(click, 'deny', reason)
  }

  async #decide(click: Click, decision: 'approve' | 'deny', reason: string): Promise<void> {
    const person = await this.#personBehind(click)
    if (person === null) return
    const answer = {
      person,
      decision,
      reason,
      channel: 'slack',
      statementSha256: click.sha,
    } as const
    const result = await this.#options.desk.decide(click.id, answer)
    const text = toldTo(result)
    if (text !== null) await this.#whisper(click, text)
  }

  /** The person of the configuration who has this Slack account, or null once they were told. */
  async #personBehind(click: Click): Promise<string | null> {
    const email = this.#emailOf(click)
    if (email !== null) return email
    const who = `slack:${click.team ?? ''}:${click.user}`
    await this.#options.desk.refuse(click.id, { person: who, channel: 'slack' }, 'unknown_member')
    await this.#whisper(
      click,
      `Your Slack account isn't that of anybody in the configuration (people: slack: ${click.user}).`,
    )
    return null
  }

  #emailOf(click: Click): string | null {
    const { settings, directory } = this.#options
    if (settings.team !== null && click.team !== settings.team) return null
    return directory().bySlack(click.user)?.email ?? null
  }

  /** Says something to whom it concerns and to nobody else. All texts are the proxy's own. */
  async #whisper(click: Click, text: string): Promise<void> {
    const { channel, user } = click
    const { client } = this.#link.app
    await client.chat
      .postEphemeral({ channel, user, text, parse: 'none', link_names: false })
      .catch((error) => this.#options.log(`Slack: ${messageOf(error)}`))
  }
}

/** What the person is told, or null where the message itself shows it. */
function toldTo(result: DecideResult): string | null {
  switch (result.kind) {
    case 'decided':
      return null
    case 'counted':
      return 'Your approval counts; more people have to sign.'
    case 'unknown':
      return "This request isn't known any more."
    case 'already':
      return `This was ${winnerOf(result.request)} already.`
    case 'gone':
      return `Too late: ${statusOf({ ...result.request, votes: [] })}.`
    case 'changed':
      return 'The statement is another one now; read it again.'
    case 'refused':
      return result.message
  }
}

/**
 * Takes from a payload what identifies the click. For a button the request is in its value, for
 * the modal in its private metadata; both went out with our own message.
 */
function clickOf(body: unknown): Click | null {
  const payload = body as {
    user?: { id?: unknown; team_id?: unknown }
    team?: { id?: unknown } | null
    channel?: { id?: unknown }
    actions?: readonly { value?: unknown }[]
    view?: { private_metadata?: unknown }
  }
  const about = parseValue(payload.actions?.[0]?.value ?? payload.view?.private_metadata)
  const user = payload.user?.id
  const channel = payload.channel?.id ?? about?.channel
  if (!about || typeof user !== 'string' || typeof channel !== 'string') return null
  // In a shared channel `team` is where the app lives and `user.team_id` where the person does.
  const team = payload.user?.team_id ?? payload.team?.id
  const { id, sha } = about
  return { user, team: typeof team === 'string' ? team : null, channel, id, sha }
}

function parseValue(
  value: unknown,
): { readonly id: string; readonly sha: string; readonly channel?: unknown } | null {
  try {
    const parsed = JSON.parse(String(value)) as { id?: unknown; sha?: unknown; channel?: unknown }
    const { id, sha, channel } = parsed
    return typeof id === 'string' && typeof sha === 'string' ? { id, sha, channel } : null
  } catch {
    return null
  }
}
