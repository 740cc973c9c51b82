import type { Directory } from '../../identity/directory.ts'
import type { DecideResult } from '../decide-result.ts'
import { denyReason } from '../deny-reasons.ts'
import type { Answer, ApprovalDesk } from '../desk.ts'
import type { ApprovalRequest } from '../request.ts'
import { isGrantable } from './chat-terms.ts'
import { told } from './chat-told.ts'
import type { ChatView } from './chat-view.ts'
import { VERBS } from './teams-actions.ts'
import type { CardAnswer } from './teams-app.ts'
import { readDenial, readTerms, readWhy, type TeamsClick } from './teams-click.ts'
import { isApprovable, teamsCard } from './teams-message.ts'
import { answerers, audienceOf, personBehind } from './teams-people.ts'
import type { TeamsPoster } from './teams-poster.ts'
import type { TeamsRoster } from './teams-roster.ts'
import { visibleLine } from './visible.ts'

export interface TeamsAnswersOptions {
  readonly tenant: string
  readonly conversation: string
  readonly desk: ApprovalDesk
  readonly directory: () => Directory
  readonly poster: Pick<TeamsPoster, 'isAt'>
  readonly roster: Pick<TeamsRoster, 'known'>
  readonly view: ChatView
}

type Decision = Pick<Answer, 'decision' | 'reason' | 'grant'>

/**
 * What comes of a click. Who it was and whether they may is found out each time; what a form says
 * is taken as warily as any click. Each is answered with a card, or with a sentence for whoever clicked.
 */
export class TeamsAnswers {
  readonly #options: TeamsAnswersOptions

  constructor(options: TeamsAnswersOptions) {
    this.#options = options
  }

  async answer(click: TeamsClick): Promise<CardAnswer> {
    if (click.verb === VERBS.view) return this.#show(click)
    const person = await this.#personBehind(click)
    if (typeof person !== 'string') return person
    switch (click.verb) {
      case VERBS.approve:
        return this.#approve(click, person, { decision: 'approve', reason: '' })
      case VERBS.grant:
        return this.#grant(click, person)
      case VERBS.deny:
        return this.#deny(click, person)
      default:
        return sentence('That button is not known here; nothing was decided.')
    }
  }

  /** A card as the one who looks at it sees it. Teams asks by itself, so that nothing is recorded. */
  async #show(click: TeamsClick): Promise<CardAnswer> {
    const { desk, poster } = this.#options
    const request = desk.get(click.request)
    if (!request || !this.#isHere(click) || !(await poster.isAt(click.message, request.id))) {
      return sentence("This request isn't known any more.")
    }
    const found = personBehind(click, this.#who)
    return this.#cardFor(request, found.ok ? found.email : null)
  }

  async #grant(click: TeamsClick, person: string): Promise<CardAnswer> {
    const terms = readTerms(click)
    if (typeof terms === 'string') return sentence(terms)
    const request = this.#options.desk.get(click.request)
    if (request && !isGrantable(request)) {
      return sentence('This can be approved for one execution only.')
    }
    const reason = readWhy(click)
    return this.#approve(click, person, { decision: 'approve', reason, grant: terms })
  }

  async #deny(click: TeamsClick, person: string): Promise<CardAnswer> {
    const { chosen, written } = readDenial(click)
    const reason = denyReason(chosen, written)
    if (reason === '') return sentence('Say why; the agent is told.')
    // A no is always safe: it needs nothing to have been read.
    return this.#decide(click, person, { decision: 'deny', reason })
  }

  /** A button approves only what was shown whole. */
  async #approve(click: TeamsClick, person: string, decision: Decision): Promise<CardAnswer> {
    const request = this.#options.desk.get(click.request)
    const unseen = click.sha === null || (request && !isApprovable(request, this.#options.view))
    if (request?.state !== 'pending' || !unseen) return this.#decide(click, person, decision)
    return sentence(
      `All of it can't be shown here: read it in the inbox, or by countersign approvals show ${request.id}.`,
    )
  }

  async #decide(click: TeamsClick, person: string, decision: Decision): Promise<CardAnswer> {
    const { request: id, sha } = click
    const answer = { ...decision, person, channel: 'teams', statementSha256: sha } as const
    const result = await this.#options.desk.decide(id, answer)
    return this.#answerTo(result, person)
  }

  #answerTo(result: DecideResult, person: string): CardAnswer {
    const text = told(result)
    if (text !== null) return sentence(text)
    return result.kind === 'decided'
      ? this.#cardFor(result.request, person)
      : sentence('It is done.')
  }

  #cardFor(request: ApprovalRequest, person: string | null): CardAnswer {
    const { view, roster } = this.#options
    const { directory } = this.#who
    const audience = audienceOf(request, person, directory)
    const viewers = roster.known(answerers(request, directory))
    const value = teamsCard(request, view, { audience, viewers })
    return { statusCode: 200, type: 'application/vnd.microsoft.card.adaptive', value }
  }

  /** The person who clicked a button of a request's own message, or what they are told instead. */
  async #personBehind(click: TeamsClick): Promise<string | CardAnswer> {
    const { desk, poster } = this.#options
    const refuse = async (person: string, code: string, message: string) => {
      await desk.refuse(click.request, { person, channel: 'teams' }, code)
      return sentence(message)
    }
    const found = personBehind(click, this.#who)
    const account = `teams:${click.tenants[0] ?? ''}:${click.person ?? ''}`
    if (!found.ok) return refuse(account, found.code, found.message)
    if (!desk.get(click.request)) return found.email
    if (this.#isHere(click) && (await poster.isAt(click.message, click.request))) return found.email
    const message = 'That button is not of the message of this request; nothing was decided.'
    return refuse(found.email, 'other_message', message)
  }

  get #who() {
    return { tenant: this.#options.tenant, directory: this.#options.directory() }
  }

  #isHere({ conversation }: TeamsClick): boolean {
    return conversation === this.#options.conversation
  }
}

/** Teams shows it to whoever clicked, and to nobody else. */
export function sentence(text: string): CardAnswer {
  const value = visibleLine(text)
  return { statusCode: 200, type: 'application/vnd.microsoft.activity.message', value }
}
