import { createHash, randomBytes } from 'node:crypto'
import type { DeviceCode } from '../identity/oidc-client.ts'
import type { Clock } from '../lib/clock.ts'

const MOST = 500
/** RFC 8628, section 3.5: slow_down asks for so much more between two polls. */
const SLOWER_MS = 5_000

interface Pending {
  readonly code: DeviceCode
  readonly until: number
  intervalMs: number
  nextAt: number
}

/**
 * Sign-ins of command lines on their way (RFC 8628). The provider's device code stays here; the
 * command line holds 32 random bytes of ours, and only it can ask. A restart forgets them.
 */
export class DeviceSignIns {
  readonly #clock: Clock
  readonly #pending = new Map<string, Pending>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Keeps a device code and returns what to ask by. */
  add(code: DeviceCode): string {
    const handle = randomBytes(32).toString('base64url')
    const now = this.#clock.monotonic()
    const { intervalMs } = code
    const until = now + code.expiresMs
    this.#pending.set(digest(handle), { code, until, intervalMs, nextAt: now + intervalMs })
    const [oldest] = this.#pending.keys()
    if (this.#pending.size > MOST && oldest !== undefined) this.#pending.delete(oldest)
    return handle
  }

  /** `wait`: it was asked too soon. While one asks, the next waits, so that one token is given. */
  ask(handle: string): { readonly code: DeviceCode } | { readonly wait: number } | null {
    const pending = this.#pending.get(digest(handle))
    const now = this.#clock.monotonic()
    if (!pending || now >= pending.until) {
      this.done(handle)
      return null
    }
    if (now < pending.nextAt) return { wait: pending.nextAt - now }
    pending.nextAt = now + pending.intervalMs
    return { code: pending.code }
  }

  /** The provider wants to be asked less often; returns the time between two, in ms. */
  slower(handle: string, by = SLOWER_MS): number {
    const pending = this.#pending.get(digest(handle))
    if (!pending) return by
    pending.intervalMs += by
    pending.nextAt = this.#clock.monotonic() + pending.intervalMs
    return pending.intervalMs
  }

  /** True once: what is done can't be asked for again. */
  done(handle: string): boolean {
    return this.#pending.delete(digest(handle))
  }
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
