import type { Directory } from '../../identity/directory.ts'
import type { Answer } from '../answer.ts'
import { LINK_IT } from '../chat-linking.ts'
import type { DecideResult } from '../decide-result.ts'
import { denyReason } from '../deny-reasons.ts'
import type { ApprovalDesk } from '../desk.ts'
import type { ChatCounts } from './chat-counts.ts'
import type { ChatPoster } from './chat-poster.ts'
import { isGrantable } from './chat-terms.ts'
import { told, unsignable } from './chat-told.ts'
import type { ChatView } from './chat-view.ts'
import { VERBS } from './teams-actions.ts'
import type { CardAnswer } from './teams-app.ts'
import type { Audience } from './teams-audience.ts'
import { readClearance, readDenial, readTerms, readWhy, type TeamsClick } from './teams-click.ts'
import type { TeamsLinking } from './teams-linking.ts'
import type { TeamsMembers } from './teams-members.ts'
import { isApprovable, teamsCard } from './teams-message.ts'
import { answerers, audienceOf, type TeamsPerson } from './teams-people.ts'
import type { TeamsRoster } from './teams-roster.ts'
import { visibleLine } from './visible.ts'

export interface TeamsAnswersOptions {
  readonly conversation: string
  readonly desk: ApprovalDesk
  readonly directory: () => Directory
  readonly members: TeamsMembers
  /** Where nobody can link their account, null. */
  readonly linking: TeamsLinking | null
  readonly poster: Pick<
    ChatPoster,
    'isAt' | 'shownWith' | 'waitingWith' | 'showNext' | 'hasJustChanged'
  >
  readonly roster: Pick<TeamsRoster, 'known'>
  readonly view: ChatView
  readonly counts: ChatCounts
}

type Decision = Pick<Answer, 'decision' | 'reason' | 'grant' | 'clears'>

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
    if (click.verb === VERBS.link) return this.#link(click)
    const person = await this.#personBehind(click)
    if (typeof person !== 'string') return person
    switch (click.verb) {
      case VERBS.approve:
        return this.#approve(click, person, { decision: 'approve', reason: '' })
      case VERBS.grant:
        return this.#grant(click, person)
      case VERBS.clear:
        return this.#clear(click, person)
      case VERBS.deny:
        return this.#deny(click, person)
      case VERBS.next:
        return this.#next(click, person)
      default:
        return sentence('That button is not known here; nothing was decided.')
    }
  }

  /** A card as the one who looks at it sees it. Teams asks by itself, so that nothing is recorded. */
  async #show(click: TeamsClick): Promise<CardAnswer> {
    if (!(await this.#isOf(click))) return sentence(UNKNOWN)
    const found = this.#options.members.seemsToBe(click)
    return this.#linkCard(click, found) ?? this.#cardOf(click, found.ok ? found.email : null)
  }

  /** A code of the inbox makes the account that has typed it in a person's. */
  async #link(click: TeamsClick): Promise<CardAnswer> {
    const { linking } = this.#options
    if (!linking || !(await this.#isOf(click))) return sentence(UNKNOWN)
    const claim = await linking.take(click)
    if (!claim.ok) return sentence(claim.message)
    const note = `Your account is linked to ${claim.person} now, as the page Me of the inbox shows.`
    return this.#cardOf(click, claim.person, { note })
  }

  /** The card with a place for a code, for whoever can become known; null for all others. */
  #linkCard(click: TeamsClick, found: TeamsPerson): CardAnswer | null {
    const isNobody = !found.ok && found.code === 'unknown_member' && click.person !== null
    const { desk, linking } = this.#options
    if (!isNobody || !linking || desk.get(click.request)?.state !== 'pending') return null
    return this.#cardOf(click, null, { unknown: true, note: `${found.message} ${LINK_IT}` })
  }

  async #next(click: TeamsClick, person: string): Promise<CardAnswer> {
    this.#options.poster.showNext(click.request)
    return this.#cardOf(click, person)
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

  /** Which of the classes are theirs to show the desk knows. */
  async #clear(click: TeamsClick, person: string): Promise<CardAnswer> {
    const { classes, why } = readClearance(click)
    if (classes.length === 0) return sentence('Choose what to show.')
    return this.#approve(click, person, { decision: 'approve', reason: why, clears: classes })
  }

  async #deny(click: TeamsClick, person: string): Promise<CardAnswer> {
    const { chosen, written, others } = readDenial(click)
    const reason = denyReason(chosen, written)
    if (reason === '') return sentence('Say why; the agent is told.')
    // A no is always safe: it needs nothing to have been read.
    const more = others ? this.#options.poster.waitingWith(click.request) : []
    const first = await this.#taken(click, person, { decision: 'deny', reason })
    for (const { id } of first.kind === 'refused' ? [] : more) {
      await this.#taken({ request: id, sha: null }, person, { decision: 'deny', reason })
    }
    return this.#answerTo(click, first, person)
  }

  /** A button approves only what was shown whole. */
  async #approve(click: TeamsClick, person: string, decision: Decision): Promise<CardAnswer> {
    const { desk, view, poster, counts } = this.#options
    const request = desk.get(click.request)
    if (request?.state === 'pending') {
      const wasWhole = click.sha !== null && isApprovable(request, view)
      const hasJustChanged = poster.hasJustChanged(request.id)
      const why = unsignable(request, { wasWhole, hasJustChanged })
      if (why !== null) {
        counts.unheard(wasWhole ? 'just_changed' : 'unread')
        return sentence(why)
      }
    }
    return this.#answerTo(click, await this.#taken(click, person, decision), person)
  }

  #taken(
    { request: id, sha }: Pick<TeamsClick, 'request' | 'sha'>,
    person: string,
    decision: Decision,
  ): Promise<DecideResult> {
    const answer = { ...decision, person, channel: 'teams', statementSha256: sha } as const
    return this.#options.desk.decide(id, answer)
  }

  #answerTo(click: TeamsClick, result: DecideResult, person: string): CardAnswer {
    const text = told(result)
    if (text !== null) return sentence(text)
    return result.kind === 'decided' ? this.#cardOf(click, person) : sentence('It is done.')
  }

  /** What the message of a click is to show now, as this person sees it. */
  #cardOf(click: TeamsClick, person: string | null, more: Partial<Audience> = {}): CardAnswer {
    const { view, roster, poster, members } = this.#options
    const shown = poster.shownWith(click.request)
    if (!shown) return sentence(UNKNOWN)
    const { request, others } = shown
    const directory = this.#options.directory()
    const audience = { ...audienceOf(request, person, directory), ...more }
    const viewers = roster.known(answerers(request, directory, members.linked()))
    const value = teamsCard(request, view, { audience, viewers, others })
    return { statusCode: 200, type: 'application/vnd.microsoft.card.adaptive', value }
  }

  /** The person who clicked a button of a request's own message, or what they are told instead. */
  async #personBehind(click: TeamsClick): Promise<string | CardAnswer> {
    const { desk, members } = this.#options
    const refuse = (person: string, code: string) =>
      desk.refuse(click.request, { person, channel: 'teams' }, code)
    const isOf = await this.#isOf(click)
    // Last, so that nothing but the desk comes between it and the decision.
    const found = await members.personBehind(click)
    if (!found.ok) {
      await refuse(`teams:${click.tenants[0] ?? ''}:${click.person ?? ''}`, found.code)
      return (isOf ? this.#linkCard(click, found) : null) ?? sentence(found.message)
    }
    if (isOf || !desk.get(click.request)) return found.email
    await refuse(found.email, 'other_message')
    return sentence('That button is not of the message of this request; nothing was decided.')
  }

  /** Whether a click is on the message that its request stands in. */
  async #isOf({ conversation, message, request }: TeamsClick): Promise<boolean> {
    if (message === null || conversation !== this.#options.conversation) return false
    return this.#options.poster.isAt({ channel: conversation, ts: message }, request)
  }
}

const UNKNOWN = "This request isn't known any more."

/** Teams shows it to whoever clicked, and to nobody else. */
export function sentence(text: string): CardAnswer {
  const value = visibleLine(text)
  return { statusCode: 200, type: 'application/vnd.microsoft.activity.message', value }
}
