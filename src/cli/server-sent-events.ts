export interface ServerSentEvent {
  readonly id: string | null
  readonly type: string
  readonly data: string
}

/** An event longer than this isn't one of ours. */
const MAX_EVENT = 1024 * 1024

/** Reads a stream of server-sent events (WHATWG HTML, section 9.2) as our API writes them. */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let buffer = ''
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true })
    const blocks = buffer.split('\n\n')
    buffer = blocks.pop() ?? ''
    if (buffer.length > MAX_EVENT) throw new Error('an event is too long')
    for (const block of blocks) {
      const event = eventOf(block)
      if (event) yield event
    }
  }
}

/** null for a comment, with which the server shows that it is there. */
function eventOf(block: string): ServerSentEvent | null {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) fields.set(name, value)
  }
  const data = fields.get('data')
  if (data === undefined) return null
  return { id: fields.get('id') ?? null, type: fields.get('event') ?? 'message', data }
}
