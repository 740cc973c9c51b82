import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Chat, ChatLink, ChatPlace } from '../../identity/chat-links.ts'
import { ApiError } from '../api-error.ts'
import { fieldsOf } from './form-fields.ts'
import { hop } from './hop.ts'
import { type Html, html } from './html.ts'
import { moment } from './moments.ts'
import { needOwnPage } from './own-page.ts'
import { named } from './request-words.ts'
import type { InboxOptions, LinkingOptions } from './web-options.ts'
import { needViewer, type Viewer } from './who.ts'

export const LINK = '/inbox/me/link'
/** A code makes an account that signs: whoever asks for one has proved so lately who they are. */
const FRESH_MS = 5 * 60 * 1000
/** Two clocks differ by some seconds. */
const SKEW_MS = 30 * 1000

const NAMES = { slack: 'Slack', teams: 'Teams' } as const
const ORGS = { slack: 'workspace', teams: 'tenant' } as const

/** A code that is shown once, in the answer to whoever asked for it. */
export interface ShownCode {
  readonly chat: Chat
  readonly code: string
}

/**
 * POST /inbox/me/link gives a signed-in person a code to type into a chat; POST /inbox/me/unlink
 * takes an account away. A page of ours has to ask for either, and nothing here takes a code: why
 * not is said in approval/chat-linking.ts.
 */
export function linkRoutes(
  server: FastifyInstance,
  options: InboxOptions,
  showCode: (
    request: FastifyRequest,
    reply: FastifyReply,
    content: { readonly viewer: Viewer; readonly shown: ShownCode },
  ) => FastifyReply,
): void {
  server.post(LINK, async (request, reply) => {
    const { viewer, linking, places } = needLinking(request, options)
    const { chat } = placeIn(request, places())
    if (!isFresh(viewer, options)) {
      return hop(
        reply,
        options,
        `/inbox/oidc/start?how=fresh&to=${encodeURIComponent('/inbox/me')}`,
      )
    }
    const code = linking.begin(viewer.person.email, chat)
    return showCode(request, reply, { viewer, shown: { chat, code } })
  })

  server.post('/inbox/me/unlink', async (request, reply) => {
    const { viewer, linking } = needLinking(request, options)
    const { email } = viewer.person
    const place = placeIn(request, linking.links.of(email))
    if (!(await linking.unlink(email, place))) throw noSuch()
    return reply.redirect('/inbox/me', 303)
  })
}

function needLinking(
  request: FastifyRequest,
  options: InboxOptions,
): LinkingOptions & { readonly viewer: Viewer } {
  const viewer = needViewer(request, options)
  const { form = '' } = fieldsOf(request)
  const publicUrl = options.web.publicUrl()
  needOwnPage(request, { publicUrl, expected: viewer.formToken, given: form })
  if (!options.web.linking) throw noSuch()
  return { ...options.web.linking, viewer }
}

function placeIn(request: FastifyRequest, places: readonly ChatPlace[]): ChatPlace {
  const { chat, org } = fieldsOf(request)
  const place = places.find((each) => each.chat === chat && each.org === org)
  if (place) return place
  throw noSuch()
}

function noSuch(): ApiError {
  return new ApiError(404, 'not_found', 'There is no such account of yours, and no such chat here.')
}

/** Without an identity provider there is nothing to prove it by again. */
function isFresh({ account }: Viewer, { web, clock }: InboxOptions): boolean {
  if ((web.oidc?.client() ?? null) === null) return true
  const at = account?.authenticatedAt ?? null
  if (at === null) return false
  const age = clock.now() - at
  return age >= -SKEW_MS && age <= FRESH_MS
}

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
    return chatItem({ place, listed, link, viewer, fresh: isFresh(viewer, options) })
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
