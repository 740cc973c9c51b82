import { ProxyError } from '../lib/errors.ts'
import type { Allow } from '../policy/decision.ts'
import type { Classification, Parsed } from '../sql/statement.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { CommandRequest } from '../wire/requests.ts'
import type { Exchange } from './exchange.ts'
import type { OwnAnswers } from './own-answers.ts'
import type { OwnStatement } from './own-statement.ts'
import { runsWhenPrepared } from './prepare-runs.ts'
import type { PreparedCommand, PreparedCommands } from './prepared-commands.ts'
import type { Services } from './services.ts'
import type { ClientFrame, Eventually, Judge, Settle, Step } from './step.ts'
import { denied, statementsOf, unknownName, type Verdicts } from './verdicts.ts'

type Run = Extract<CommandRequest, { kind: 'run' }>

/** What a client may do to sessions of its own agent needs no rule. */
const OWN_SESSION: Allow = { kind: 'allow', rules: ['protocol'], unmask: [] }

export interface CommandJudgeOptions {
  readonly services: Services
  readonly verdicts: Verdicts
  readonly prepared: PreparedCommands
  readonly own: OwnAnswers
  /** Why a statement may not name the schemas that it names; null where it may. */
  readonly refusedSchema: (statement: Classification) => string | null
  /** The schema that a name stands for; undefined where it is none of the agent's. */
  readonly findSchema: (name: string) => string | undefined
  /** Ends a session of the same agent, or what it does; false where there is none of this id. */
  readonly kill: (connectionId: number, onlyQuery: boolean) => boolean
  /** An exchange is over of which the server tells nothing more. */
  readonly over: (exchange: Exchange) => void
  /** The client's session begins anew: what it had set or made is gone. */
  readonly resetNames: () => void
}

/** Judges a protocol of commands (MySQL), each when all before it has been answered; see Judge. */
export class CommandJudge implements Judge {
  readonly #options: CommandJudgeOptions
  readonly #verdicts: Verdicts

  constructor(options: CommandJudgeOptions) {
    this.#options = options
    this.#verdicts = options.verdicts
  }

  dependsOnAnswers(): boolean {
    return false
  }

  /** Nobody fetches the rest of its cursors' rows. */
  leave(): void {
    this.#options.prepared.clear()
  }

  judge(frame: ClientFrame, inTransaction: boolean): Eventually<Step> {
    const { request } = frame
    switch (request.kind) {
      case 'query':
        return this.#text(frame, request.sql, inTransaction)
      case 'prepare': {
        const own = this.#options.own.read(request.sql)
        if (own) return this.#prepareOwn(frame, own)
        return this.#verdicts.classified(
          request.sql,
          (parsed) =>
            this.#refusedOwn(frame, request.sql, parsed) ??
            this.#prepare(frame, parsed, inTransaction),
        )
      }
      case 'run':
        return this.#run(frame, request, inTransaction)
      case 'fetch':
        return this.#fetch(frame, request.statement, inTransaction)
      case 'reset':
        return pass(frame, () => this.#options.prepared.closeCursor(request.statement))
      case 'free':
        return pass(frame, () => this.#options.prepared.free(request.statement))
      case 'use':
        return this.#text(frame, Buffer.from(`USE ${quoted(request.database)}`), inTransaction)
      case 'field-list':
        return this.#fieldList(frame, request.table, inTransaction)
      case 'kill':
        return this.#kill(frame, [], { connectionId: request.connectionId, onlyQuery: false })
      case 'reset-connection':
        return pass(frame, () => this.#options.resetNames())
      case 'refused':
        return this.#refused(frame, request.command, request.error)
      case 'long-data':
      case 'multi-statements':
      case 'ping':
      case 'statistics':
      case 'terminate':
        return pass(frame)
      default:
        throw new Error(`"${request.kind}" is no command of this protocol`)
    }
  }

  #text(frame: ClientFrame, sql: Buffer, inTransaction: boolean): Eventually<Step> {
    const own = this.#options.own.read(sql)
    if (own) return this.#ownQuery(frame, own)
    return this.#verdicts.classified(sql, (parsed) => {
      const refused = this.#refusedOwn(frame, sql, parsed)
      if (refused) return refused
      const statements = statementsOf(parsed)
      const [only] = statements
      const alone = statements.length === 1 ? only : undefined
      if (alone?.kill) return this.#kill(frame, statements, alone.kill)
      if (alone?.uses !== undefined) return this.#use(frame, alone, alone.uses, inTransaction)
      return this.#statements(frame, this.#verdicts.textOf(sql), statements, inTransaction)
    })
  }

  /** Something that only the proxy has, in a form that it doesn't answer. */
  #refusedOwn(frame: ClientFrame, sql: Buffer, parsed: Parsed): Step | null {
    const { own } = this.#options
    const error = own.refusal(sql, statementsOf(parsed))
    return error && own.refuse(frame, sql, error)
  }

  /** What the proxy answers itself; the server gets what has no meaning of its own in its place. */
  #ownQuery(frame: ClientFrame, asked: OwnStatement): Step {
    const { own } = this.#options
    if (asked.kind === 'wrong') return own.refuse(frame, Buffer.from(asked.text), asked.error)
    return { kind: 'run', frame: own.instead(frame, asked), exchange: own.exchange(asked) }
  }

  #prepareOwn(frame: ClientFrame, asked: OwnStatement): Step {
    const { own, prepared } = this.#options
    const { request } = frame
    if (request.kind !== 'prepare') throw new Error('not a prepare')
    if (asked.kind === 'wrong') return own.refuse(frame, Buffer.from(asked.text), asked.error)
    const text = Buffer.from(request.sql)
    const settle = prepared.add(request.statement, text, this.#verdicts.textOf(text))
    return { kind: 'pass', frame: own.instead(frame, asked), exchange: null, settle }
  }

  #runOwn(frame: ClientFrame, request: Run, asked: OwnStatement): Step {
    const settle = (done: boolean) => {
      if (done) this.#options.prepared.ran(request.statement, null)
    }
    const exchange = this.#options.own.exchange(asked)
    return { kind: 'run', frame, exchange, settle }
  }

  #statements(
    frame: ClientFrame,
    sql: string,
    statements: readonly Classification[],
    inTransaction: boolean,
  ): Step {
    const exchange = this.#verdicts.exchange({ sql, statements, parameters: [] }, inTransaction)
    const refusal = this.#refusal(statements, statements.length === 1)
    if (refusal) return { kind: 'refuse', frame, error: refusal, exchange }
    if (exchange.decision.kind !== 'deny') exchange.followNames()
    return this.#verdicts.runOrRefuse(frame, exchange, () => {})
  }

  /**
   * What no rule can allow: schemas that aren't the agent's, and names that the proxy would have to
   * put others for. `alone` where the statement is a whole query by itself.
   */
  #refusal(statements: readonly Classification[], alone: boolean): ProxyError | null {
    for (const statement of statements) {
      const schema = this.#options.refusedSchema(statement)
      if (schema !== null) return denied(schema)
      if (alone) continue
      if (statement.kill) return denied('send KILL by itself')
      if (statement.uses !== undefined && this.#alias(statement.uses)) {
        return denied(`send USE ${statement.uses} by itself`)
      }
    }
    return null
  }

  /** True for a name that the server doesn't know by itself. */
  #alias(name: string): boolean {
    const schema = this.#options.findSchema(name)
    return schema !== undefined && schema !== name
  }

  /** A name can be a database's alias: the server is asked for the schema behind it. */
  #use(frame: ClientFrame, statement: Classification, name: string, inTransaction: boolean): Step {
    const schema = this.#options.findSchema(name)
    const step = this.#statements(frame, statement.sql, [statement], inTransaction)
    // MySQL takes a NUL behind the name for a part of it.
    const asItIs = schema === name && frame.bytes.at(-1) !== 0
    if (step.kind !== 'run' || schema === undefined || asItIs) return step
    const changed = this.#options.services.protocol.useFrame?.(schema)
    return changed ? { ...step, frame: changed } : step
  }

  #prepare(frame: ClientFrame, parsed: Parsed, inTransaction: boolean): Step {
    const { request } = frame
    if (request.kind !== 'prepare') throw new Error('not a prepare')
    const statements = statementsOf(parsed)
    const sql = this.#verdicts.textOf(request.sql)
    const exchange = this.#verdicts.exchange({ sql, statements, parameters: [] }, inTransaction)
    const { decision } = exchange
    const refusal =
      this.#refusal(statements, false) ??
      (decision.kind === 'deny' ? denied(decision.reason) : null)
    if (refusal) return { kind: 'refuse', frame, error: refusal, exchange }
    const settle = this.#options.prepared.add(request.statement, Buffer.from(request.sql), sql)
    // What runs nothing yet is neither held nor recorded; its errors can still quote a value.
    if (!statements.some(runsWhenPrepared)) return { kind: 'pass', frame, exchange, settle }
    const settleRun = (done: boolean) => {
      settle(done)
      if (done) this.#options.over(exchange)
    }
    return { kind: 'run', frame, exchange, settle: settleRun }
  }

  #run(frame: ClientFrame, request: Run, inTransaction: boolean): Eventually<Step> {
    const prepared = this.#options.prepared.get(request.statement)
    if (!prepared) return unknownStatement(frame, request.statement)
    const own = this.#options.own.read(prepared.bytes)
    if (own) return this.#runOwn(frame, request, own)
    const run = (statements: readonly Classification[]) =>
      this.#execution(frame, { request, prepared, statements, inTransaction })
    // The schema may have changed since it was prepared, and the way in which texts are read.
    return this.#verdicts.classified(
      prepared.bytes,
      (then) => {
        if (!prepared.readsOtherwiseNow()) return run(statementsOf(then))
        return this.#verdicts.classified(prepared.bytes, (now) =>
          run(prepared.sameOrOpaque(statementsOf(then), statementsOf(now))),
        )
      },
      prepared.classifier,
    ) as Eventually<Step>
  }

  #execution(
    frame: ClientFrame,
    parts: {
      readonly request: Run
      readonly prepared: PreparedCommand
      readonly statements: readonly Classification[]
      readonly inTransaction: boolean
    },
  ): Step {
    const { request, prepared, statements, inTransaction } = parts
    const parameters = request.parameters()
    const asked = { sql: prepared.sql, statements, parameters }
    const exchange = this.#verdicts.exchange(asked, inTransaction)
    const refusal = this.#refusal(statements, false)
    if (refusal) return { kind: 'refuse', frame, error: refusal, exchange }
    if (exchange.decision.kind !== 'deny') exchange.followNames()
    const settle = (done: boolean) => {
      if (done) this.#options.prepared.ran(request.statement, request.cursor ? exchange : null)
    }
    return this.#verdicts.runOrRefuse(frame, exchange, settle)
  }

  /** More rows of a cursor; without one the server says that there is none. */
  #fetch(frame: ClientFrame, statement: string, inTransaction: boolean): Step {
    const exchange = this.#options.prepared.cursor(statement)
    if (!exchange) return pass(frame)
    const now = exchange.approval
      ? exchange.decision
      : this.#verdicts.decide(exchange.statements, inTransaction)
    if (now.kind === 'deny') return { kind: 'refuse', frame, error: denied(now.reason), exchange }
    return { kind: 'execute', frame, exchange, portal: statement }
  }

  /** It shows what SHOW COLUMNS shows. */
  #fieldList(frame: ClientFrame, table: string, inTransaction: boolean): Eventually<Step> {
    const sql = Buffer.from(`SHOW COLUMNS FROM ${quoted(table)}`)
    return this.#verdicts.classified(sql, (parsed) =>
      this.#statements(frame, sql.toString(), statementsOf(parsed), inTransaction),
    )
  }

  /** By the ids that the proxy gave: the database's own mean other sessions, of anybody. */
  #kill(
    frame: ClientFrame,
    statements: readonly Classification[],
    target: NonNullable<Classification['kill']>,
  ): Step {
    const { connectionId, onlyQuery } = target
    const sql = statements[0]?.sql ?? `KILL ${connectionId}`
    const known = statements.length > 0 ? statements : [unreadable(sql, 'it is a command')]
    const exchange = this.#verdicts.exchange({ sql, statements: known, parameters: [] }, false)
    exchange.decision = OWN_SESSION
    const act = () =>
      this.#options.kill(connectionId, onlyQuery) ? null : noSuchThread(connectionId)
    return { kind: 'local', frame, exchange, act }
  }

  #refused(frame: ClientFrame, command: string, error: ProxyError): Step {
    const statement = unreadable(command, 'it is a command without a text')
    const asked = { sql: command, statements: [statement], parameters: [] }
    return { kind: 'refuse', frame, error, exchange: this.#verdicts.exchange(asked, false) }
  }
}

function pass(frame: ClientFrame, done?: () => void): Step {
  if (!done) return { kind: 'pass', frame, exchange: null }
  const settle: Settle = (succeeded) => {
    if (succeeded) done()
  }
  return { kind: 'pass', frame, exchange: null, settle }
}

function unknownStatement(frame: ClientFrame, id: string): Step {
  return unknownName(frame, 'UNKNOWN_STATEMENT', `prepared statement ${id}`)
}

/** An identifier that means itself in every sql_mode. */
function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function noSuchThread(connectionId: number): ProxyError {
  return new ProxyError('UNKNOWN_CONNECTION', `Unknown thread id: ${connectionId}`)
}
