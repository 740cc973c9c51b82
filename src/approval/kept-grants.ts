import type { Grant } from './grant.ts'

/** Grants that are over and shown all the same; oldest go first. */
const KEEP_GRANTS = 2_000

/** The grants that are kept in memory. */
export class KeptGrants {
  readonly #grants = new Map<string, Grant>()
  /** The newest grant of each shape. */
  readonly #byShape = new Map<string, string>()

  get(id: string): Grant | undefined {
    return this.#grants.get(id)
  }

  newest(shape: string): Grant | undefined {
    return this.#grants.get(this.#byShape.get(shape) ?? '')
  }

  /** Those that changed last behind. */
  all(): IterableIterator<Grant> {
    return this.#grants.values()
  }

  keep(grant: Grant): void {
    this.#grants.delete(grant.id)
    this.#grants.set(grant.id, grant)
    this.#byShape.set(grant.shape, grant.id)
    if (this.#grants.size > KEEP_GRANTS) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const [oldest] = this.#grants.values()
    if (!oldest) return
    this.#grants.delete(oldest.id)
    if (this.#byShape.get(oldest.shape) === oldest.id) this.#byShape.delete(oldest.shape)
  }

  *lines(): Generator<string> {
    for (const grant of this.#grants.values()) yield JSON.stringify(grant)
  }
}
