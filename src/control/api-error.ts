import type { FastifyReply } from 'fastify'
import { messageOf, ProxyError } from '../lib/errors.ts'

/** An answer of the HTTP API that isn't a success. The message says what to do. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly more: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: string,
    message: string,
    more: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.more = more
  }
}

/** Sends any error as `{"error":{"code","message"}}`. What isn't known is logged and not told. */
export async function sendError(
  error: unknown,
  reply: FastifyReply,
  log: (text: string) => void,
): Promise<void> {
  const known = toApiError(error)
  if (!known) log(`HTTP: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
  const { status, code, message, more } =
    known ?? new ApiError(500, 'internal', 'This failed for a reason of our own; see the log.')
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  await reply.code(status).send({ error: { code, message }, ...more })
}

/** The answer to an error that is known; null where its reason is our own. */
export function toApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error
  if (error instanceof ProxyError) {
    return new ApiError(503, error.code.toLowerCase(), `${error.message}. Nothing was decided.`)
  }
  // Fastify's own: a body that isn't JSON (400), is too large (413) or of another type (415).
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  if (typeof status !== 'number' || status < 400 || status > 499) return null
  return new ApiError(status, 'bad_request', messageOf(error))
}
