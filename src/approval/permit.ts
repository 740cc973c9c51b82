import type { Allow } from '../policy/decision.ts'
import type { Approved } from './request.ts'

/**
 * The right to forward certain frames, once. It can be made only from an allow or from an approval,
 * so forwarding without a decision doesn't type-check.
 */
export class Permit<Frames> {
  readonly #frames: Frames
  readonly approval: Approved | null
  #spent = false

  private constructor(frames: Frames, approval: Approved | null) {
    this.#frames = frames
    this.approval = approval
  }

  static fromAllow<Frames>(_decision: Allow, frames: Frames): Permit<Frames> {
    return new Permit(frames, null)
  }

  static fromApproval<Frames>(approval: Approved, frames: Frames): Permit<Frames> {
    return new Permit(frames, approval)
  }

  /** Hands out the frames; a second call throws. */
  spend(): Frames {
    if (this.#spent) throw new Error('a permit is for one execution')
    this.#spent = true
    return this.#frames
  }
}
