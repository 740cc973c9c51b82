import type { Copy } from '../sql/statement.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { Outbox } from '../wire/outbox.ts'
import type { AnyRequest } from '../wire/requests.ts'
import type { Exchange } from './exchange.ts'
import type { Services } from './services.ts'
import type { Step } from './step.ts'
import { denied } from './verdicts.ts'

export interface CopiesOptions {
  readonly services: Services
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly toServer: Outbox
  /** Resolves when all that was sent has been answered. */
  settled(): Promise<void>
}

/** What has to be known of copied values before they move: out by COPY, or into other tables. */
export class Copies {
  readonly #options: CopiesOptions

  constructor(options: CopiesOptions) {
    this.#options = options
  }

  /** True for a COPY whose columns have to be described to us. */
  lookedAt(exchange: Exchange): boolean {
    const looked = exchange.guarded || this.#options.services.policy().detects
    return looked && exchange.statements.some(({ copy }) => copy)
  }

  async describe(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'run' && this.lookedAt(step.exchange)) await this.#describe(step.exchange)
    }
  }

  /** COPY has no row description: what it sends is learned from a SELECT that would send the same. */
  async #describe(exchange: Exchange): Promise<void> {
    const { dialogue, toServer } = this.#options
    await this.#options.settled()
    if (dialogue.skipping || dialogue.transaction === 'failed') return
    for (const [index, { copy }] of exchange.statements.entries()) {
      if (!copy) continue
      const described = dialogue.describe(copy.describedBy)
      toServer.flush()
      exchange.setCopyColumns(index, (await described) ?? [])
    }
  }

  /** Before anything is written, so that nobody can read it for what it isn't. */
  async note(copies: readonly Copy[]): Promise<void> {
    try {
      await this.#options.services.schema.copied(copies)
    } catch {
      throw denied('what it copies can not be noted now, for the schema can not be read: try later')
    }
  }
}

/** What statements write elsewhere of classified values. */
export function copiesOf(steps: readonly Step[]): readonly Copy[] {
  return steps.flatMap((step) =>
    step.kind === 'run' ? step.exchange.statements.flatMap(({ copies }) => copies ?? []) : [],
  )
}
