import type { Principal } from '../identity/principal.ts'
import { readOwnSettings } from './door/own-settings.ts'

/** What an agent may say of itself again while its session goes on. */
export const SAYABLE = ['hold', 'reason', 'claim', 'clear'] as const
export type Sayable = (typeof SAYABLE)[number]

type Said = Pick<Principal, 'claim' | 'asksHoldMs' | 'asksClear'>

/**
 * The `countersign.*` settings of one session: what was said when it began, and since. None of them
 * gives anything by itself: a hold is the shortest that anybody asks for, a claim is only shown, and
 * what is asked to be seen has to be signed.
 */
export class SaidSettings {
  readonly principal: Principal
  readonly #atFirst: Said
  #now: Said
  #texts = new Map<Sayable, string>()

  constructor(principal: Principal) {
    const { claim, asksHoldMs, asksClear } = principal
    this.#atFirst = { claim, asksHoldMs, asksClear }
    this.#now = this.#atFirst
    const now = () => this.#now
    // Whoever holds the principal sees what holds now.
    this.principal = {
      ...principal,
      get claim() {
        return now().claim
      },
      get asksHoldMs() {
        return now().asksHoldMs
      },
      get asksClear() {
        return now().asksClear
      },
    }
  }

  /** What would hold behind a SET; throws STARTUP_REFUSED for a value that is none. */
  read(name: Sayable, value: string): Said {
    const said = readOwnSettings(new Map([[name, value]]))
    if (name === 'hold') return { ...this.#now, asksHoldMs: said.asksHoldMs }
    if (name === 'clear') return { ...this.#now, asksClear: said.asksClear }
    return { ...this.#now, claim: said.claim }
  }

  set(name: Sayable, value: string): void {
    this.#now = this.read(name, value)
    this.#texts.set(plain(name), value)
  }

  /** As it was when the session began. */
  reset(name: Sayable): void {
    const { claim, asksHoldMs, asksClear } = this.#atFirst
    if (name === 'hold') this.#now = { ...this.#now, asksHoldMs }
    else if (name === 'clear') this.#now = { ...this.#now, asksClear }
    else this.#now = { ...this.#now, claim }
    this.#texts.delete(plain(name))
  }

  resetAll(): void {
    this.#now = this.#atFirst
    this.#texts.clear()
  }

  /** As SHOW tells it; empty where nothing was said. */
  show(name: Sayable): string {
    const text = this.#texts.get(plain(name))
    if (text !== undefined) return text
    const { claim, asksHoldMs, asksClear } = this.#now
    if (name === 'hold') return asksHoldMs === null ? '' : `${asksHoldMs}ms`
    return name === 'clear' ? asksClear.join(', ') : (claim ?? '')
  }
}

/** A reason is a claim by another name. */
function plain(name: Sayable): Sayable {
  return name === 'reason' ? 'claim' : name
}
