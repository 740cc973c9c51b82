import { z } from 'zod'
import type { HttpOptions } from './http-options.ts'
import { type Route, route } from './route.ts'

export const Readiness = z.object({ ready: z.boolean(), reasons: z.array(z.string()) })

/** Health and metrics name no agent, person or table, and need no token. */
export function healthRoutes({ notReady, metrics }: HttpOptions): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      who: 'anyone',
      summary: 'Whether the control process lives',
      answers: { 200: { says: 'It does', body: z.object({ ok: z.literal(true) }) } },
      handle: () => ({ ok: true }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      who: 'anyone',
      summary: 'Whether statements can be approved and run now',
      answers: {
        200: { says: 'They can', body: Readiness },
        503: { says: 'They can not, and why', body: Readiness },
      },
      handle: ({ reply }) => {
        const reasons = notReady()
        reply.code(reasons.length === 0 ? 200 : 503)
        return { ready: reasons.length === 0, reasons }
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      who: 'anyone',
      summary: "Counters, in Prometheus' text format",
      answers: { 200: { says: 'The counters', body: null, type: 'text/plain' } },
      handle: ({ reply }) => {
        reply.type('text/plain; version=0.0.4; charset=utf-8')
        return metrics()
      },
    }),
  ]
}
