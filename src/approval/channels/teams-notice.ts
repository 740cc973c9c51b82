import type { DeskEvent } from '../desk-events.ts'
import type { Regulations } from '../regulations.ts'
import { cut } from './cut.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'
import { RecentKeys } from './recent-keys.ts'
import { type Card, renderRequest } from './rendering.ts'
import { bold, line, plain } from './teams-elements.ts'

/** What of a card is told: not the statement, nor what the agent says of itself. */
const TOLD = ['Agent', 'Owner', 'Resource', 'Environment', 'Database', 'Tables', 'Classes', 'Needs']
/** Characters; names are an agent's to choose, and a message has 28 KB. */
const LONGEST = 300

const SAYS: Partial<Readonly<Record<DeskEvent['type'], string>>> = {
  requested: 'A signature is asked for',
  reminder: 'Half of the time is over, and nobody has decided',
  escalated: 'Nobody has decided: a second group may, too',
  'break-glass': 'ALERT: somebody let this pass alone, by break-glass',
}

export interface TeamsNoticeOptions extends Omit<OutboxOptions, 'name' | 'sign'> {
  readonly newId: () => string
  readonly urlOf: (id: string) => string
  readonly regulations: () => Regulations
}

/**
 * Tells a Teams channel by a Workflows webhook that something waits. Nobody decides there: a
 * workflow can't prove who clicked, so its only button opens the inbox.
 */
export class TeamsNotice {
  readonly outbox: Outbox
  readonly #options: TeamsNoticeOptions
  readonly #asked = new RecentKeys(2_000)

  constructor(options: TeamsNoticeOptions) {
    this.#options = options
    this.outbox = new Outbox({ ...options, name: 'channels.teams.workflow_url' })
  }

  tell(event: DeskEvent): void {
    const says = SAYS[event.type]
    // What is asked for again under its old id stands there already.
    if (says === undefined || (event.type === 'requested' && !this.#asked.add(event.request.id))) {
      return
    }
    const { newId, urlOf, regulations } = this.#options
    const alert = event.type === 'break-glass'
    const { request } = event
    const card = renderRequest(request, regulations())
    const notice = teamsNotice(card, says, urlOf(request.id))
    this.outbox.add(newId(), notice, { alert })
  }

  stop(): void {
    this.outbox.stop()
  }
}

/** An Adaptive Card in the envelope that a Workflows webhook takes. */
export function teamsNotice(card: Card, says: string, url: string): unknown {
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: bodyOf(card, says),
    actions: [{ type: 'Action.OpenUrl', title: 'Open in inbox', url }],
  }
  const contentType = 'application/vnd.microsoft.card.adaptive'
  return { type: 'message', attachments: [{ contentType, contentUrl: null, content }] }
}

function bodyOf(card: Card, says: string): readonly unknown[] {
  const fields = card.fields.filter(({ label, claimed }) => !claimed && TOLD.includes(label))
  return [
    line([bold(says)]),
    line([{ ...bold(cut(card.title, LONGEST)), size: 'Medium' }]),
    ...fields.map(({ label, value }) => line([bold(`${label}: `), plain(cut(value, LONGEST))])),
  ]
}
