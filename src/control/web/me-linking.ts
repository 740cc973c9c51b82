import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Chat, ChatPlace } from '../../identity/chat-link.ts'
import { ApiError } from '../api-error.ts'
import { fieldsOf } from './form-fields.ts'
import { hop } from './hop.ts'
import { needOwnPage } from './own-page.ts'
import { provedLately } from './proved-lately.ts'
import type { InboxOptions, LinkingOptions } from './web-options.ts'
import { needViewer, type Viewer } from './who.ts'

export const LINK = '/inbox/me/link'

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
    // A code makes an account that signs.
    if (!provedLately(viewer, options)) {
      return hop(
        reply,
        options,
        `/inbox/oidc/start?how=fresh&to=${encodeURIComponent('/inbox/me')}`,
      )
    }
    const code = linking.begin(viewer.person.email, chat, viewer.by)
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
