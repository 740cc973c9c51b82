import type { FastifyInstance, FastifyRequest } from 'fastify'

/** A decision is a reason and a few hashes. */
const FORM_LIMIT = 32 * 1024

/** Lets this part of the server, and no other, read application/x-www-form-urlencoded. */
export function readForms(server: FastifyInstance): void {
  const options = { parseAs: 'string', bodyLimit: FORM_LIMIT } as const
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    options,
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(String(body))))
    },
  )
}

export type Fields = Readonly<Record<string, string | undefined>>

/** The fields of a form that was posted; none where no form was. */
export function fieldsOf(request: FastifyRequest): Fields {
  const { body } = request
  return typeof body === 'object' && body !== null ? (body as Record<string, string>) : {}
}
