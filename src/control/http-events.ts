import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CancelTimer } from '../lib/clock.ts'
import { ApiError } from './api-error.ts'
import type { Callers } from './callers.ts'
import type { FeedEvent } from './event-feed.ts'
import { type HttpOptions, SECURITY_HEADERS } from './http-options.ts'
import { type Route, route } from './route.ts'

const MAX_STREAMS = 200
const HEARTBEAT_MS = 15_000
/** A reader that is this far behind is let go; it comes back with its Last-Event-ID. */
const MAX_BEHIND = 1024 * 1024

type StreamOptions = Pick<HttpOptions, 'feed' | 'clock'>

/** Who may listen, and what says that the line still stands. */
interface StreamKind {
  /** Throws for those who may not, also when a right is lost while they listen. */
  readonly who: (request: FastifyRequest) => unknown
  readonly beat: () => string
}

/** GET /v1/events, for people. */
export function eventRoutes(options: StreamOptions, callers: Callers): readonly Route[] {
  const stream = eventStream(options, {
    who: (request) => callers.admit(request, 'person'),
    beat: () => ': still here\n\n',
  })
  return [
    route({
      method: 'GET',
      path: '/v1/events',
      who: 'person',
      summary: 'What happens, as server-sent events (WHATWG HTML, section 9.2)',
      headers: {
        'last-event-id':
          'The id of the last event that was seen: what came since is sent first. Where that is not known any more an event `reset` says to read the list again.',
      },
      answers: {
        200: { says: 'A stream of events', body: null, type: 'text/event-stream' },
      },
      errors: { 503: ['too_many_streams'] },
      handle: ({ request, reply }) => stream(request, reply),
    }),
  ]
}

/** What serves a stream of events (WHATWG HTML, section 9.2) to whoever may listen. */
export function eventStream(
  options: StreamOptions,
  kind: StreamKind,
): (request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  let streams = 0
  return (request, reply) => {
    kind.who(request)
    if (streams >= MAX_STREAMS) {
      throw new ApiError(503, 'too_many_streams', 'Too many streams are open; try again later.')
    }
    streams++
    openStream(request, reply, { ...options, ...kind }, () => {
      streams--
    })
    return reply
  }
}

function openStream(
  request: FastifyRequest,
  reply: FastifyReply,
  options: StreamOptions & StreamKind,
  onEnd: () => void,
): void {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream; charset=utf-8' })
  const write = (text: string): void => {
    if (raw.writableLength > MAX_BEHIND) raw.destroy()
    else raw.write(text)
  }
  write(greeting(request.headers['last-event-id'], options))
  write(options.beat())
  const unsubscribe = options.feed.subscribe((event) => write(textOf(event)))
  const stopHeart = heartbeat(request, options, write, () => raw.destroy())
  raw.on('close', () => {
    unsubscribe()
    stopHeart()
    onEnd()
  })
}

function greeting(lastId: string | readonly string[] | undefined, options: StreamOptions): string {
  const missed = typeof lastId === 'string' ? options.feed.since(lastId) : []
  if (missed === null) return 'event: reset\ndata: {}\n\n'
  return `: listening\n\n${missed.map(textOf).join('')}`
}

/** Keeps the connection from looking dead, and ends it when its token isn't good any more. */
function heartbeat(
  request: FastifyRequest,
  options: StreamOptions & StreamKind,
  write: (text: string) => void,
  end: () => void,
): () => void {
  let cancel: CancelTimer
  const beat = (): void => {
    try {
      options.who(request)
    } catch {
      end()
      return
    }
    write(options.beat())
    cancel = options.clock.after(HEARTBEAT_MS, beat)
  }
  cancel = options.clock.after(HEARTBEAT_MS, beat)
  return () => cancel()
}

function textOf(event: FeedEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`
}
