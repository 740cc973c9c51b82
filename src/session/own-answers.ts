import { createHash } from 'node:crypto'
import type { OwnRequest } from '../approval/own-request.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Allow } from '../policy/decision.ts'
import type { Classification } from '../sql/statement.ts'
import { unreadable } from '../sql/unreadable.ts'
import type { OwnReply } from '../wire/dialogue.ts'
import type { Exchange } from './exchange.ts'
import { FORMS, mentionsProxy, type OwnStatement, readOwnStatement } from './own-statement.ts'
import type { SaidSettings } from './said-settings.ts'
import type { Services } from './services.ts'
import type { ClientFrame, Step } from './step.ts'
import type { Verdicts } from './verdicts.ts'

type Answered = Exclude<OwnStatement, { kind: 'wrong' }>

/** What concerns the agent's own requests and settings alone needs no rule. */
const OWN: Allow = { kind: 'allow', rules: ['protocol'], unmask: [] }

const COLUMNS = [
  'id',
  'state',
  'statement',
  'database',
  'created_at',
  'expires_at',
  'url',
  'message',
] as const

/** In a statement without its constants and comments. */
const OWN_TABLE = /\bcountersign[`"]?\s*\.\s*[`"]?requests?\b/i

/**
 * What a session's agent asks of the proxy: its requests, and what it says of itself. The database
 * is sent something without a meaning in its place, so that order, errors of before and the
 * transaction stay the server's own.
 */
export class OwnAnswers {
  readonly #services: Services
  readonly #verdicts: Verdicts
  readonly #said: SaidSettings

  constructor(services: Services, verdicts: Verdicts, said: SaidSettings) {
    this.#services = services
    this.#verdicts = verdicts
    this.#said = said
  }

  /** Null where a text is nothing of the proxy's. */
  read(sql: Buffer): OwnStatement | null {
    const own = readOwnStatement(sql)
    if (own?.kind !== 'set' || own.value === null) return own
    try {
      this.#said.read(own.name, own.value)
      return own
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      const refused = new ProxyError('FEATURE_REFUSED', error.message)
      return { kind: 'wrong', text: `SET countersign.${own.name}`, error: refused }
    }
  }

  /** Why a text may not go that has to do with what only the proxy has; null where it may. */
  refusal(sql: Buffer, statements: readonly Classification[]): ProxyError | null {
    if (!mentionsProxy(sql)) return null
    if (statements.some(({ withoutLiterals }) => OWN_TABLE.test(withoutLiterals))) {
      return new ProxyError('FEATURE_REFUSED', FORMS)
    }
    const own = statements.some((one) => readOwnStatement(Buffer.from(one.sql)) !== null)
    if (!own) return null
    const why = 'what countersign answers itself is sent by itself, not among other statements'
    return new ProxyError('FEATURE_REFUSED', why)
  }

  refuse(frame: ClientFrame, sql: Buffer, error: ProxyError): Step {
    const statement = { ...unreadable(sql.toString('utf8'), 'it is for the proxy'), verb: 'OWN' }
    const asked = { sql: statement.sql, statements: [statement], parameters: [] }
    return { kind: 'refuse', frame, error, exchange: this.#verdicts.exchange(asked, false) }
  }

  /** The frame that goes to the server instead. */
  instead(frame: ClientFrame, own: OwnStatement): ClientFrame {
    const { protocol } = this.#services
    const { request } = frame
    if (request.kind !== 'query' && request.kind !== 'prepare') throw new Error('not a text')
    const nothing = protocol.nothingOf(columnsOf(own))
    return { request, bytes: protocol.withText(request, nothing) }
  }

  exchange(own: OwnStatement): Exchange {
    if (own.kind === 'wrong') throw own.error
    const statement = this.classification(own)
    const asked = { sql: statement.sql, statements: [statement], parameters: [] }
    const exchange = this.#verdicts.exchange(asked, false)
    exchange.decision = OWN
    exchange.own = { reply: () => this.#reply(own), done: () => this.#done(own) }
    return exchange
  }

  classification(own: OwnStatement): Classification {
    const sql = textOf(own)
    const digest = createHash('sha256').update(sql).digest('hex')
    const effect = own.kind === 'set' ? 'session' : 'read'
    return {
      verb: own.kind === 'set' ? 'SET' : own.kind === 'show' ? 'SHOW' : 'SELECT',
      sql,
      tokens: digest,
      fingerprint: digest.slice(0, 16),
      redacted: sql,
      withoutLiterals: withoutClaim(own, sql),
      effects: [{ effect, reason: 'the proxy answers it itself' }],
      tables: [],
      functions: [],
      classes: [],
      output: 'clear',
      safeOutputs: [],
      lookups: [],
      keeps: [],
      connectionBound: true,
      names: [],
    }
  }

  async #reply(own: Answered): Promise<OwnReply> {
    switch (own.kind) {
      case 'requests': {
        const { agent } = this.#said.principal
        const found = await this.#services.gate.list(agent.name, own.id)
        const tag = own.show ? 'SHOW' : `SELECT ${found.length}`
        return { tag, rows: found.map(rowOf) }
      }
      case 'show':
        return { tag: 'SHOW', rows: [[this.#said.show(own.name)]] }
      case 'set':
        return { tag: own.value === null ? 'RESET' : 'SET', rows: [] }
    }
  }

  #done(own: Answered): void {
    if (own.kind !== 'set') return
    if (own.value === null) this.#said.reset(own.name)
    else this.#said.set(own.name, own.value)
  }
}

function columnsOf(own: OwnStatement): readonly string[] {
  if (own.kind === 'requests') return COLUMNS
  return own.kind === 'show' ? [`countersign.${own.name}`] : []
}

function rowOf(request: OwnRequest): readonly string[] {
  const { id, state, statement, database, createdAt, expiresAt, url, message } = request
  return [id, state, statement, database, createdAt, expiresAt, url, message]
}

/** What an agent says it is doing is in its own words, and may quote anything. */
function withoutClaim(own: OwnStatement, sql: string): string {
  const claims = own.kind === 'set' && (own.name === 'reason' || own.name === 'claim')
  return claims && own.value !== null ? `SET countersign.${own.name} = ?` : sql
}

/** As it is recorded; a value that has been read holds no more than it says. */
function textOf(own: OwnStatement): string {
  switch (own.kind) {
    case 'requests': {
      const where = own.id === null ? '' : ` WHERE id = '${own.id}'`
      return `SELECT * FROM countersign.requests${where}`
    }
    case 'show':
      return `SHOW countersign.${own.name}`
    case 'set': {
      const value = own.value?.replaceAll("'", "''")
      return value === undefined
        ? `RESET countersign.${own.name}`
        : `SET countersign.${own.name} = '${value}'`
    }
    case 'wrong':
      return own.text
  }
}
