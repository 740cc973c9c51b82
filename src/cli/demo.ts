import type { Command } from 'commander'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { type DemoHouse, prepareDemo } from './demo/prepare-demo.ts'
import type { CommandIo } from './io.ts'

const HELP = `
Starts a PostgreSQL of its own with a small shop in it, and the proxy in front; where the machine has
a MySQL or MariaDB server, one of its own with a small blog, too. All of it lies in one folder, which a
second start uses again; remove the folder to begin anew. Nothing outside it is changed, and only
127.0.0.1 is listened on.

As root, the databases run as uid 65534, for they refuse to be root.

Exit codes: 0 stopped by Ctrl-C, 1 could not start.
`

/** A proxy that runs. */
export interface DemoProxy {
  /** host:port for agents. */
  readonly postgres: string
  /** The same for MySQL clients; null where there is no MySQL. */
  readonly mysql: string | null
  /** The address of the HTTP API. */
  readonly control: string
  close(): Promise<void>
}

export interface DemoParts {
  /** Starts the proxy with a configuration file. */
  readonly startProxy: (configPath: string) => Promise<DemoProxy>
  /** Aborted by Ctrl-C; read once, when the demo begins. */
  readonly signal: AbortSignal
  readonly clock?: Clock
}

interface DemoOptions {
  readonly folder: string
  readonly postgresBin?: string
}

/** Adds `demo`. */
export function registerDemo(program: Command, io: CommandIo, parts: DemoParts): void {
  program
    .command('demo')
    .description('Try it: a PostgreSQL with sample data, and the proxy in front')
    .option('--folder <folder>', 'where all of it is kept', './countersign-demo')
    .option('--postgres-bin <folder>', 'programs of a PostgreSQL to use instead of the npm package')
    .addHelpText('after', HELP)
    .action(async (options: DemoOptions) => {
      try {
        await runDemo(io, options, parts)
        io.exit(0)
      } catch (error) {
        io.err(`${messageOf(error)}\n`)
        io.exit(1)
      }
    })
}

async function runDemo(io: CommandIo, options: DemoOptions, parts: DemoParts): Promise<void> {
  const clock = parts.clock ?? systemClock
  const { signal } = parts
  const house = await prepareDemo({
    folder: options.folder,
    postgresBin: options.postgresBin ?? null,
    clock,
    progress: (text) => io.err(`${text}\n`),
  })
  try {
    if (signal.aborted) return
    const proxy = await parts.startProxy(house.configPath)
    try {
      io.out(introduction(house, proxy, commandOf(io)))
      await aborted(signal)
      io.err('stopping\n')
    } finally {
      await proxy.close()
    }
  } finally {
    await house.close()
  }
}

/** How the command line is called: from a clone, nothing is installed under its name. */
function commandOf(io: CommandIo): string {
  return io.env.npm_lifecycle_event === undefined ? 'countersign' : 'node dist/src/main.js'
}

function introduction(house: DemoHouse, proxy: DemoProxy, command: string): string {
  const login = `${house.agent}:${house.agentSecret}`
  return `postgres  postgres://${login}@${proxy.postgres}/shop
${proxy.mysql === null ? '' : `mysql  mysql://${login}@${proxy.mysql}/blog\n`}inbox  ${proxy.control}/#${house.token}

Connect as the agent with any PostgreSQL client and try:
  SELECT name, email, national_id FROM customers LIMIT 3;   -- comes back masked
  UPDATE orders SET status = 'cancelled';                   -- waits until ${house.person} signs
${proxy.mysql === null ? '' : BLOG_TRIES}
Open the inbox to sign as ${house.person}, or do it in another terminal:
  export COUNTERSIGN_URL=${proxy.control} COUNTERSIGN_TOKEN=$(cat ${quoted(house.tokenPath)})
  ${command} approvals ls
  ${command} approvals approve ID

Ctrl-C stops everything.
`
}

const BLOG_TRIES = `Or with any MySQL client:
  SELECT name, email FROM users;                            -- comes back masked
  DELETE FROM posts;                                        -- waits for the same person
`

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
