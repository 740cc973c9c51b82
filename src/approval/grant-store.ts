import { join } from 'node:path'
import { z } from 'zod'
import { AppendLog, type OpenFile } from './append-log.ts'
import { type Grant, isLiveGrant } from './grant.ts'

const LineShape = z.looseObject({
  id: z.string(),
  shape: z.string(),
  expiresAt: z.string(),
  escalated: z.array(z.string()).default([]),
  revoked: z.looseObject({}).nullable(),
})

/** Grants that are over and shown all the same; oldest go first. */
const KEEP_GRANTS = 2_000

/** The grants of one node: a log beside that of the requests, and a map in memory. */
export class GrantStore {
  readonly #grants = new Map<string, Grant>()
  /** The newest grant of each shape. */
  readonly #byShape = new Map<string, string>()
  #log!: AppendLog

  private constructor() {}

  static async open(options: {
    readonly data: string
    readonly openFile?: OpenFile
  }): Promise<GrantStore> {
    const store = new GrantStore()
    const path = join(options.data, 'approvals', 'grants.ndjson')
    const replay = (line: unknown) => store.#keep(LineShape.parse(line) as unknown as Grant)
    store.#log = await AppendLog.open(path, replay, () => store.#lines(), options.openFile)
    return store
  }

  /** Why nothing can be stored, or null. */
  get trouble(): string | null {
    return this.#log.trouble
  }

  get(id: string): Grant | undefined {
    return this.#grants.get(id)
  }

  /** Those that changed last behind. */
  all(): IterableIterator<Grant> {
    return this.#grants.values()
  }

  /** The grant that covers a shape at a time (milliseconds since the epoch). */
  find(shape: string, now: number): Grant | undefined {
    const grant = this.#grants.get(this.#byShape.get(shape) ?? '')
    return grant && isLiveGrant(grant, now) ? grant : undefined
  }

  /** Resolves once it is on the disk. */
  put(grant: Grant): Promise<void> {
    return this.#log.append(grant, () => this.#keep(grant))
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #keep(grant: Grant): void {
    this.#grants.delete(grant.id)
    this.#grants.set(grant.id, grant)
    this.#byShape.set(grant.shape, grant.id)
    const [oldest] = this.#grants.values()
    if (this.#grants.size <= KEEP_GRANTS || !oldest) return
    this.#grants.delete(oldest.id)
    if (this.#byShape.get(oldest.shape) === oldest.id) this.#byShape.delete(oldest.shape)
  }

  *#lines(): Generator<string> {
    for (const grant of this.#grants.values()) yield JSON.stringify(grant)
  }
}
