import { spawn } from 'node:child_process'
import mariadb from 'mariadb'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { PYTHON } from './clients-python.ts'

/** One login by one client: it says who it is and asks one thing. */
export interface Login {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly tls?: boolean
  /** PEM. */
  readonly certificate?: { readonly cert: string; readonly key: string }
  readonly onBehalfOf?: string
  readonly sql?: string
}

/** Resolves with what the first row says, or with what the client says of its failure. */
export type LogIn = (login: Login) => Promise<string>

const HOST = '127.0.0.1'
const ASKED = "SELECT 'in' AS answer"

const byPg: LogIn = async ({ port, user, password, tls = true, onBehalfOf, sql, certificate }) => {
  const options = onBehalfOf ? { options: `-c countersign.on_behalf_of=${onBehalfOf}` } : {}
  const ssl = tls ? { ssl: { rejectUnauthorized: false, ...certificate } } : {}
  const login = { host: HOST, port, user, password, database: 'shop' }
  const client = new pg.Client({ ...login, ...options, ...ssl })
  client.on('error', () => {})
  return said(async () => {
    await client.connect()
    const { rows } = await client.query({ text: sql ?? ASKED, rowMode: 'array' })
    return String(rows[0]?.[0])
  }).finally(() => void client.end().catch(() => {}))
}

const byMysql2: LogIn = (login) =>
  said(async () => {
    const { port, user, password, tls = true, onBehalfOf, sql = ASKED, certificate } = login
    const client = await mysql.createConnection({
      ...{ host: HOST, port, user, password, database: 'shop' },
      ...(tls ? { ssl: { rejectUnauthorized: false, ...certificate } } : {}),
      ...(onBehalfOf ? { connectAttributes: { 'countersign.on_behalf_of': onBehalfOf } } : {}),
    })
    client.on('error', () => {})
    const [rows] = await client
      .query<mysql.RowDataPacket[][]>({ sql, rowsAsArray: true })
      .finally(() => client.destroy())
    return String(rows[0]?.[0])
  })

const byMariadb: LogIn = (login) =>
  said(async () => {
    const { port, user, password, tls = true, sql = ASKED, certificate } = login
    const client = await mariadb.createConnection({
      ...{ host: HOST, port, user, password, database: 'shop' },
      ...(tls ? { ssl: { rejectUnauthorized: false, ...certificate } } : {}),
    })
    const rows = await client.query({ sql, rowsAsArray: true }).finally(() => client.destroy())
    return String(rows[0]?.[0])
  })

async function said(work: () => Promise<string>): Promise<string> {
  try {
    return await work()
  } catch (error) {
    const { code, sqlState, message } = error as Error & { code?: string; sqlState?: string }
    return `${sqlState ?? code}: ${message}`
  }
}

/** Runs a program to its end; its first line, or what it complains of. */
function byProgram(
  program: string,
  of: (login: Required<Login>) => {
    readonly args: readonly string[]
    readonly env: Record<string, string>
  },
): LogIn {
  return async (login) => {
    const whole = { tls: true, onBehalfOf: '', sql: ASKED, certificate: { cert: '', key: '' } }
    const { args, env } = of({ ...whole, ...login })
    const child = spawn(program, args, { env: { ...process.env, ...env } })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.stdin.end()
    const code = await new Promise((resolve) => child.once('close', resolve))
    return code === 0 ? (out.split('\n')[0] ?? '') : `${code}: ${err}`
  }
}

const byPsql = byProgram('psql', ({ port, user, password, tls, sql }) => ({
  args: ['-XAtq', '-h', HOST, '-p', String(port), '-U', user, '-d', 'shop', '-c', sql],
  env: { PGPASSWORD: password, PGSSLMODE: tls ? 'require' : 'disable' },
}))

/** The libraries of Python; they read where to connect from the environment. */
function byPython(lines: string): LogIn {
  return byProgram(PYTHON, ({ port, user, password, tls, sql }) => ({
    args: ['-c', `import os, ssl\nport, user, password, sql = ${READ}\n${lines}`],
    env: {
      ...{ CS_PORT: String(port), CS_USER: user, CS_PASSWORD: password, CS_SQL: sql },
      CS_TLS: tls ? '1' : '',
    },
  }))
}

const READ =
  "int(os.environ['CS_PORT']), os.environ['CS_USER'], os.environ['CS_PASSWORD'], os.environ['CS_SQL']"

const byPsycopg = byPython(`
import psycopg
mode = 'require' if os.environ['CS_TLS'] else 'disable'
with psycopg.connect(host='${HOST}', port=port, user=user, password=password, dbname='shop', sslmode=mode) as c:
    print(c.execute(sql).fetchone()[0])
`)

const byAsyncpg = byPython(`
import asyncio, asyncpg
mode = 'require' if os.environ['CS_TLS'] else 'disable'
async def main():
    c = await asyncpg.connect(host='${HOST}', port=port, user=user, password=password, database='shop', ssl=mode)
    print((await c.fetchrow(sql))[0])
    await c.close()
asyncio.run(main())
`)

const byPymysql = byPython(`
import pymysql
context = None
if os.environ['CS_TLS']:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
c = pymysql.connect(host='${HOST}', port=port, user=user, password=password, database='shop', ssl=context)
with c.cursor() as cursor:
    cursor.execute(sql)
    print(cursor.fetchone()[0])
`)

const byCommandLine = byProgram('mariadb', ({ port, user, password, tls, sql }) => ({
  args: [
    ...['--no-defaults', `--host=${HOST}`, `--port=${port}`, `--user=${user}`, '-N', '-B'],
    ...(tls ? ['--ssl', '--skip-ssl-verify-server-cert'] : ['--skip-ssl']),
    ...['-e', sql, 'shop'],
  ],
  env: { MYSQL_PWD: password },
}))

/** By the name of the client. */
export const LOGINS = {
  postgres: { pg: byPg, psql: byPsql, psycopg: byPsycopg, asyncpg: byAsyncpg },
  mysql: {
    mysql2: byMysql2,
    mariadb: byMariadb,
    PyMySQL: byPymysql,
    'the mariadb command line': byCommandLine,
  },
} as const satisfies Record<string, Readonly<Record<string, LogIn>>>
