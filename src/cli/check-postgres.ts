import type pg from 'pg'
import { inspectRole } from '../catalog/role-facts.ts'
import { connectUpstreamClient } from '../config/upstream-client.ts'
import type { SystemCheck } from './check-database.ts'
import { openOwnPostgresCatalog } from './own-postgres-catalog.ts'

/** `countersign check` of a PostgreSQL. */
export const postgresCheck: SystemCheck<pg.Client> = {
  connect: (upstream) => connectUpstreamClient(upstream, 'countersign check'),
  disconnect: (client) => client.end(),
  async read(client, database, upstream, { clock, memory }) {
    const connect = () => connectUpstreamClient(upstream, 'countersign check')
    const catalog = await openOwnPostgresCatalog(database, connect, clock, memory)
    try {
      const { current } = catalog
      return {
        roleFacts: await inspectRole(client, current),
        unjudged: current.unjudged,
        columns: [...current.relations()].flatMap(({ schema, name: table, columns }) =>
          [...columns.values()].map(({ name }) => ({ schema, table, name })),
        ),
      }
    } finally {
      await catalog.close()
    }
  },
}
