import { ProxyError } from '../lib/errors.ts'
import type { Classification, Parsed } from '../sql/statement.ts'
import { withUnknownOutputs } from '../sql/unknown-outputs.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { Request } from '../wire/requests.ts'
import type { OwnAnswers } from './own-answers.ts'
import type { OwnStatement } from './own-statement.ts'
import type { Services } from './services.ts'
import type { Names, PreparedStatement } from './session-names.ts'
import {
  type ClientFrame,
  type Eventually,
  type Judge,
  type Settle,
  type Step,
  settleBoth,
} from './step.ts'
import { usesUnsettledNames } from './unsettled-names.ts'
import {
  cannotBeRead,
  denied,
  statementsOf,
  typed,
  unknownName,
  type Verdicts,
} from './verdicts.ts'

/** Judges a protocol of prepared statements and portals (PostgreSQL); see Judge. */
export class PortalJudge implements Judge {
  readonly #services: Services
  readonly #names: Names
  readonly #verdicts: Verdicts
  readonly #own: OwnAnswers

  constructor(services: Services, names: Names, verdicts: Verdicts, own: OwnAnswers) {
    this.#services = services
    this.#names = names
    this.#verdicts = verdicts
    this.#own = own
  }

  judge(frame: ClientFrame, inTransaction: boolean): Eventually<Step> {
    const { request } = frame
    switch (request.kind) {
      case 'query':
        return this.#text(frame, request.sql, inTransaction)
      case 'prepare':
        return this.#text(frame, request.sql, inTransaction)
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
      case 'sync':
      case 'flush':
      case 'copy-data':
      case 'copy-end':
      case 'terminate':
        return { kind: 'pass', frame, exchange: null }
      default:
        throw new Error(`"${request.kind}" is no message of this protocol`)
    }
  }

  dependsOnAnswers(batch: readonly ClientFrame[]): boolean {
    return usesUnsettledNames(batch, this.#names)
  }

  #describe(frame: ClientFrame, request: Extract<Request, { kind: 'describe' }>): Eventually<Step> {
    if (request.target === 'portal') {
      return { kind: 'pass', frame, exchange: this.#names.portals.get(request.name) ?? null }
    }
    const statement = this.#names.statements.get(request.name)
    const parameterTypes = (types: readonly number[]) => {
      if (statement) statement.foundTypes = types
    }
    const pass: Step = { kind: 'pass', frame, exchange: null, parameterTypes }
    const sql = statement?.sql ?? null
    const shows = statement?.statements.some(({ verb }) => verb === 'FETCH' || verb === 'EXECUTE')
    if (sql === null || !shows || !this.#services.policy().guards) return pass
    // What is behind the name may be another query than when it was parsed.
    return this.#verdicts.classified(sql, (parsed) =>
      statementsOf(parsed).some(({ foreignNames }) => foreignNames)
        ? { kind: 'refuse', frame, error: namesUntold(), exchange: null }
        : pass,
    )
  }

  #text(frame: ClientFrame, sql: Buffer, inTransaction: boolean): Eventually<Step> {
    const own = this.#own.read(sql)
    if (own) return this.#ownText(frame, own)
    return this.#verdicts.classified(sql, (parsed) => {
      const refused = this.#own.refusal(sql, statementsOf(parsed))
      if (refused) return this.#own.refuse(frame, sql, refused)
      const { kind } = frame.request
      return kind === 'query'
        ? this.#query(frame, parsed, inTransaction)
        : this.#prepare(frame, parsed, inTransaction)
    })
  }

  /** What the proxy answers itself; the server gets what has no meaning of its own in its place. */
  #ownText(frame: ClientFrame, own: OwnStatement): Step {
    if (own.kind === 'wrong') return this.#own.refuse(frame, Buffer.from(own.text), own.error)
    const { request } = frame
    const instead = this.#own.instead(frame, own)
    if (request.kind === 'query') {
      return {
        kind: 'run',
        frame: instead,
        exchange: this.#own.exchange(own),
        settle: this.#dropUnnamed(),
      }
    }
    if (request.kind !== 'prepare') throw new Error('not a text')
    const settle = this.#names.statements.set(request.statement, {
      own,
      sql: Buffer.from(request.sql),
      parameterTypes: [],
      foundTypes: null,
      catalogVersion: this.#services.schema.current.version,
      statements: [this.#own.classification(own)],
      readable: true,
    })
    return { kind: 'pass', frame: instead, exchange: null, settle }
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
    const exchange = this.#verdicts.exchange(asked, inTransaction)
    if (exchange.decision.kind !== 'deny') exchange.followNames()
    return this.#verdicts.runOrRefuse(frame, exchange, this.#dropUnnamed())
  }

  /** A simple query takes the place of the unnamed statement and portal. */
  #dropUnnamed(): Settle {
    const { statements, portals } = this.#names
    return settleBoth(statements.delete(''), portals.delete(''))
  }

  #functionCall(frame: ClientFrame, oid: number, inTransaction: boolean): Step {
    if (!this.#services.policy().transparent) {
      return { kind: 'refuse', frame, error: noFastPath(), exchange: null }
    }
    const statement = unreadable(`fast-path call of function ${oid}`, 'it has no text')
    const asked = { sql: statement.sql, statements: [statement], parameters: [] }
    return this.#verdicts.runOrRefuse(
      frame,
      this.#verdicts.exchange(asked, inTransaction),
      () => {},
    )
  }

  #prepare(frame: ClientFrame, parsed: Parsed, inTransaction: boolean): Step {
    const { request } = frame
    if (request.kind !== 'prepare') throw new Error('not a prepare')
    const statement: PreparedStatement = {
      parameterTypes: request.parameterTypes,
      foundTypes: null,
      catalogVersion: this.#services.schema.current.version,
      sql: Buffer.from(request.sql),
      readable: parsed.kind !== 'syntax-error',
      statements: statementsOf(parsed),
    }
    const decision = this.#verdicts.decide(statement.statements, inTransaction)
    if (decision.kind === 'deny') {
      const asked = {
        sql: textOf(statement),
        statements: statement.statements,
        parameters: [],
      }
      const exchange = this.#verdicts.exchange(asked, inTransaction)
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
    if (statement.own) {
      const exchange = this.#own.exchange(statement.own)
      const settle = this.#names.portals.set(request.portal, exchange)
      return { kind: 'run', frame, exchange, settle }
    }
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
      const exchange = this.#verdicts.exchange(asked, inTransaction, types)
      // One name space: a cursor of this name is not there any more when the Bind succeeds.
      const settle = settleBoth(
        this.#names.cursors.delete(request.portal),
        this.#names.portals.set(request.portal, exchange),
      )
      return this.#verdicts.runOrRefuse(frame, exchange, settle)
    }
    if (statement.sql === null) return bind(this.#names.meaningNow(statement))
    // The catalog may have changed since the Parse: what the text means is judged now.
    return this.#verdicts.classified(statement.sql, (parsed) => bind(statementsOf(parsed)))
  }

  /** Reading a value of a user's own type runs code at Bind: such a type makes it opaque. */
  #withTypes(
    statements: readonly Classification[],
    types: readonly number[],
  ): readonly Classification[] {
    const { values } = this.#services
    const risky = types.find((oid) => values.runsCode(oid))
    if (risky === undefined) return statements
    const name = values.name(risky) ?? `with oid ${risky}`
    const reason = `a parameter's type ${name} can run code when its value is read`
    return statements.map((statement) => ({
      ...withUnknownOutputs(statement),
      effects: [...statement.effects, { effect: 'opaque' as const, reason }],
    }))
  }

  #execute(frame: ClientFrame, portal: string, inTransaction: boolean): Step {
    const bound = this.#names.portals.get(portal)
    if (bound?.own) return { kind: 'execute', frame, exchange: bound, portal }
    if (bound) {
      const now = bound.approval
        ? bound.decision
        : this.#verdicts.decide(bound.statements, inTransaction)
      if (now.kind === 'deny') {
        return { kind: 'refuse', frame, error: denied(now.reason), exchange: bound }
      }
      bound.followNames()
      return { kind: 'execute', frame, exchange: bound, portal }
    }
    // SQL's DECLARE and the protocol's Execute share one name space.
    const cursor = this.#names.sqlCursor(portal)
    if (!cursor) return unknown(frame, 'UNKNOWN_PORTAL', 'portal', portal)
    const fetch = { ...cursor, names: [{ kind: 'fetch' as const, name: portal }] }
    const exchange = this.#verdicts.exchange(
      { sql: cursor.sql, statements: [fetch], parameters: [] },
      inTransaction,
    )
    if (exchange.decision.kind !== 'allow') {
      return this.#verdicts.runOrRefuse(frame, exchange, () => {})
    }
    return { kind: 'execute', frame, exchange, portal }
  }
}

function textOf(statement: PreparedStatement): string {
  const { sql, statements } = statement
  return sql === null ? statements.map((each) => each.sql).join('; ') : sql.toString('utf8')
}

/** Its columns can be called by values, and only those of a portal are called otherwise. */
function namesUntold(): ProxyError {
  return new ProxyError(
    'FEATURE_REFUSED',
    'what the columns of this statement are called is not told before it runs: bind it, and describe the portal',
  )
}

function noFastPath(): ProxyError {
  return new ProxyError(
    'FEATURE_REFUSED',
    'countersign refuses the fast-path function call: call the function in a statement',
  )
}

function unknown(
  frame: ClientFrame,
  code: 'UNKNOWN_STATEMENT' | 'UNKNOWN_PORTAL',
  what: string,
  name: string,
): Step {
  return unknownName(frame, code, name === '' ? `unnamed ${what}` : `${what} "${name}"`)
}
