import { messageOf } from '../lib/errors.ts'

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>

/** An answer of the API that isn't a success, in its own words. */
export class ApiFailure extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The HTTP API as the command line uses it. */
export class ApiClient {
  readonly #base: string
  readonly #token: string
  readonly #fetch: Fetch

  constructor(options: { readonly url: string; readonly token: string; readonly fetch: Fetch }) {
    this.#base = options.url.replace(/\/+$/, '')
    this.#token = options.token
    this.#fetch = options.fetch
  }

  get(path: string): Promise<Record<string, unknown>> {
    return this.#json(path, {})
  }

  post(path: string, body: unknown, headers: Record<string, string>) {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    }
    return this.#json(path, init)
  }

  /** The body of a stream. */
  async stream(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send(path, { headers, signal })
    if (!response.ok || !response.body) throw await failureOf(response)
    return response.body
  }

  async #json(path: string, init: RequestInit): Promise<Record<string, unknown>> {
    const response = await this.#send(path, init)
    if (!response.ok) throw await failureOf(response)
    return (await response.json()) as Record<string, unknown>
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = {
      ...(init.headers as Record<string, string> | undefined),
      authorization: `Bearer ${this.#token}`,
      'countersign-channel': 'cli',
    }
    try {
      return await this.#fetch(`${this.#base}${path}`, { ...init, headers, redirect: 'error' })
    } catch (error) {
      const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : ''
      throw new Error(`${this.#base} can't be reached (${messageOf(error)}${cause})`)
    }
  }
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const body = (await response.json().catch(() => null)) as {
    error?: { code?: unknown; message?: unknown }
  } | null
  const code = String(body?.error?.code ?? `http_${response.status}`)
  const message = String(body?.error?.message ?? `it answered ${response.status}`)
  return new ApiFailure(response.status, code, message)
}
