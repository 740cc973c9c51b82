/**
 * Records what tools send: node dist/test/support/tools-record-main.js --clients FOLDER [FILE]...
 *
 * FILE is the name of an entry of fixtures/tools/record/tools.json (default: all of them); FOLDER
 * has the node_modules that the entries in JavaScript load.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import mysql from 'mysql2/promise'
import type { Test } from 'tap'
import { type Countersign, startCountersign } from './countersign.ts'
import { SIDES, type Side } from './e2e-sides.ts'
import {
  OBJECT_NUMBERS,
  objectNumbers,
  type System,
  type ToolStatement,
  toolsFolder,
  writeTool,
} from './tools-fixtures.ts'
import { fixturesOf, merged } from './tools-overheard.ts'
import { type Overheard, RecordingRelay } from './tools-relay.ts'
import {
  type Replayed,
  replay,
  startToolServer,
  type ToolServer,
  toolProxyOptions,
} from './tools-replay.ts'

/** An entry of tools.json. */
interface Recipe {
  readonly system: System
  /** Of the fixture, without .jsonl. */
  readonly file: string
  /** As a person calls it. */
  readonly tool: string
  /** Run in the folder of the recipes; it prints `version 1.2.3`. */
  readonly run: readonly [string, ...string[]]
}

const SERVERS: Readonly<Record<System, readonly string[]>> = {
  postgres: ['PostgreSQL, newest', 'PostgreSQL, oldest'],
  mysql: ['MySQL, mariadb', 'MySQL, mysql'],
}
const recipesFolder = join(toolsFolder, 'record')

/** Ends what it is told to, last first; startPostgres and its like want a test's. */
class Teardowns {
  readonly #all: (() => unknown)[] = []

  teardown(fn: () => unknown): void {
    this.#all.unshift(fn)
  }

  comment(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  async end(): Promise<void> {
    for (const fn of this.#all) await fn()
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { clients: { type: 'string', default: '.' } },
    allowPositionals: true,
  })
  const recipes: Recipe[] = JSON.parse(readFileSync(join(recipesFolder, 'tools.json'), 'utf8'))
  const wanted = recipes.filter(
    ({ system, file }) => positionals.length === 0 || positionals.includes(`${system}/${file}`),
  )
  for (const system of ['postgres', 'mysql'] as const) {
    const own = wanted.filter((recipe) => recipe.system === system)
    if (own.length > 0) await recordAll(system, own, resolve(values.clients))
  }
}

async function recordAll(system: System, recipes: readonly Recipe[], clients: string) {
  const ends = new Teardowns()
  const t = ends as unknown as Test
  try {
    const lists = new Map<string, ToolStatement[][]>()
    for (const name of SERVERS[system]) {
      const server = await startToolServer(t, SIDES.find((side) => side.name === name) as Side)
      if (!server) continue
      for (const recipe of recipes) {
        const list = await record(server, recipe, clients)
        process.stdout.write(`${server.name} ${recipe.tool}: ${list.length}\n`)
        lists.set(recipe.file, [...(lists.get(recipe.file) ?? []), list])
      }
      const proxy = await startCountersign(t, toolProxyOptions(server))
      for (const { file } of recipes) {
        const own = lists.get(file) ?? []
        own.push(await judged(t, server, proxy, own.pop() ?? []))
      }
    }
    for (const [file, own] of lists) writeTool(system, file, merged(own))
  } finally {
    await ends.end()
  }
}

/** With what the proxy does of each. Why it is right to hold one is for a person to look at. */
async function judged(
  t: Test,
  server: ToolServer,
  proxy: Countersign,
  list: readonly ToolStatement[],
): Promise<ToolStatement[]> {
  const replayed: { readonly statement: ToolStatement; readonly came: Replayed }[] = []
  await replay(t, server, proxy, list, (statement, came) => replayed.push({ statement, came }))
  const judgements: ToolStatement[] = []
  for (const { statement, came } of replayed) {
    judgements.push({ ...statement, ...(await verdictOn(proxy, came)) })
  }
  return judgements
}

async function verdictOn(proxy: Countersign, { outcome, said }: Replayed) {
  if (outcome === 'masked') return { masked: true as const }
  if (outcome === 'refused') return { held: `refused: ${said}` }
  if (outcome !== 'held') return {}
  const { reasons } = await proxy.request(/request (\w+)/.exec(said)?.[1] ?? '')
  return { held: JSON.stringify(reasons) }
}

async function record(server: ToolServer, recipe: Recipe, clients: string) {
  const { heard, out } =
    recipe.system === 'postgres'
      ? await onPostgres(server, recipe, clients)
      : await onMysql(server, recipe, clients)
  const version = /^version (.+)$/m.exec(out)?.[1] ?? 'unknown'
  const rows = recipe.system === 'postgres' ? await server.db.run(OBJECT_NUMBERS) : []
  const { tool } = recipe
  return fixturesOf(heard, { tool, version, server: server.name, numbers: objectNumbers(rows) })
}

async function onPostgres({ login }: ToolServer, recipe: Recipe, clients: string) {
  const relay = await RecordingRelay.open(Number(login.port))
  try {
    const url = new URL(login)
    url.port = String(relay.port)
    const out = await run(recipe, url, clients)
    return { heard: relay.heard, out }
  } finally {
    relay.close()
  }
}

/** MySQL's servers write down themselves what they are asked. */
async function onMysql({ db, login }: ToolServer, recipe: Recipe, clients: string) {
  // Clients without TLS can log in where the server has met the password before.
  await (await mysql.createConnection({ uri: login.href })).end()
  await db.run("SET GLOBAL log_output = 'TABLE'")
  await db.run('TRUNCATE mysql.general_log')
  await db.run('SET GLOBAL general_log = ON')
  const out = await run(recipe, login, clients)
  await db.run('SET GLOBAL general_log = OFF')
  const rows = await db.run(`SELECT command_type AS kind, CONVERT(argument USING utf8mb4) AS \`sql\`
    FROM mysql.general_log
    WHERE user_host LIKE '${login.username}[%' AND command_type IN ('Query', 'Prepare', 'Execute')`)
  const heard = rows.map(({ kind, sql }): Overheard => {
    return { sql: String(sql), prepared: kind === 'Prepare', types: [], parameters: null }
  })
  return { heard, out }
}

/** Asynchronous, for a relay has to go on relaying meanwhile. */
async function run({ run: command, tool }: Recipe, url: URL, clients: string): Promise<string> {
  const [program, ...args] = command
  const child = spawn(program, args, {
    cwd: recipesFolder,
    env: { ...process.env, ...environmentFor(url), CLIENTS: clients },
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const code = await new Promise((done) => child.once('close', done))
  if (code !== 0) process.stderr.write(`${tool} ended with ${code}: ${err.slice(-2000)}\n`)
  return out
}

function environmentFor(url: URL): Record<string, string> {
  const { port, username, password } = url
  return {
    DATABASE_URL: url.href,
    PGHOST: '127.0.0.1',
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: 'shop',
    PGSSLMODE: 'disable',
    PSQLRC: '/dev/null',
    PGPASSFILE: '/dev/null',
    DB_PORT: port,
    DB_USER: username,
    DB_PASSWORD: password,
  }
}

await main()
