import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { POSTGRES_VERSIONS, startPostgres, withClient } from '../../support/postgres.ts'

for (const version of POSTGRES_VERSIONS) {
  t.test(`runs the ${version} PostgreSQL for a test`, async (t) => {
    const server = await startPostgres(t, {
      version,
      schema:
        'CREATE TABLE note (id int PRIMARY KEY, body text); INSERT INTO note VALUES (1, $$é$$)',
      settings: { work_mem: '5MB' },
    })
    t.match(server.version, version === 'newest' ? /^18\./ : /^1[3-7]\./)
    const seen = await withClient(server.url, (client) =>
      client.query(`SELECT current_user, body, current_setting('work_mem') AS mem,
        current_setting('server_encoding') AS encoding FROM note`),
    )
    t.match(seen.rows, [{ current_user: 'app', body: 'é', mem: '5MB', encoding: 'UTF8' }])
    const [{ owned } = { owned: '?' }] = (
      await server.query(`SELECT count(*) AS owned FROM pg_class WHERE relowner = 'app'::regrole`)
    ).rows
    t.equal(owned, '0')
    await t.rejects(
      withClient(server.url.replace('app-password', 'wrong'), async () => {}),
      {
        code: '28P01',
      },
    )
    t.ok(server.port > 1024 && server.port < 32_768)
    t.ok(existsSync(join(server.socketFolder, `.s.PGSQL.${server.port}`)))

    await server.close()
    t.notOk(existsSync(server.socketFolder))
    await t.rejects(
      withClient(server.url, async () => {}),
      { code: 'ECONNREFUSED' },
    )
  })
}
