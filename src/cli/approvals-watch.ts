import { renderRequest, statusOf } from '../approval/channels/rendering.ts'
import { requestFromView } from '../control/request-view.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { type ApiClient, ApiFailure } from './api-client.ts'
import type { CommandIo } from './io.ts'
import { readEvents, type ServerSentEvent } from './server-sent-events.ts'

const RETRY_MS = 1_000

interface WatchOptions {
  readonly json: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Follows the stream of events, and takes it up again where it broke, until the signal comes. */
export async function watchApprovals(
  api: ApiClient,
  io: CommandIo,
  options: WatchOptions,
): Promise<void> {
  const { signal, clock } = options
  let last: string | null = null
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = last === null ? {} : { 'last-event-id': last }
      const body = await api.stream('/v1/events', headers, signal)
      for await (const event of readEvents(body)) {
        last = event.id ?? last
        await print(api, io, event, options)
      }
    } catch (error) {
      if (signal.aborted) return
      // A token that isn't good won't become so by trying again.
      if (error instanceof ApiFailure && error.status < 500) throw error
      io.err(`${messageOf(error)}; trying again\n`)
    }
    if (!signal.aborted) await pause(clock, signal)
  }
}

async function print(
  api: ApiClient,
  io: CommandIo,
  event: ServerSentEvent,
  { json }: WatchOptions,
): Promise<void> {
  if (json) {
    io.out(`${JSON.stringify({ id: event.id, event: event.type, data: JSON.parse(event.data) })}\n`)
    return
  }
  if (event.type === 'reset') {
    io.out('Some events were missed; see: countersign approvals ls --all\n')
    return
  }
  const { id } = JSON.parse(event.data) as { id: string }
  const request = requestFromView(await api.get(`/v1/approvals/${encodeURIComponent(id)}`))
  const { title } = renderRequest(request)
  io.out(`${request.updatedAt}  ${request.id}  ${title}: ${statusOf(request)}\n`)
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(RETRY_MS, resolve)
    const stop = (): void => {
      cancel()
      resolve()
    }
    signal.addEventListener('abort', stop, { once: true })
  })
}
