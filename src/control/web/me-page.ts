import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sameName } from '../../identity/directory.ts'
import type { SessionToken } from '../../identity/session-tokens.ts'
import { ApiError } from '../api-error.ts'
import { fieldsOf } from './form-fields.ts'
import { type Html, html } from './html.ts'
import { chatAccounts } from './me-accounts.ts'
import { LINK, linkRoutes, type ShownCode } from './me-linking.ts'
import { moment } from './moments.ts'
import type { SendPage, ShowPage } from './more-pages.ts'
import { needOwnPage } from './own-page.ts'
import { named } from './request-words.ts'
import type { InboxOptions } from './web-options.ts'
import type { ListedSession } from './web-sessions.ts'
import { needViewer, sessionSecret, type Viewer } from './who.ts'

/**
 * GET /inbox/me: who one is here, in chats too, and where one is signed in; POST /inbox/me/end ends
 * one of those.
 */
export function meRoutes(
  server: FastifyInstance,
  options: InboxOptions,
  pages: { readonly show: ShowPage; readonly send: SendPage },
): void {
  const { web, session } = options

  const mine = (request: FastifyRequest, viewer: Viewer, shown: ShownCode | null) => {
    const person = sameName(viewer.person.email)
    const secret = sessionSecret(request, web.publicUrl())
    const main = mePage({
      viewer,
      here: secret === null ? null : web.sessions.idOf(secret),
      browsers: web.sessions.of(person),
      commandLines: session?.tokens.of(viewer.person.email) ?? [],
      accounts: chatAccounts(options, viewer, shown),
    })
    return { title: 'Me', main, at: '/inbox/me' }
  }
  pages.show('/inbox/me', (request, _reply, viewer) => mine(request, viewer, null))
  // What a page with a code keeps itself up to date by; the code isn't in it.
  pages.show(LINK, (request, _reply, viewer) => mine(request, viewer, null))
  linkRoutes(server, options, (request, reply, { viewer, shown }) =>
    pages.send(reply, viewer, mine(request, viewer, shown)),
  )

  server.post('/inbox/me/end', async (request, reply) => {
    const viewer = needViewer(request, options)
    const { form = '', session: id = '', kind } = fieldsOf(request)
    needOwnPage(request, { publicUrl: web.publicUrl(), expected: viewer.formToken, given: form })
    const { email } = viewer.person
    const ended =
      kind === 'browser'
        ? web.sessions.endOf(sameName(email), id)
        : (session?.tokens.end(email, id) ?? false)
    if (!ended) throw new ApiError(404, 'not_found', 'There is no such sign-in of yours.')
    return reply.redirect('/inbox/me', 303)
  })
}

interface MeContent {
  readonly viewer: Viewer
  /** The session that looks at the page. */
  readonly here: string | null
  readonly browsers: readonly ListedSession[]
  readonly commandLines: readonly SessionToken[]
  /** Null where there is no chat. */
  readonly accounts: Html | null
}

function mePage({ viewer, here, browsers, commandLines, accounts }: MeContent): Html {
  const { person, account, formToken } = viewer
  const end = (kind: string, id: string) =>
    html`<form method="post" action="/inbox/me/end" aria-label="End this sign-in"><input type="hidden" name="form" value="${formToken}"><input type="hidden" name="kind" value="${kind}"><input type="hidden" name="session" value="${id}"><button>End</button></form>`
  return html`<h1>${named(person.email)}</h1>
<section class="panel own" aria-labelledby="me-title"><h2 id="me-title">Who you are here</h2>
<p>Groups: ${person.groups.length === 0 ? 'none' : person.groups.map((group, at) => html`${at > 0 && ', '}${named(group)}`)}</p>
<p class="fine">${
    account
      ? html`Signed in at ${named(account.issuer)}, as ${named(account.subject)}${account.authenticatedAt !== null && html`; you proved it ${moment(new Date(account.authenticatedAt).toISOString())}`}`
      : 'Signed in with an access token.'
  }</p></section>
${accounts}
<section class="panel own" aria-labelledby="signed-in-title"><h2 id="signed-in-title">Where you are signed in</h2>
<ul>${browsers.map(
    ({ id, endsAt, by }) =>
      html`<li class="between"><p>A browser${id === here && ', this one'}, with ${by === 'account' ? 'your account' : 'an access token'}, until ${moment(new Date(endsAt).toISOString())}</p>${end('browser', id)}</li>`,
  )}${commandLines.map(
    ({ id, createdAt, endsAt }) =>
      html`<li class="between"><p>A command line, from ${moment(new Date(createdAt).toISOString())} until ${moment(new Date(endsAt).toISOString())}</p>${end('command-line', id)}</li>`,
  )}</ul></section>`
}
