import type { ShownParameter } from '../approval/request.ts'
import type { Principal } from '../identity/principal.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Decision } from '../policy/decision.ts'
import type { Classification, Parsed } from '../sql/statement.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { Parameter, Request } from '../wire/protocol.ts'
import { combineDecisions } from './combine-decisions.ts'
import { type Asked, Exchange } from './exchange.ts'
import type { Services } from './services.ts'
import type { Names, PreparedStatement } from './session-names.ts'
import { showParameters } from './shown-parameters.ts'

/** A client's frame with what it asks. */
export interface ClientFrame {
  readonly request: Request
  readonly bytes: Buffer
}

type Settle = (done: boolean) => void

/** What is to become of one frame. */
export type Step =
  /** Can't execute anything: goes as it is. */
  | {
      readonly kind: 'pass'
      readonly frame: ClientFrame
      readonly exchange: Exchange | null
      readonly settle?: Settle
      readonly parameterTypes?: (types: readonly number[]) => void
    }
  /** Runs something: a simple query, or a Bind. */
  | {
      readonly kind: 'run'
      readonly frame: ClientFrame
      readonly exchange: Exchange
      readonly settle?: Settle
    }
  /** Goes on with what a Bind was allowed to run. */
  | {
      readonly kind: 'execute'
      readonly frame: ClientFrame
      readonly exchange: Exchange
      readonly portal: string
    }
  /** The grammar refuses it: the server is asked to say so. */
  | { readonly kind: 'syntax-error'; readonly frame: ClientFrame; readonly sql: Buffer }
  | {
      readonly kind: 'refuse'
      readonly frame: ClientFrame
      readonly error: ProxyError
      readonly exchange: Exchange | null
      /** What stands before it is going to fail on the server, whose own error comes first. */
      readonly behindFailure?: true
      /** It uses a name that nothing has: the server is asked to say so. */
      readonly nameless?: true
    }

type Eventually<T> = T | Promise<T>

/** Classifies and decides one session's frames, in order. Forwards nothing. */
export class Judge {
  readonly #services: Services
  readonly #principal: Principal
  readonly #names: Names
  #exchanges = 0
  /** Settings by which the server reads text otherwise than we do, with their values. */
  readonly #misread = new Map<string, string>()

  constructor(services: Services, principal: Principal, names: Names) {
    this.#services = services
    this.#principal = principal
    this.#names = names
  }

  get statements(): number {
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

  judge(frame: ClientFrame, inTransaction: boolean): Eventually<Step> {
    const { request } = frame
    switch (request.kind) {
      case 'query':
        return this.#classified(request.sql, (parsed) => this.#query(frame, parsed, inTransaction))
      case 'prepare':
        return this.#classified(request.sql, (parsed) =>
          this.#prepare(frame, parsed, inTransaction),
        )
      case 'bind':
        return this.#bind(frame, request, inTransaction)
      case 'execute':
        return this.#execute(frame, request.portal, inTransaction)
      case 'describe':
        return this.#describe(frame, request)
      case 'close': {
        const names = request.target === 'portal' ? this.#names.portals : this.#names.statements
        return { kind: 'pass', frame, exchange: null, settle: names.delete(request.name) }
      }
      case 'function-call':
        return this.#functionCall(frame, request.oid, inTransaction)
      default:
        return { kind: 'pass', frame, exchange: null }
    }
  }

  /**
   * True where a batch uses a name whose meaning depends on an answer that hasn't come: of a Parse
   * or Close of an earlier segment, which the server may have refused or skipped.
   */
  dependsOnAnswers(batch: readonly ClientFrame[]): boolean {
    const made = new Set<string>()
    return batch.some(({ request }) => {
      switch (request.kind) {
        case 'query':
          return this.#names.anyUnsettled
        case 'prepare':
          made.add(`statement ${request.statement}`)
          return request.sql.length > 0 && this.#names.anyUnsettled
        case 'bind': {
          const known = made.has(`statement ${request.statement}`)
          made.add(`portal ${request.portal}`)
          return !known && this.#names.unsettled('statement', request.statement)
        }
        case 'execute':
          return (
            !made.has(`portal ${request.portal}`) && this.#names.unsettled('portal', request.portal)
          )
        default:
          return false
      }
    })
  }

  /** To be called behind a batch that ends in Sync or is a simple query. */
  nextSegment(): void {
    this.#names.segment++
  }

  /** What the rules of this moment say of an exchange that was decided before. */
  decideAgain(exchange: Exchange, inTransaction: boolean): Decision {
    return this.#decide(exchange.statements, inTransaction)
  }

  #describe(frame: ClientFrame, request: Extract<Request, { kind: 'describe' }>): Step {
    if (request.target === 'portal') {
      return { kind: 'pass', frame, exchange: this.#names.portals.get(request.name) ?? null }
    }
    const statement = this.#names.statements.get(request.name)
    const parameterTypes = (types: readonly number[]) => {
      if (statement) statement.foundTypes = types
    }
    return { kind: 'pass', frame, exchange: null, parameterTypes }
  }

  #classified<T>(sql: Buffer, next: (parsed: Parsed) => T): Eventually<T> {
    const { transparent } = this.#services.policy()
    for (const [name, value] of this.#misread) {
      if (!transparent) throw misread(name, value)
      return next(opaque(sql, `${name} is "${value}"`))
    }
    const parsed = this.#services.classifier.classify(sql, this.#names)
    const settle = (read: Parsed) =>
      next(read.kind === 'syntax-error' && transparent ? opaque(sql, read.message) : read)
    return parsed instanceof Promise ? parsed.then(settle) : settle(parsed)
  }

  #query(frame: ClientFrame, parsed: Parsed, inTransaction: boolean): Step {
    const { request } = frame
    if (request.kind !== 'query') throw new Error('not a query')
    if (parsed.kind === 'syntax-error') return { kind: 'syntax-error', frame, sql: request.sql }
    const asked = {
      sql: request.sql.toString('utf8'),
      statements: statementsOf(parsed),
      parameters: [],
    }
    const exchange = this.#exchange(asked, inTransaction)
    if (exchange.decision.kind !== 'deny') exchange.followNames()
    // A simple query takes the place of the unnamed statement and portal.
    const dropped = [this.#names.statements.delete(''), this.#names.portals.delete('')]
    const settle = (done: boolean) => {
      for (const each of dropped) each(done)
    }
    return this.#runOrRefuse(frame, exchange, settle)
  }

  #functionCall(frame: ClientFrame, oid: number, inTransaction: boolean): Step {
    if (!this.#services.policy().transparent) {
      return { kind: 'refuse', frame, error: noFastPath(), exchange: null }
    }
    const statement = unreadable(`fast-path call of function ${oid}`, 'it has no text')
    const asked = { sql: statement.sql, statements: [statement], parameters: [] }
    return this.#runOrRefuse(frame, this.#exchange(asked, inTransaction), () => {})
  }

  #prepare(frame: ClientFrame, parsed: Parsed, inTransaction: boolean): Step {
    const { request } = frame
    if (request.kind !== 'prepare') throw new Error('not a prepare')
    const statement: PreparedStatement = {
      parameterTypes: request.parameterTypes,
      foundTypes: null,
      catalogVersion: this.#services.catalog.current.version,
      sql: Buffer.from(request.sql),
      readable: parsed.kind !== 'syntax-error',
      statements: statementsOf(parsed),
    }
    const decision = this.#decide(statement.statements, inTransaction)
    if (decision.kind === 'deny') {
      const asked = {
        sql: textOf(statement),
        statements: statement.statements,
        parameters: [],
      }
      const exchange = this.#exchange(asked, inTransaction)
      return { kind: 'refuse', frame, error: denied(decision.reason), exchange }
    }
    const settle = this.#names.statements.set(request.statement, statement)
    return { kind: 'pass', frame, exchange: null, settle }
  }

  #bind(
    frame: ClientFrame,
    request: Extract<Request, { kind: 'bind' }>,
    inTransaction: boolean,
  ): Eventually<Step> {
    const statement = this.#names.statements.get(request.statement)
    if (!statement)
      return unknown(frame, 'UNKNOWN_STATEMENT', 'prepared statement', request.statement)
    if (!statement.readable) {
      const error = cannotBeRead()
      return { kind: 'refuse', frame, error, exchange: null, behindFailure: true }
    }
    const bind = (statements: readonly Classification[]): Step => {
      const parameters = typed(request.parameters, statement.parameterTypes)
      const types = statement.foundTypes ?? statement.parameterTypes
      // What was declared counts as well as what was found: a Describe may have been of another Parse.
      const checked = this.#withTypes(statements, [...statement.parameterTypes, ...types])
      const asked = { sql: textOf(statement), statements: checked, parameters }
      const exchange = this.#exchange(asked, inTransaction, types)
      // One name space: a cursor of this name is not there any more when the Bind succeeds.
      const freed = this.#names.cursors.delete(request.portal)
      const bound = this.#names.portals.set(request.portal, exchange)
      const settle = (done: boolean) => {
        freed(done)
        bound(done)
      }
      return this.#runOrRefuse(frame, exchange, settle)
    }
    if (statement.sql === null) return bind(this.#names.meaningNow(statement))
    // The catalog may have changed since the Parse: what the text means is judged now.
    return this.#classified(statement.sql, (parsed) => bind(statementsOf(parsed)))
  }

  /** Reading a value of a user's own type runs code at Bind: such a type makes it opaque. */
  #withTypes(
    statements: readonly Classification[],
    types: readonly number[],
  ): readonly Classification[] {
    const risky = types.find((oid) => oid >= FIRST_NORMAL_OID && this.#runsCode(oid))
    if (risky === undefined) return statements
    const name = this.#services.catalog.current.type(risky)?.name ?? `with oid ${risky}`
    const reason = `a parameter's type ${name} can run code when its value is read`
    return statements.map((statement) => ({
      ...statement,
      effects: [...statement.effects, { effect: 'opaque' as const, reason }],
      output: 'classified' as const,
      safeOutputs: [],
    }))
  }

  #runsCode(oid: number): boolean {
    return this.#services.catalog.current.type(oid)?.runsCode ?? true
  }

  #execute(frame: ClientFrame, portal: string, inTransaction: boolean): Step {
    const bound = this.#names.portals.get(portal)
    if (bound) {
      const now = bound.approval ? bound.decision : this.#decide(bound.statements, inTransaction)
      if (now.kind === 'deny') {
        return { kind: 'refuse', frame, error: denied(now.reason), exchange: bound }
      }
      bound.followNames()
      return { kind: 'execute', frame, exchange: bound, portal }
    }
    // SQL's DECLARE and the protocol's Execute share one name space.
    const cursor = this.#names.cursors.get(portal)
    if (!cursor) return unknown(frame, 'UNKNOWN_PORTAL', 'portal', portal)
    const exchange = this.#exchange(
      { sql: cursor.sql, statements: [cursor], parameters: [] },
      inTransaction,
    )
    if (exchange.decision.kind !== 'allow') return this.#runOrRefuse(frame, exchange, () => {})
    return { kind: 'execute', frame, exchange, portal }
  }

  #runOrRefuse(frame: ClientFrame, exchange: Exchange, settle: Settle): Step {
    if (exchange.decision.kind === 'deny') {
      settle(false)
      return { kind: 'refuse', frame, error: denied(exchange.decision.reason), exchange }
    }
    return { kind: 'run', frame, exchange, settle }
  }

  /** `types` are those of its parameters, as far as they are known, for the person who signs. */
  #exchange(asked: Asked, inTransaction: boolean, types: readonly number[] = []): Exchange {
    const changesSchema = asked.statements.some(mayChangeSchema)
    const distrust = this.#names.schemaInMotion || (changesSchema && asked.statements.length > 1)
    this.#names.schemaInMotion ||= changesSchema
    return new Exchange(asked, {
      distrust,
      changesSchema,
      guards: this.#services.policy().guards,
      number: ++this.#exchanges,
      decision: this.#decide(asked.statements, inTransaction),
      shownParameters: () => this.#show(typed(asked.parameters, types)),
      follow: (statement) => this.#names.follow(statement),
    })
  }

  #show(parameters: readonly Parameter[]): ShownParameter[] {
    return showParameters(parameters, this.#services.catalog.current)
  }

  #decide(statements: readonly Classification[], inTransaction: boolean): Decision {
    const policy = this.#services.policy()
    const facts = { principal: this.#principal, inTransaction }
    return combineDecisions(statements.map((statement) => policy.decide(statement, facts)))
  }
}

/** Types below this oid are the server's own (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

function typed(parameters: readonly Parameter[], types: readonly number[]): readonly Parameter[] {
  return parameters.map((parameter, index) => ({ ...parameter, typeOid: types[index] ?? 0 }))
}

function textOf(statement: PreparedStatement): string {
  const { sql, statements } = statement
  return sql === null ? statements.map((each) => each.sql).join('; ') : sql.toString('utf8')
}

function statementsOf(parsed: Parsed): readonly Classification[] {
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

function mayChangeSchema({ effects }: Classification): boolean {
  return effects.some(({ effect }) => effect === 'ddl' || effect === 'opaque')
}

function denied(reason: string): ProxyError {
  return new ProxyError('STATEMENT_DENIED', `denied: ${reason}`)
}

function noFastPath(): ProxyError {
  return new ProxyError(
    'FEATURE_REFUSED',
    'countersign refuses the fast-path function call: call the function in a statement',
  )
}

export function cannotBeRead(): ProxyError {
  return new ProxyError(
    'STATEMENT_DENIED',
    'denied: countersign cannot read this statement, so nobody could sign it: write it differently',
  )
}

function unknown(
  frame: ClientFrame,
  code: 'UNKNOWN_STATEMENT' | 'UNKNOWN_PORTAL',
  what: string,
  name: string,
): Step {
  const named = name === '' ? `unnamed ${what}` : `${what} "${name}"`
  return {
    kind: 'refuse',
    frame,
    error: new ProxyError(code, `${named} does not exist`),
    exchange: null,
    nameless: true,
  }
}
