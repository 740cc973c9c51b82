import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CancelTimer } from '../lib/clock.ts'
import { ApiError } from './api-error.ts'
import type { FeedEvent } from './event-feed.ts'
import { type HttpOptions, personBehind, SECURITY_HEADERS } from './http-options.ts'

const MAX_STREAMS = 200
const HEARTBEAT_MS = 15_000
/** A reader that is this far behind is let go; it comes back with its Last-Event-ID. */
const MAX_BEHIND = 1024 * 1024

type StreamOptions = Pick<HttpOptions, 'feed' | 'clock' | 'tokens' | 'directory'>

/** Who may listen, where, and what says that the line still stands. */
interface StreamKind {
  readonly path: string
  /** Throws for those who may not, also when a right is lost while they listen. */
  readonly who: (request: FastifyRequest) => unknown
  readonly beat: () => string
}

function apiStream(options: StreamOptions): StreamKind {
  const beat = () => ': still here\n\n'
  return { path: '/events', who: (request) => personBehind(request, options), beat }
}

/**
 * GET /v1/events: server-sent events (WHATWG HTML, section 9.2). After `Last-Event-ID` comes what
 * was missed; where that isn't known any more an event `reset` says to read the list again.
 */
export function eventRoutes(
  server: FastifyInstance,
  options: StreamOptions,
  { path, who, beat }: StreamKind = apiStream(options),
): void {
  let streams = 0
  server.get(path, (request, reply) => {
    who(request)
    if (streams >= MAX_STREAMS) {
      throw new ApiError(503, 'too_many_streams', 'Too many streams are open; try again later.')
    }
    streams++
    openStream(request, reply, { ...options, who, beat }, () => {
      streams--
    })
    return reply
  })
}

function openStream(
  request: FastifyRequest,
  reply: FastifyReply,
  options: StreamOptions & Omit<StreamKind, 'path'>,
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
  options: StreamOptions & Omit<StreamKind, 'path'>,
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
