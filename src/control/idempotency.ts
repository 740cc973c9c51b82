import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ApiError } from './api-error.ts'

export interface Answered {
  readonly status: number
  readonly body: unknown
}

/** Printable ASCII, as long as any client makes them. */
const KEY = /^[\x21-\x7e]{1,255}$/
const KEEP = 1_000

/** The Idempotency-Key of a request, where it has one. Throws 400 for what is none. */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (Array.isArray(key)) throw new ApiError(400, 'bad_request', 'Send one Idempotency-Key.')
  if (key === undefined || KEY.test(key)) return key
  throw new ApiError(400, 'bad_request', 'Idempotency-Key: 1 to 255 printable characters')
}

/**
 * Answers to requests with an Idempotency-Key: the same key of the same person gets the answer of
 * the first time, also while that is still being worked on. A key with another body is an error.
 */
export class IdempotentAnswers {
  readonly #answers = new Map<string, { readonly digest: string; answer: Promise<Answered> }>()

  /** Runs `work`, or gives what it gave before. What failed for our own reasons is run again. */
  async once(
    key: string | undefined,
    scope: { readonly person: string; readonly path: string; readonly body: unknown },
    work: () => Promise<Answered>,
  ): Promise<Answered> {
    if (key === undefined) return work()
    if (!KEY.test(key)) {
      throw new ApiError(400, 'bad_request', 'Idempotency-Key: 1 to 255 printable characters')
    }
    const name = JSON.stringify([scope.person, key])
    const digest = digestOf([scope.path, scope.body])
    const before = this.#answers.get(name)
    if (before && before.digest !== digest) {
      const message = 'This Idempotency-Key was used for another request; use a new one.'
      throw new ApiError(422, 'idempotency_key_reused', message)
    }
    if (before) return before.answer
    const answer = work()
    this.#remember(name, { digest, answer })
    answer.catch(() => this.#answers.delete(name))
    return answer
  }

  #remember(name: string, entry: { digest: string; answer: Promise<Answered> }): void {
    this.#answers.set(name, entry)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > KEEP && oldest !== undefined) this.#answers.delete(oldest)
  }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
