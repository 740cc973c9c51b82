import type { ShownParameter } from '../approval/request.ts'
import type { Principal } from '../identity/principal.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Decision } from '../policy/decision.ts'
import type { Classification, Classifier, EffectReason, Parsed } from '../sql/statement.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { Parameter } from '../wire/requests.ts'
import { combineDecisions } from './combine-decisions.ts'
import { type Diagnostics, showsThem } from './diagnostics.ts'
import { type Asked, Exchange } from './exchange.ts'
import { KeptValues } from './kept-values.ts'
import type { Services, Settings } from './services.ts'
import type { Names } from './session-names.ts'
import type { ClientFrame, Eventually, Settle, Step } from './step.ts'

export interface VerdictsOptions {
  readonly services: Services
  readonly principal: Principal
  readonly names: Names
  readonly classifier: Classifier
  readonly settings: () => Settings
  readonly diagnostics: Diagnostics
}

/** What a session's texts are and what the rules say of them; makes the exchanges that run. */
export class Verdicts {
  readonly #services: Services
  readonly #principal: Principal
  readonly #names: Names
  readonly #classifier: Classifier
  readonly #settings: () => Settings
  readonly #diagnostics: Diagnostics
  readonly #kept = new KeptValues()
  #exchanges = 0
  /** Settings by which the server reads text otherwise than we do, with their values. */
  readonly #misread = new Map<string, string>()

  constructor({ services, principal, names, classifier, settings, diagnostics }: VerdictsOptions) {
    this.#services = services
    this.#principal = principal
    this.#names = names
    this.#classifier = classifier
    this.#settings = settings
    this.#diagnostics = diagnostics
  }

  /** How many exchanges there have been. */
  get count(): number {
    return this.#exchanges
  }

  /** The server reads text by this value of a setting now; null where it reads it as we do. */
  readsBy(name: string, value: string | null): void {
    if (value === null) this.#misread.delete(name)
    else this.#misread.set(name, value)
  }

  /** Said again when it is sent: an answer to something before it may have come since. */
  schemaChangeIsSent(): void {
    this.#names.schemaInMotion = true
  }

  /** What was judged to change the schema was refused, and nothing else is on its way. */
  noSchemaChangeWasSent(): void {
    this.#names.schemaInMotion = false
  }

  /** To be called behind a batch that ends in Sync or is a simple query. */
  nextSegment(): void {
    this.#names.segment++
  }

  /** Reads a text, by `classifier` where it isn't to be read as the session reads now. */
  classified<T>(
    sql: Buffer,
    next: (parsed: Parsed) => T,
    classifier: Classifier = this.#classifier,
  ): Eventually<T> {
    const { transparent } = this.#services.policy()
    for (const [name, value] of this.#misread) {
      if (!transparent) throw misread(name, value)
      return next(opaque(sql, `${name} is "${value}"`))
    }
    const parsed = classifier.classify(sql, this.#names)
    const settle = (read: Parsed) =>
      next(read.kind === 'syntax-error' && transparent ? opaque(sql, read.message) : read)
    return parsed instanceof Promise ? parsed.then(settle) : settle(parsed)
  }

  /** A text as a person reads it. */
  textOf(sql: Buffer): string {
    return this.#classifier.textOf?.(sql) ?? sql.toString('utf8')
  }

  /** `types` are those of its parameters, as far as they are known, for the person who signs. */
  exchange(text: Asked, inTransaction: boolean, types?: readonly number[]): Exchange {
    const asked = this.#probing(text)
    const changesSchema = asked.statements.some(mayChangeSchema)
    const distrust = this.#names.schemaInMotion || (changesSchema && asked.statements.length > 1)
    // What follows in a pipeline is judged before this is sent.
    if (this.#services.protocol.pipelines) this.#names.schemaInMotion ||= changesSchema
    return new Exchange(asked, {
      distrust,
      changesSchema,
      guards: this.#services.policy().guards,
      clearDiagnostics: showsThem(asked) && !this.#diagnostics.guarded,
      number: ++this.#exchanges,
      decision: this.decide(asked.statements, inTransaction),
      shownParameters: () => this.#show(types ? typed(asked.parameters, types) : asked.parameters),
      follow: (statement) => this.#names.follow(statement),
    })
  }

  /** The same statement once more, with what it turned out to do. */
  again(exchange: Exchange, reason: EffectReason): Exchange {
    return exchange.turnedOut(reason, ++this.#exchanges)
  }

  /** Look-ups, of which there have been too many. */
  #probing(given: Asked): Asked {
    const asked = this.#withKept(given)
    if (!asked.statements.some(({ lookups }) => lookups)) return asked
    const { lookups, rowLimits } = this.#services
    const statements = asked.statements.map((statement) => {
      const { name } = this.#principal.agent
      const probe = lookups.note(name, statement, asked.parameters, rowLimits())
      return probe ? { ...statement, effects: [...statement.effects, probe] } : statement
    })
    return { ...asked, statements }
  }

  /** What reads variables or settings is judged by what the session may have left there. */
  #withKept(asked: Asked): Asked {
    if (!this.#services.policy().guards) return asked
    const statements = this.#kept.judge(asked.statements)
    return statements === asked.statements ? asked : { ...asked, statements }
  }

  #show(parameters: readonly Parameter[]): ShownParameter[] {
    return parameters.map((parameter) => this.#services.values.show(parameter))
  }

  /**
   * What the rules of this moment say of statements that run together: each of them counts, in
   * every database of the agent that it reaches.
   */
  decide(statements: readonly Classification[], inTransaction: boolean): Decision {
    const { schemas } = this.#services
    const policy = this.#services.policy()
    const own = this.#principal
    return combineDecisions(
      statements.flatMap((statement) => {
        const others = schemas?.others(own, statement, this.#settings()) ?? []
        if (others.length === 0) return policy.decide(statement, { principal: own, inTransaction })
        return [own, ...others].map((principal) =>
          policy.decide(statement, { principal, inTransaction }),
        )
      }),
    )
  }

  runOrRefuse(frame: ClientFrame, exchange: Exchange, settle: Settle): Step {
    if (exchange.decision.kind === 'deny') {
      settle(false)
      return { kind: 'refuse', frame, error: denied(exchange.decision.reason), exchange }
    }
    return { kind: 'run', frame, exchange, settle }
  }
}

export function typed(
  parameters: readonly Parameter[],
  types: readonly number[],
): readonly Parameter[] {
  return parameters.map((parameter, index) => ({ ...parameter, typeOid: types[index] ?? 0 }))
}

export function statementsOf(parsed: Parsed): readonly Classification[] {
  switch (parsed.kind) {
    case 'statements':
      return parsed.statements
    case 'opaque':
      return [parsed.classification]
    case 'syntax-error':
      return []
  }
}

function opaque(sql: Buffer, reason: string): Parsed {
  return { kind: 'opaque', classification: unreadable(sql.toString('utf8'), reason) }
}

function misread(name: string, value: string): ProxyError {
  const why = `${name} is "${value}" in this session: its statements would be read differently`
  return new ProxyError('PROTOCOL_VIOLATION', why)
}

/** SET changes what a session reads by, and no table, unless it calls what somebody has written. */
function mayChangeSchema({ effects, functions, verb }: Classification): boolean {
  const only = verb === 'SET' && functions.length === 0
  return effects.some(({ effect }) => effect === 'ddl' || (effect === 'opaque' && !only))
}

export function denied(reason: string): ProxyError {
  return new ProxyError('STATEMENT_DENIED', `denied: ${reason}`)
}

export function cannotBeRead(): ProxyError {
  return new ProxyError(
    'STATEMENT_DENIED',
    'denied: countersign cannot read this statement, so nobody could sign it: write it differently',
  )
}

/** A frame that uses a name which nothing has. */
export function unknownName(
  frame: ClientFrame,
  code: 'UNKNOWN_STATEMENT' | 'UNKNOWN_PORTAL',
  what: string,
): Step {
  const error = new ProxyError(code, `${what} does not exist`)
  return { kind: 'refuse', frame, error, exchange: null, nameless: true }
}
