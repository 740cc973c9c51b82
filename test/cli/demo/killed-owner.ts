import { startPostgres } from '../../support/postgres.ts'

/** Starts a server, says its port, and waits to be killed. */
const server = await startPostgres({ teardown: () => undefined })
process.stdout.write(`${server.port}\n`)
setInterval(() => undefined, 60_000)
