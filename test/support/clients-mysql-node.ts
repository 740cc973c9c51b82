import { readFileSync } from 'node:fs'
import mariadb, { type ConnectionConfig, type Connection as MariadbConnection } from 'mariadb'
import mysqljs from 'mysql'
import mysql2, { type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import type { Driver, DriverSession, OpenOptions, Outcome, Value } from './clients-driver.ts'
import type { MysqlWorld } from './clients-mysql-world.ts'

/** mysql2; `binary` by its prepared statements. The hold is asked for by a connection attribute. */
export function nodeMysql2(world: MysqlWorld, binary: boolean): Driver {
  return {
    name: `mysql2, ${binary ? 'binary' : 'text'}`,
    open: async (options) => {
      const client = await connectMysql2(world, options)
      const ask = binary
        ? (sql: string, values: Value[]) =>
            client.execute<Answer>({ sql, rowsAsArray: true }, values)
        : (sql: string, values: Value[]) => client.query<Answer>({ sql, rowsAsArray: true }, values)
      return {
        run: (sql, ...values) => outcomeOf(ask(marked(sql), [...values]).then(([rows]) => rows)),
        cancel: async () => {
          const other = await connectMysql2(world, options)
          await other.query(`KILL QUERY ${client.threadId}`)
          await other.end()
        },
        close: () => client.end(),
      }
    },
  }
}

type Answer = RowDataPacket[][] | ResultSetHeader

export async function connectMysql2(
  world: MysqlWorld,
  { tls, hold }: OpenOptions,
  more: mysql2.ConnectionOptions = {},
): Promise<mysql2.Connection> {
  const client = await mysql2.createConnection({
    uri: world.proxy.url,
    ...(tls ? { ssl: { ca: readFileSync(world.certificate), verifyIdentity: true } } : {}),
    ...(hold ? { connectAttributes: { 'countersign.hold': hold } } : {}),
    ...more,
  })
  client.on('error', () => {})
  return client
}

/** MariaDB's client for Node; `binary` by its prepared statements. */
export function nodeMariadb(world: MysqlWorld, binary: boolean): Driver {
  return {
    name: `mariadb for Node, ${binary ? 'binary' : 'text'}`,
    open: async (options) => {
      const client = await connectMariadb(world, options)
      const ask = (sql: string, values: Value[]) =>
        binary
          ? client.execute({ sql, rowsAsArray: true }, values)
          : client.query({ sql, rowsAsArray: true }, values)
      return {
        run: (sql, ...values) => outcomeOf(ask(marked(sql), [...values])),
        cancel: async () => {
          const other = await connectMariadb(world, options)
          await other.query(`KILL QUERY ${client.threadId}`)
          await other.end()
        },
        close: () => client.end(),
      }
    },
  }
}

export async function connectMariadb(
  world: MysqlWorld,
  { tls, hold }: OpenOptions,
  more: ConnectionConfig = {},
): Promise<MariadbConnection> {
  const { user, password } = world.login(undefined)
  const client = await mariadb.createConnection({
    host: '127.0.0.1',
    port: world.proxy.port,
    database: 'shop',
    user,
    password,
    ...(tls ? { ssl: { ca: readFileSync(world.certificate) } } : {}),
    ...(hold ? { connectAttributes: { 'countersign.hold': hold } } : {}),
    ...more,
  })
  client.on('error', () => {})
  return client
}

/** mysqljs, which knows mysql_native_password alone and has no connection attributes. */
export function nodeMysqljs(world: MysqlWorld): Driver {
  return {
    name: 'mysqljs',
    tlsOnly: true,
    open: async (options) => {
      const client = await connectMysqljs(world, options)
      return {
        run: (sql, ...values) => outcomeOf(askMysqljs(client, marked(sql), values)),
        cancel: async () => {
          const other = await connectMysqljs(world, options)
          await askMysqljs(other, `KILL QUERY ${client.threadId}`)
          other.destroy()
        },
        close: () => new Promise((resolve) => client.end(() => resolve())),
      } satisfies DriverSession
    },
  }
}

export async function connectMysqljs(
  world: MysqlWorld,
  { tls, hold }: OpenOptions,
  more: mysqljs.ConnectionConfig = {},
): Promise<mysqljs.Connection> {
  const client = mysqljs.createConnection({
    host: '127.0.0.1',
    port: world.proxy.port,
    database: 'shop',
    ...world.login(hold),
    ...(tls ? { ssl: { ca: readFileSync(world.certificate) } } : {}),
    ...more,
  })
  client.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    client.connect((error) => (error ? reject(error) : resolve()))
  })
  return client
}

/** Rows as arrays, in the order of their columns; none where there is no result. */
export function askMysqljs(
  client: mysqljs.Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly (readonly unknown[])[]> {
  return new Promise((resolve, reject) => {
    client.query(sql, [...values], (error, rows) => {
      if (error) reject(error)
      else resolve(Array.isArray(rows) ? rows.map((row) => Object.values(row)) : [])
    })
  })
}

/** $1, $2 and so on are ? here. */
export function marked(sql: string): string {
  return sql.replace(/\$\d/g, '?')
}

/** Cells as the server's text would be, as near as the tests need it. */
async function outcomeOf(answer: PromiseLike<unknown>): Promise<Outcome> {
  try {
    const rows = await answer
    if (!Array.isArray(rows)) return { rows: '' }
    const text = (cell: unknown) => (cell === null ? 'NULL' : String(cell))
    return { rows: rows.map((row: unknown[]) => row.map(text).join('|')).join(';') }
  } catch (error) {
    // MariaDB's client writes the statement into its message, too.
    const { sqlState = '', message, sqlMessage } = error as QueryError
    return { code: codeIn(sqlMessage ?? message) ?? sqlState, message: sqlMessage ?? message }
  }
}

/** Our own code stands at the beginning of the server's text; clients put words of theirs before. */
export function codeIn(message: string): string | undefined {
  return /(?:^|[ )])([0-9A-Z]{5}): /.exec(message)?.[1]
}

interface QueryError extends Error {
  readonly sqlState?: string
  readonly sqlMessage?: string
}
