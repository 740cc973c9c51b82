/** Who answers the Sync up to which a client skips. */
export type SyncAnsweredBy = 'proxy' | 'server'

/** After an error everything up to the client's Sync is ignored, a simple query too. */
export class Skipping {
  #by: SyncAnsweredBy | null = null

  /** True while what the client sends is to be ignored. */
  get active(): boolean {
    return this.#by !== null
  }

  begin(by: SyncAnsweredBy): void {
    this.#by = by
  }

  /** The Sync has come; answers who is to answer it. */
  end(): SyncAnsweredBy | null {
    const by = this.#by
    this.#by = null
    return by
  }
}
