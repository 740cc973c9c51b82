import mysql, { type Connection } from 'mysql2/promise'
import type { Test } from 'tap'
import { mysqlMaskerFor } from '../../../src/mask/mysql/masker-for.ts'
import type { MaskConfig, ResultColumn } from '../../../src/mask/plan.ts'
import { upstreamTarget } from '../../../src/net/upstream-target.ts'
import { type MysqlFlavour, startMysql, type TestMysql } from '../../support/mysql.ts'
import { AGENT, littleProxy, SECRET } from '../../wire/mysql/little-proxy.ts'
import { keys } from './fixtures.ts'

const PASSWORD = 'the password of the database'
const SCHEMA = `CREATE USER app@'%' IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO app@'%'`

/** What went through a masker. */
export interface Seen {
  readonly column: ResultColumn
  readonly before: Buffer
  readonly after: Buffer | null
}

export interface MaskedWorld {
  readonly server: TestMysql
  readonly direct: Connection
  /** Through a wire in which every column is masked so; null masks nothing. */
  readonly masked: Connection
  mask(config: MaskConfig | null): void
  /** What was masked since it was asked last. */
  seen(): Seen[]
}

/** A real server, with and without maskers in the wire. Null where there is no such server. */
export async function maskedWorld(t: Test, flavour: MysqlFlavour): Promise<MaskedWorld | null> {
  const server = await startMysql(t, flavour, { schema: SCHEMA })
  if (!server) {
    t.comment(`SKIPPED: there is no ${flavour} on this machine`)
    return null
  }
  const login = { user: 'app', password: PASSWORD, database: server.database }
  const host = '127.0.0.1'
  let config: MaskConfig | null = null
  let seen: Seen[] = []
  const proxy = await littleProxy({
    target: upstreamTarget({
      system: 'mysql',
      ...login,
      host,
      port: server.port,
      options: { sslmode: 'disable' },
    }),
    masker: (column) => {
      if (!config) return null
      const masker = mysqlMaskerFor(config, column, keys)
      return (cell) => {
        const before = Buffer.from(cell)
        const after = masker(cell)
        if (!before.equals(cell)) throw new Error('a masker changed what it was given')
        seen.push({ column, before, after })
        return after
      }
    },
  })
  t.teardown(proxy.close)
  const agent = { user: AGENT, password: SECRET, database: server.database }
  const direct = await connected(t, { ...login, host, port: server.port })
  const masked = await connected(t, { ...agent, host, port: proxy.port })
  return {
    server,
    direct,
    masked,
    mask: (wanted) => {
      config = wanted
    },
    seen: () => {
      const all = seen
      seen = []
      return all
    },
  }
}

async function connected(t: Test, options: mysql.ConnectionOptions): Promise<Connection> {
  const connection = await mysql.createConnection({
    ...options,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  })
  t.teardown(() => connection.destroy())
  return connection
}
