import { messageOf } from '../../lib/errors.ts'
import type { ChatLinking, Claim } from '../chat-linking.ts'
import type { SlackClient } from './slack-app.ts'
import { type Click, clickOf, FormValues } from './slack-click.ts'
import { plain, plainText, richText, section } from './slack-elements.ts'
import type { SlackMembers } from './slack-members.ts'
import type { SlackApp } from './slack-transport.ts'
import { ACTIONS } from './slack-value.ts'

/** The block of the form that asks for the code. */
const CODE = 'code'

export interface SlackLinkingOptions {
  readonly linking: ChatLinking
  readonly members: SlackMembers
  readonly client: SlackClient
  readonly log: (text: string) => void
}

/**
 * Where somebody whom nobody knows types in the code that the inbox has given them. Slack gives none
 * out and confirms none: what would begin here is explained in chat-linking.ts.
 */
export class SlackLinking {
  readonly #options: SlackLinkingOptions

  constructor(options: SlackLinkingOptions) {
    this.#options = options
  }

  async ask({ trigger, ticket, place }: Click): Promise<void> {
    const view = linkView(JSON.stringify({ id: ticket.id, ...place }))
    await this.#options.client.views.open({ trigger_id: trigger ?? '', view: view as never })
  }

  /** Whether a code is good is said at its input, so that the form is acknowledged only then. */
  listen(app: SlackApp, whisper: (click: Click, text: string) => Promise<void>): void {
    app.view(ACTIONS.link, async ({ ack, body, view }) => {
      const click = clickOf({ ...body, view })
      const claim = click && (await this.#take(click, new FormValues(view)))
      if (!click || !claim?.ok) {
        const wrong = claim?.ok === false ? claim.message : NOT_NOW
        await ack({ response_action: 'errors', errors: { [CODE]: wrong } })
        return
      }
      await ack()
      const text = `Your Slack account is linked to ${claim.person} now, as the page Me of the inbox shows. Click again.`
      await whisper(click, text)
    })
  }

  /** Who is linked now, or what is wrong with the code; null where that can't be said now. */
  async #take({ user, team }: Click, values: FormValues): Promise<Claim | null> {
    const { linking, members, log } = this.#options
    const typed = values.value(CODE) ?? ''
    // Of whatever workspace they say that they are: standing() knows ours.
    const account = { chat: 'slack', org: team ?? '', user } as const
    try {
      return await linking.claim(account, typed, () => members.standing(user, team))
    } catch (error) {
      log(`Slack: ${messageOf(error)}`)
      return null
    }
  }
}

export const NOT_NOW = 'That could not be done now; nothing was decided. Try again.'

/** What stands with an answer to somebody who isn't known. */
export function linkButton({ ticket }: Click): unknown {
  const button = {
    type: 'button',
    action_id: ACTIONS.link,
    text: plainText('Link my account'),
    value: JSON.stringify({ id: ticket.id }),
  }
  return { type: 'actions', elements: [button] }
}

/** The form; `remembered`: where it was asked for. */
export function linkView(remembered: string): unknown {
  const how =
    'Sign in to the inbox, open the page Me and press Link Slack: it shows a code that is good once, for ten minutes. Type in no code that somebody else has given you.'
  const element = { type: 'plain_text_input', action_id: 'value', max_length: 20 }
  return {
    type: 'modal',
    callback_id: ACTIONS.link,
    private_metadata: remembered,
    title: plainText('Link my account'),
    submit: plainText('Link'),
    close: plainText('Back'),
    blocks: [
      richText(section([[plain(how)]])),
      { type: 'input', block_id: CODE, label: plainText('Code'), element },
    ],
  }
}
