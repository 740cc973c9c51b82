import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startEmbeddedPostgres } from '../../../src/cli/demo/embedded-postgres.ts'
import { isFree } from '../../../src/cli/demo/free-port.ts'
import { binariesOf, POSTGRES_VERSIONS, startPostgres, withClient } from '../../support/postgres.ts'

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

t.test('ends with the process that started it, even by SIGKILL', async (t) => {
  const program = fileURLToPath(new URL('./killed-owner.js', import.meta.url))
  // What it leaves behind, it leaves in a folder of ours.
  const folder = mkdtempSync(join(tmpdir(), 'csgn-'))
  chmodSync(folder, 0o711)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const owner = spawn(process.execPath, [program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  })
  const [said] = await once(owner.stdout, 'data')
  const port = Number(String(said))
  t.notOk(await isFree(port))
  owner.kill('SIGKILL')
  await once(owner, 'close')
  while (!(await isFree(port))) await new Promise(setImmediate)
  t.pass('the server has gone')
})

t.test('runs one server on one folder', async (t) => {
  const folder = join(t.testdir({}), 'cluster')
  const options = { binaries: binariesOf('newest'), folder }
  const first = await startEmbeddedPostgres(options)
  await t.rejects(startEmbeddedPostgres(options), /postmaster\.pid.*already exists/s)
  await withClient(first.superuserUrl('postgres'), async (client) => {
    t.match((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'the first goes on')
  })
  await first.stop()
  const again = await startEmbeddedPostgres(options)
  t.equal(again.superuserPassword, first.superuserPassword)
  await again.stop()
  await again.stop()
})
