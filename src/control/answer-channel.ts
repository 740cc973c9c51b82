import type { FastifyRequest } from 'fastify'
import type { Channel } from '../approval/request.ts'

/** Only a note of where an answer came from: it grants nothing. */
export function channelOf(request: FastifyRequest): Channel {
  return request.headers['countersign-channel'] === 'cli' ? 'cli' : 'api'
}
