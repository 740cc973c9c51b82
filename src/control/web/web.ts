import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ApprovalRequest } from '../../approval/request.ts'
import { ApiError, toApiError } from '../api-error.ts'
import { eventStream } from '../http-events.ts'
import { IdempotentAnswers } from '../idempotency.ts'
import { cursorAfter, pageOf } from '../page.ts'
import { breakByForm } from './break-glass.ts'
import { decideByForm } from './decide.ts'
import type { Notice } from './decision-notice.ts'
import { fieldsOf, readForms } from './form-fields.ts'
import type { GlassFields } from './glass-panel.ts'
import { hop } from './hop.ts'
import { inboxPage } from './inbox-page.ts'
import { type KeptAnswer, KeptAnswers } from './kept-answers.ts'
import { meRoutes } from './me-page.ts'
import { moreRoutes, type SendPage } from './more-pages.ts'
import { needOwnPage } from './own-page.ts'
import { type PageContent, page } from './page-frame.ts'
import { Renewals } from './renewal.ts'
import { requestPage } from './request-page.ts'
import { addressOf, titleOf } from './request-words.ts'
import { signInRoutes, wayIn } from './sign-in.ts'
import { ownAddress, problemPage } from './sign-in-page.ts'
import type { InboxOptions } from './web-options.ts'
import { needViewer, type Viewer, viewerOf } from './who.ts'

const HISTORY = 30
const REFRESH_SECONDS = 15

/**
 * Files and answers of our own, and nothing that is written into a page runs. There is no `style`
 * and no `script` in any page.
 */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
} as const

/**
 * The inbox: pages that a person decides on. Every page is made here; scripts make it live, and
 * without them it works too. The API's bearer tokens are of no use here, nor its cookies there.
 */
export function webRoutes(server: FastifyInstance, options: InboxOptions): void {
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(PAGE_HEADERS)
  })
  server.setErrorHandler((error, request, reply) => showProblem(error, request, reply, options))
  server.removeAllContentTypeParsers()
  readForms(server)
  server.get('/', async (_request, reply) => reply.redirect('/inbox', 303))
  options.web.assets.routes(server)
  signInRoutes(server, options)
  pageRoutes(server, options)
  const now = () => `event: beat\ndata: ${options.clock.now()}\n\n`
  const who = (request: FastifyRequest) => needViewer(request, options).person
  server.get('/inbox/events', eventStream(options, { who, beat: now }))
}

function pageRoutes(server: FastifyInstance, options: InboxOptions): void {
  const answers = new IdempotentAnswers()
  const renewals = new Renewals(options)
  const kept = new KeptAnswers(options.clock)

  /** A page for whoever is signed in; the way in for everybody else. */
  const show = (
    path: string,
    make: (request: FastifyRequest, reply: FastifyReply, viewer: Viewer) => FastifyReply,
  ) =>
    server.get(path, async (request, reply) => {
      const viewer = viewerOf(request, options)
      if (!viewer) return wayIn(request, reply, options)
      const first = renewals.due(request, viewer)
      return first === null ? make(request, reply, viewer) : reply.redirect(first, 303)
    })
  const showIn = (
    path: string,
    make: (request: FastifyRequest, reply: FastifyReply, viewer: Viewer) => PageContent,
  ) =>
    show(path, (request, reply, viewer) =>
      send(reply, options, viewer, { at: path, ...make(request, reply, viewer) }),
    )
  moreRoutes(server, options, showIn)
  const sendPage: SendPage = (reply, viewer, content) => send(reply, options, viewer, content)
  meRoutes(server, options, { show: showIn, send: sendPage })
  show('/inbox', (request, reply, viewer) => list(request, reply, options, viewer))
  show('/inbox/requests/:id', (request, reply, viewer) => {
    const id = idOf(request)
    const isPage = request.headers['countersign-part'] === undefined
    const again = isPage ? kept.take(viewer.person.email, id) : null
    const glass = again?.ticket == null ? null : { reason: again.reason, ticket: again.ticket }
    return one(request, reply, options, { viewer, kept: glass ? null : again, glass })
  })

  server.post('/inbox/requests/:id/decision', async (request, reply) => {
    const viewer = needViewer(request, options)
    const { form = '' } = fieldsOf(request)
    const publicUrl = options.web.publicUrl()
    needOwnPage(request, { publicUrl, expected: viewer.formToken, given: form })
    const id = idOf(request)
    const decided = await decideByForm(request, { id, viewer }, { ...options, answers })
    const { status, notice, again } = decided
    if (again) return proveFirst(reply, viewer, id, again)
    if (status === 200) return reply.redirect(addressOf(id), 303)
    return one(request, reply.code(status), options, { viewer, notice })
  })

  server.post('/inbox/requests/:id/break-glass', async (request, reply) => {
    const viewer = needViewer(request, options)
    const { form = '' } = fieldsOf(request)
    const publicUrl = options.web.publicUrl()
    needOwnPage(request, { publicUrl, expected: viewer.formToken, given: form })
    const id = idOf(request)
    const { status, notice, typed, again } = await breakByForm(request, { id, viewer }, options)
    if (again) return proveFirst(reply, viewer, id, { ...typed, clears: [] })
    if (status === 200) return reply.redirect(addressOf(id), 303)
    return one(request, reply.code(status), options, { viewer, notice, glass: typed })
  })

  /** Through the identity provider and back to the request, where what was typed in is shown. */
  function proveFirst(reply: FastifyReply, { person }: Viewer, id: string, answer: KeptAnswer) {
    kept.keep(person.email, id, answer)
    const to = encodeURIComponent(ownAddress(addressOf(id)))
    return hop(reply, options, `/inbox/oidc/start?how=fresh&to=${to}`)
  }
}

function list(
  request: FastifyRequest,
  reply: FastifyReply,
  options: InboxOptions,
  viewer: Viewer,
): FastifyReply {
  const { older } = request.query as { older?: string }
  const after = cursorAfter(older)
  const { page: past, next } = pageOf(options.desk.all(), { past: true, limit: HISTORY, after })
  const now = options.clock.now()
  const pending = pendingOf(options)
  const main = inboxPage({ pending, past, older: next, isOlder: older !== undefined, now })
  const title = older === undefined ? 'Inbox' : 'History'
  return send(reply, options, viewer, {
    ...{ title, main, at: '/inbox', refreshSeconds: REFRESH_SECONDS },
  })
}

function one(
  request: FastifyRequest,
  reply: FastifyReply,
  options: InboxOptions,
  {
    viewer,
    notice = null,
    kept = null,
    glass = null,
  }: {
    readonly viewer: Viewer
    readonly notice?: Notice | null
    readonly kept?: KeptAnswer | null
    readonly glass?: GlassFields | null
  },
): FastifyReply {
  const found = options.desk.get(idOf(request))
  if (!found) throw new ApiError(404, 'not_found', 'There is no such request.')
  const all = pendingOf(options)
  const at = all.findIndex((each) => each.id === found.id)
  const main = requestPage({
    request: found,
    directory: options.directory(),
    regulations: options.regulations?.() ?? {},
    rule: options.desk.ruleFor(found),
    viewer: viewer.person,
    kept,
    glass,
    canProve: (options.web.oidc?.client() ?? null) !== null,
    formToken: viewer.formToken,
    idempotencyKey: randomBytes(16).toString('base64url'),
    before: at > 0 ? (all[at - 1] ?? null) : null,
    // What is decided has left the list: the next is then whatever comes first.
    after: all[at + 1] ?? null,
    notice,
    whole: request.headers['countersign-part'] !== 'live',
    now: options.clock.now(),
  })
  return send(reply, options, viewer, { title: titleOf(found), main })
}

/** Pending, the nearest deadline first. */
function pendingOf({ desk }: InboxOptions): readonly ApprovalRequest[] {
  return [...desk.waiting()]
    .filter((request) => request.state === 'pending')
    .sort((a, b) => (a.expiresAt === b.expiresAt ? 0 : a.expiresAt < b.expiresAt ? -1 : 1))
}

function send(
  reply: FastifyReply,
  options: InboxOptions,
  viewer: Viewer,
  content: PageContent,
): FastifyReply {
  const frame = {
    assets: options.web.assets,
    now: options.clock.now(),
    viewer: { person: viewer.person.email, formToken: viewer.formToken },
    pending: pendingOf(options).length,
  }
  return reply.type('text/html; charset=utf-8').send(page(frame, content))
}

/** Any error as a page. What isn't known is logged and not told. */
function showProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: InboxOptions,
): void {
  const known = toApiError(error)
  if (!known)
    options.log(`inbox: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
  const viewer = viewerOf(request, options)
  const main = problemPage(known?.message ?? 'This failed for a reason of our own; see the log.')
  reply.code(known?.status ?? 500)
  if (viewer) send(reply, options, viewer, { title: 'Problem', main })
  else {
    const frame = { assets: options.web.assets, now: options.clock.now(), viewer: null, pending: 0 }
    reply.type('text/html; charset=utf-8').send(page(frame, { title: 'Problem', main }))
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id
}
