import type { ChatLink, ChatPlace } from '../../identity/chat-link.ts'
import { type Html, html } from './html.ts'
import { LINK, type ShownCode } from './me-linking.ts'
import { moment } from './moments.ts'
import { provedLately } from './proved-lately.ts'
import { named } from './request-words.ts'
import type { InboxOptions } from './web-options.ts'
import type { Viewer } from './who.ts'

const NAMES = { slack: 'Slack', teams: 'Teams' } as const
const ORGS = { slack: 'workspace', teams: 'tenant' } as const

/** What a person is known by in chats, and what they can do about it; null where there is no chat. */
export function chatAccounts(
  options: InboxOptions,
  viewer: Viewer,
  shown: ShownCode | null,
): Html | null {
  const { linking } = options.web
  if (!linking) return null
  const { email } = viewer.person
  const places = linking.places()
  const links = linking.linking.links.of(email)
  // A workspace that isn't configured any more may come back, and its link with it.
  const gone = links.filter((link) => !places.some((place) => isIn(link, place)))
  if (places.length === 0 && gone.length === 0) return null
  const directory = options.directory()
  const items = [...places, ...gone].map((place) => {
    const listed = directory.accountOf(place.chat, viewer.person)
    const link = links.find((each) => isIn(each, place)) ?? null
    return chatItem({ place, listed, link, viewer, fresh: provedLately(viewer, options) })
  })
  return html`<section class="panel own" aria-labelledby="chats-title"><h2 id="chats-title">Your accounts in chats</h2>
${shown && codeNote(shown)}
<ul>${items}</ul></section>`
}

function codeNote({ chat, code }: ShownCode): Html {
  const where =
    chat === 'slack'
      ? 'In Slack, press a button of a request, then “Link my account”'
      : 'In Teams, press “Answer...” on a request, then “Link my account...”'
  return html`<div class="notice good" role="status" id="notice"><p>${where}, and type in:</p>
<p class="code" id="code">${code}</p>
<p>It is good once, for ten minutes. Give it to nobody: whoever types it in signs as you from then on.</p></div>`
}

function chatItem(content: {
  readonly place: ChatPlace
  readonly listed: string | null
  readonly link: ChatLink | null
  readonly viewer: Viewer
  readonly fresh: boolean
}): Html {
  const { place, listed, link, viewer, fresh } = content
  const { chat, org } = place
  const where = html`${NAMES[chat]} <span class="fine">${ORGS[chat]} ${named(org)}</span>`
  const form = (action: string, label: string) =>
    html`<form method="post" action="${action}" aria-label="${label}: ${NAMES[chat]}, ${org}"><input type="hidden" name="form" value="${viewer.formToken}"><input type="hidden" name="chat" value="${chat}"><input type="hidden" name="org" value="${org}"><button>${label}</button></form>`
  const known = listed !== null && html`<br>${named(listed)}, as the configuration says`
  const linked =
    link !== null &&
    html`<br>${named(link.user)}, linked ${moment(new Date(link.at).toISOString())}${listed !== null && ', which counts for nothing beside it'}`
  const none =
    listed === null &&
    link === null &&
    html`<br><span class="fine">not linked${!fresh && '; you are asked to sign in again first, then press it once more'}</span>`
  return html`<li class="between"><p>${where}${known}${linked}${none}</p>${
    link !== null
      ? form('/inbox/me/unlink', 'Remove')
      : listed === null && form(LINK, `Link ${NAMES[chat]}`)
  }</li>`
}

function isIn(link: ChatPlace, { chat, org }: ChatPlace): boolean {
  return link.chat === chat && link.org === org
}
