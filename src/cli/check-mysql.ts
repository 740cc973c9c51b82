import type { Connection } from 'mysql2/promise'
import { inspectMysqlRole } from '../catalog/mysql-role-facts.ts'
import { connectMysqlClient } from '../config/mysql-upstream-client.ts'
import type { SystemCheck } from './check-database.ts'
import { openOwnMysqlCatalog } from './own-mysql-catalog.ts'

/** `countersign check` of a MySQL or MariaDB. */
export const mysqlCheck: SystemCheck<Connection> = {
  connect: (upstream) => connectMysqlClient(upstream, 'countersign check'),
  disconnect: (connection) => connection.end(),
  async read(connection, database, upstream, { clock, memory }) {
    const connect = () => connectMysqlClient(upstream, 'countersign check')
    const catalog = await openOwnMysqlCatalog(database, connect, clock, memory)
    try {
      const { current } = catalog
      return {
        roleFacts: await inspectMysqlRole(connection, current),
        columns: [...current.tables()].flatMap(({ schema, name: table, columns }) =>
          columns.map(({ name }) => ({ schema, table, name })),
        ),
        unjudged: current.unjudged,
        caseless: { tables: current.lowerCaseTableNames !== 0, columns: true },
      }
    } finally {
      await catalog.close()
    }
  },
}
