import type { FastifyInstance, FastifyRequest } from 'fastify'

/** What people write to a bot comes to us, too, and clicks carry the message that they were made in. */
export const CHAT_BODY_LIMIT = 256 * 1024

/**
 * Keeps this part of the server, and no other, from reading a body before it is known who has sent
 * it: signatures are of bytes.
 */
export function keepRaw(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
}

export function rawBodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}
