import { join } from 'node:path'
import { z } from 'zod'
import { AppendLog, type OpenFile } from './append-log.ts'
import { type Grant, isLiveGrant } from './grant.ts'
import { KeptGrants } from './kept-grants.ts'

const LineShape = z.looseObject({
  id: z.string(),
  shape: z.string(),
  expiresAt: z.string(),
  escalated: z.array(z.string()).default([]),
  revoked: z.looseObject({}).nullable(),
})

/** The grants of one node: a log beside that of the requests, and what is kept of it in memory. */
export class GrantStore {
  readonly #kept: KeptGrants
  readonly #log: AppendLog

  private constructor(kept: KeptGrants, log: AppendLog) {
    this.#kept = kept
    this.#log = log
  }

  static async open(options: {
    readonly data: string
    readonly openFile?: OpenFile
  }): Promise<GrantStore> {
    const kept = new KeptGrants()
    const log = await AppendLog.open(
      join(options.data, 'approvals', 'grants.ndjson'),
      (line) => kept.keep(LineShape.parse(line) as unknown as Grant),
      () => kept.lines(),
      options.openFile,
    )
    return new GrantStore(kept, log)
  }

  /** Why nothing can be stored, or null. */
  get trouble(): string | null {
    return this.#log.trouble
  }

  get(id: string): Grant | undefined {
    return this.#kept.get(id)
  }

  /** Those that changed last behind. */
  all(): IterableIterator<Grant> {
    return this.#kept.all()
  }

  /** The grant that covers a shape at a time (milliseconds since the epoch). */
  find(shape: string, now: number): Grant | undefined {
    const grant = this.#kept.newest(shape)
    return grant && isLiveGrant(grant, now) ? grant : undefined
  }

  /** Resolves once it is on the disk. */
  put(grant: Grant): Promise<void> {
    return this.#log.append(grant, () => this.#kept.keep(grant))
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
