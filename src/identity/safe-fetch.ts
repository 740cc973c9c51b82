import { isLoopback } from './fetch-json.ts'

const LONGEST_BYTES = 256 * 1024

interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly redirect?: 'manual' | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * What an identity provider is asked with: over TLS, or on this machine, from the address itself,
 * and of its answer 256 KiB at most. Whoever asks says by a signal how long.
 */
export async function safeFetch(address: string, asked: Asked): Promise<Response> {
  const url = new URL(address)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    throw new Error(`${url.origin} is not https`)
  }
  const answer = await fetch(url, { ...(asked as RequestInit), redirect: 'manual' })
  const body = await readCapped(answer)
  // These have no body (Fetch, section 2.2.3).
  const none = answer.status === 204 || answer.status === 205 || answer.status === 304
  const { status, statusText, headers } = answer
  return new Response(none ? null : body, { status, statusText, headers })
}

async function readCapped(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > LONGEST_BYTES) throw new Error('its answer is over 256 KiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
