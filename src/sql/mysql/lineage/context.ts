import type { Dialect } from '../dialect.ts'
import type { MysqlSchema } from '../schema.ts'
import type { Outputs, Sources } from './columns.ts'
import { Unfollowed } from './reading.ts'
import type { Scope } from './scope.ts'
import type { Expression, Query } from './tree.ts'

/** Columns that are looked at before a query counts as too much to follow. */
const MOST_WORK = 200_000

/** A name that WITH makes. */
export interface Common {
  readonly name: string
  readonly outputs: () => Outputs
  readonly next: Common | null
}

/** Where a query stands: what its names may lead to. */
export interface Surroundings {
  readonly parent: Scope | null
  readonly commons: Common | null
}

/** What following one query needs; `outputs` and `sources` follow its parts. */
export class Context {
  readonly schema: MysqlSchema
  readonly database: string | null
  readonly dialect: Dialect
  readonly trusted: ReadonlySet<string>
  readonly fromVariables: boolean
  readonly #followers: Followers
  #work = 0

  constructor(options: ContextOptions, followers: Followers) {
    this.schema = options.schema
    this.database = options.database
    this.dialect = options.dialect
    this.trusted = options.trusted
    this.fromVariables = options.fromVariables ?? false
    this.#followers = followers
  }

  outputs(query: Query, surroundings: Surroundings): Outputs {
    return this.#followers.outputs(this, query, surroundings)
  }

  sources(value: Expression, scope: Scope, commons: Common | null): Sources {
    return this.#followers.sources(this, value, scope, commons)
  }

  spend(work: number): void {
    this.#work += work
    if (this.#work > MOST_WORK) throw new Unfollowed('it is too much to follow')
  }
}

export interface ContextOptions {
  readonly schema: MysqlSchema
  /** The default schema. */
  readonly database: string | null
  readonly dialect: Dialect
  /** schema.function: what it returns may be seen. */
  readonly trusted: ReadonlySet<string>
  /** Parameters hold what variables of the session do. */
  readonly fromVariables?: boolean
}

/** What follows the parts of a query, each of which may hold the others. */
export interface Followers {
  outputs(context: Context, query: Query, surroundings: Surroundings): Outputs
  sources(context: Context, value: Expression, scope: Scope, commons: Common | null): Sources
}
