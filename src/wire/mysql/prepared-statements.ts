import { ProxyError } from '../../lib/errors.ts'
import type { Parameter } from '../requests.ts'
import { decodeExecute, type ReadExecution } from './execute-parameters.ts'

/** MariaDB reads this id as that of the statement prepared last. */
const LAST_PREPARED = 0xffffffff
const UNKNOWN = 'Unknown prepared statement handler'

/**
 * One prepared statement. The client knows it by an id of the proxy's own, given when it asks, so
 * that what it pipelines behind can be told apart; the server by the id in its answer.
 */
export class PreparedStatement {
  readonly id: number
  /** `decoded`: the client has asked. `sent`: the server has been asked. */
  state: 'decoded' | 'sent' | 'ready' | 'gone' = 'decoded'
  serverId = 0
  parameterCount = 0
  /** The types of the last execution that the client sent, and that the server was sent. */
  types: readonly number[] | null = null
  serverTypes: readonly number[] | null = null
  /** The types of the columns that an open cursor's rows have. */
  cursorTypes: readonly number[] | null = null
  #longData: Buffer[] = []
  #longBytes = 0
  /** Executions that wait for the count of parameters. */
  #unread: Execution[] = []

  constructor(id: number) {
    this.id = id
  }

  /** Keeps a part of a value: frame, and what of it is data. Throws past `most` bytes. */
  keepLongData(frame: Buffer, most: number): void {
    this.#longBytes += frame.length
    if (this.#longBytes > most) {
      throw new ProxyError('PROTOCOL_VIOLATION', `values of over ${most} bytes were sent ahead`)
    }
    this.#longData.push(frame)
  }

  takeLongData(): readonly Buffer[] {
    const frames = this.#longData
    this.#longData = []
    this.#longBytes = 0
    return frames
  }

  /** Reads an execution in its turn: at once, or when the statement's preparation is answered. */
  read(execution: Execution): void {
    if (this.state === 'ready') execution.readNow()
    else if (this.state !== 'gone') this.#unread.push(execution)
  }

  /** The server has prepared it. */
  prepared(serverId: number, parameterCount: number): void {
    this.serverId = serverId
    this.parameterCount = parameterCount
    this.state = 'ready'
    const unread = this.#unread
    this.#unread = []
    for (const execution of unread) execution.readNow()
  }

  drop(): void {
    this.state = 'gone'
    this.takeLongData()
    this.#unread = []
  }
}

/** One COM_STMT_EXECUTE, with the values that were sent ahead of it. */
export class Execution {
  readonly statement: PreparedStatement
  readonly payload: Buffer
  readonly longData: readonly LongData[]
  #read: ReadExecution | null = null

  constructor(statement: PreparedStatement, payload: Buffer, longData: readonly LongData[]) {
    this.statement = statement
    this.payload = payload
    this.longData = longData
  }

  readNow(): void {
    const { statement } = this
    this.#read = decodeExecute(this.payload, {
      count: statement.parameterCount,
      types: statement.types,
      longData: joined(this.longData),
    })
    statement.types = this.#read.types
  }

  get read(): ReadExecution {
    if (!this.#read) throw unknownStatement(this.statement.id, 'execute', true)
    return this.#read
  }

  get parameters(): readonly Parameter[] {
    return this.read.parameters
  }
}

export interface LongData {
  readonly frame: Buffer
  readonly parameter: number
  readonly data: Buffer
}

function joined(parts: readonly LongData[]): Map<number, Buffer> {
  const lists = new Map<number, Buffer[]>()
  for (const { parameter, data } of parts) {
    const list = lists.get(parameter)
    if (list) list.push(data)
    else lists.set(parameter, [data])
  }
  return new Map([...lists].map(([parameter, list]) => [parameter, Buffer.concat(list)]))
}

/** The statements of one session, by the ids that its client knows. */
export class PreparedStatements {
  readonly #byId = new Map<number, PreparedStatement>()
  readonly #hasLast: boolean
  #counter = 0

  /** `hasLast`: 0xffffffff means the statement prepared last, as MariaDB has it. */
  constructor(hasLast: boolean) {
    this.#hasLast = hasLast
  }

  add(): PreparedStatement {
    this.#counter++
    const statement = new PreparedStatement(this.#counter)
    this.#byId.set(statement.id, statement)
    return statement
  }

  /** The id of the statement that is meant, whether or not there is one. */
  resolve(id: number): number {
    return id === LAST_PREPARED && this.#hasLast ? this.#counter : id
  }

  find(id: number): PreparedStatement | undefined {
    return this.#byId.get(id)
  }

  named(name: string): PreparedStatement | undefined {
    return this.#byId.get(Number(name))
  }

  remove(statement: PreparedStatement): void {
    this.#byId.delete(statement.id)
    statement.drop()
  }

  /** The server has forgotten all that it had prepared. */
  forgetReady(): void {
    for (const statement of this.#byId.values()) {
      if (statement.state === 'ready') this.remove(statement)
    }
  }
}

/** In the words of the servers, which name their own function. */
export function unknownStatement(
  id: number,
  given: 'execute' | 'fetch' | 'reset',
  mariaDb: boolean,
): ProxyError {
  const reader = mariaDb ? `mysqld_stmt_${given}` : 'mysql_stmt_precheck'
  const text = `${UNKNOWN} (${id}) given to ${reader}`
  return new ProxyError('UNKNOWN_STATEMENT', text)
}
