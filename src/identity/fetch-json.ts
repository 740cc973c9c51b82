import type { Clock } from '../lib/clock.ts'

const TIMEOUT_MS = 5_000
const LONGEST_BYTES = 256 * 1024
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** An address that may be asked without TLS: nobody listens on the way. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname)
}

/**
 * GETs a JSON document: within 5 s, of at most 256 KiB, from the address itself and none that it
 * points to. Throws Error that names the address and what was wrong, never what it answered.
 */
export async function fetchJson(url: URL, clock: Clock): Promise<unknown> {
  const ending = new AbortController()
  const stopTimer = clock.after(TIMEOUT_MS, () => ending.abort(new Error('no answer within 5 s')))
  try {
    const answer = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: ending.signal,
    })
    const text = await readCapped(answer)
    if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
    return parse(text)
  } catch (error) {
    throw new Error(`${url.origin}${url.pathname}: ${reasonOf(error)}`)
  } finally {
    stopTimer()
  }
}

/** The text of an answer; throws where that has more than 256 KiB. */
export async function readCapped(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > LONGEST_BYTES) throw new Error('its answer is over 256 KiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** An error of JSON.parse quotes what it was given. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('its answer is not JSON')
  }
}

/** fetch says "fetch failed", and why in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message
}
