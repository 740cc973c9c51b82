import type { Directory } from '../../identity/directory.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Answer } from '../answer.ts'
import { LINK_IT } from '../chat-linking.ts'
import type { DecideResult } from '../decide-result.ts'
import { denyReason } from '../deny-reasons.ts'
import type { ApprovalDesk } from '../desk.ts'
import type { ApprovalRequest } from '../request.ts'
import { clearsNone } from './chat-clearance.ts'
import type { ChatCounts } from './chat-counts.ts'
import type { ChatPoster } from './chat-poster.ts'
import { isGrantable } from './chat-terms.ts'
import { told, unsignable } from './chat-told.ts'
import type { ChatView } from './chat-view.ts'
import type { SlackClient } from './slack-app.ts'
import { isApprovable } from './slack-blocks.ts'
import type { Click, FormValues } from './slack-click.ts'
import { blocksOf, plain, richText, section } from './slack-elements.ts'
import { linkButton, type SlackLinking } from './slack-linking.ts'
import type { SlackMembers } from './slack-members.ts'
import { clearView, denyView, grantView, readDenial, readTerms } from './slack-views.ts'

export interface SlackAnswersOptions {
  readonly desk: ApprovalDesk
  readonly directory: () => Directory
  readonly members: SlackMembers
  /** Where nobody can link their account, null. */
  readonly linking: SlackLinking | null
  readonly poster: ChatPoster
  readonly client: SlackClient
  readonly view: ChatView
  readonly counts: ChatCounts
  readonly log: (text: string) => void
}

type Decision = Pick<Answer, 'decision' | 'reason' | 'clears' | 'grant'>

/**
 * What comes of a click. Who it was and whether they may is found out each time; a button that
 * wants to know more opens a form, and what that says is taken as warily as any click.
 */
export class SlackAnswers {
  readonly #options: SlackAnswersOptions

  constructor(options: SlackAnswersOptions) {
    this.#options = options
  }

  async approve(click: Click): Promise<void> {
    const person = await this.#personBehind(click)
    if (person === null || !(await this.#canBeSigned(click))) return
    await this.#decide(click, person, { decision: 'approve', reason: '' })
  }

  async askTerms(click: Click): Promise<void> {
    const request = await this.#forForm(click, 'approve')
    if (!request || !(await this.#canBeSigned(click))) return
    if (isGrantable(request.request))
      await this.#open(click, grantView(request.request, click.place))
    else await this.whisper(click, 'This can be approved for one execution only.')
  }

  async askClasses(click: Click): Promise<void> {
    const found = await this.#forForm(click, 'approve')
    if (!found || !(await this.#canBeSigned(click))) return
    const { request, person } = found
    const directory = this.#options.directory()
    const known = directory.person(person)
    const mine = request.clearable.filter((one) => known && directory.clears(known, one))
    if (mine.length > 0) await this.#open(click, clearView(request, click.place, mine))
    else await this.whisper(click, clearsNone(request))
  }

  /** Somebody who may not answer is told so before they write a reason. */
  async askWhy(click: Click): Promise<void> {
    const found = await this.#forForm(click, 'deny')
    if (!found) return
    const { request } = found
    const hidden = click.ticket.sha === null
    const others = this.#options.poster.waitingWith(request.id).length
    await this.#open(click, denyView(request, { hidden, place: click.place, others }))
  }

  async showNext(click: Click): Promise<void> {
    if ((await this.#personBehind(click)) !== null) this.#options.poster.showNext(click.ticket.id)
  }

  async deny(click: Click, values: FormValues): Promise<void> {
    const person = await this.#personBehind(click)
    if (person === null) return
    const { chosen, written, others } = readDenial(values)
    const reason = denyReason(chosen, written)
    // A no is always safe: it needs nothing to have been read.
    const more = others ? this.#options.poster.waitingWith(click.ticket.id) : []
    const first = await this.#decide(click, person, { decision: 'deny', reason })
    if (first === 'refused') return
    for (const { id } of more) {
      const ticket = { id, sha: null }
      await this.#decide({ ...click, ticket }, person, { decision: 'deny', reason })
    }
  }

  async grant(click: Click, values: FormValues): Promise<void> {
    const person = await this.#personBehind(click)
    const terms = readTerms(values)
    if (person === null || !terms.ok || !(await this.#canBeSigned(click))) return
    const reason = values.value('written')?.trim() ?? ''
    const { grant } = terms
    await this.#decide(click, person, { decision: 'approve', reason, grant })
  }

  async clear(click: Click, values: FormValues): Promise<void> {
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
    const { view, poster, counts } = this.#options
    const wasWhole = click.ticket.sha !== null && isApprovable(request, view)
    const hasJustChanged = poster.hasJustChanged(request.id)
    const why = unsignable(request, { wasWhole, hasJustChanged })
    if (why === null) return true
    counts.unheard(wasWhole ? 'just_changed' : 'unread')
    await this.whisper(click, why)
    return false
  }

  async #decide(click: Click, person: string, decision: Decision): Promise<DecideResult['kind']> {
    const { id, sha } = click.ticket
    const answer = { ...decision, person, channel: 'slack', statementSha256: sha } as const
    const result = await this.#options.desk.decide(id, answer)
    await this.#tell(click, result)
    return result.kind
  }

  async #tell(click: Click, result: DecideResult): Promise<void> {
    const text = told(result)
    if (text !== null) await this.whisper(click, text)
  }

  /** The person who clicked a button of a request's own message, or null once they were told. */
  async #personBehind(click: Click): Promise<string | null> {
    const { user, team, place, ticket } = click
    const { desk, members, poster, linking } = this.#options
    const refuse = async (person: string, code: string, message: string, mayLink = false) => {
      await desk.refuse(ticket.id, { person, channel: 'slack' }, code)
      if (!mayLink || !linking) await this.whisper(click, message)
      else await this.whisper(click, `${message} ${LINK_IT}`, [linkButton(click)])
      return null
    }
    const isHere = !desk.get(ticket.id) || (await poster.isAt(place, ticket.id))
    // Last, so that nothing but the desk comes between it and the decision.
    const member = await members.personBehind(user, team)
    if (!member.ok) {
      const account = `slack:${team ?? ''}:${user}`
      return refuse(account, member.code, member.message, member.code === 'unknown_member')
    }
    if (isHere) return member.email
    const message = 'That button is not of the message of this request; nothing was decided.'
    return refuse(member.email, 'other_message', message)
  }

  async #open(click: Click, view: unknown): Promise<void> {
    const trigger_id = click.trigger ?? ''
    await this.#options.client.views.open({ trigger_id, view: view as never })
  }

  /** Says something to whom it concerns and to nobody else, without markup; `more`: below it. */
  async whisper(click: Click, text: string, more: readonly unknown[] = []): Promise<void> {
    const { place, user } = click
    const blocks = blocksOf([richText(section([[plain(text)]])), ...more])
    const said = {
      ...{ channel: place.channel, user, text: unmarked(text) },
      ...(more.length > 0 && { blocks: [...blocks] }),
    }
    await this.#options.client.chat
      .postEphemeral({ ...said, parse: 'none', link_names: false })
      .catch((error) => this.#options.log(`Slack: ${messageOf(error)}`))
  }
}

/** docs.slack.dev, "Escaping text": three characters, and nothing is a mention or a link. */
function unmarked(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? '')
}
