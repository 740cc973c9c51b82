/**
 * Records what tools send, judges it, and writes docs/tools.md.
 *
 *     node dist/test/support/tools-record-main.js --clients FOLDER [SYSTEM/FILE]...
 *     node dist/test/support/tools-record-main.js --judge-only
 *
 * SYSTEM/FILE names an entry of fixtures/tools/record/tools.json (default: all of them); FOLDER has
 * the node_modules that the entries in JavaScript load. With --judge-only nothing is recorded: what
 * the fixtures say of masks and holds is made anew.
 */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import mysql from 'mysql2/promise'
import type { Test } from 'tap'
import type { Effect, EffectReason } from '../../src/sql/statement.ts'
import { type Countersign, startCountersign } from './countersign.ts'
import { SIDES, type Side } from './e2e-sides.ts'
import {
  OBJECT_NUMBERS,
  objectNumbers,
  readTool,
  SYSTEMS,
  type System,
  type ToolStatement,
  toolFiles,
  toolsFolder,
  writeTool,
} from './tools-fixtures.ts'
import { fixturesOf, judgedAnew, merged } from './tools-overheard.ts'
import { toolsPage, toolsPagePath } from './tools-page.ts'
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
    options: {
      clients: { type: 'string', default: '.' },
      'judge-only': { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const recipes: Recipe[] = JSON.parse(readFileSync(join(recipesFolder, 'tools.json'), 'utf8'))
  const isWanted = (name: string) => positionals.length === 0 || positionals.includes(name)
  for (const system of SYSTEMS) {
    const own = recipes.filter((one) => one.system === system && isWanted(`${system}/${one.file}`))
    const files = values['judge-only']
      ? toolFiles(system).filter((file) => isWanted(`${system}/${file}`))
      : own.map(({ file }) => file)
    const heard: Hear = values['judge-only']
      ? ({ name }, file) => readTool(system, file).filter(({ on }) => on.includes(name))
      : (server, file) => {
          const recipe = own.find((one) => one.file === file) as Recipe
          return record(server, recipe, resolve(values.clients))
        }
    const join = values['judge-only']
      ? (lists: Lists, file: string) => judgedAnew(readTool(system, file), lists)
      : (lists: Lists) => merged(lists)
    if (files.length > 0) await writeAll(system, files, heard, join)
  }
  writeFileSync(toolsPagePath, toolsPage())
}

/** What a tool sends to this server, not judged yet. */
type Hear = (
  server: ToolServer,
  file: string,
) => readonly ToolStatement[] | Promise<ToolStatement[]>

/** Of one tool, a list for each server. */
type Lists = readonly (readonly ToolStatement[])[]

async function writeAll(
  system: System,
  files: readonly string[],
  heard: Hear,
  join: (lists: Lists, file: string) => ToolStatement[],
): Promise<void> {
  const ends = new Teardowns()
  const t = ends as unknown as Test
  const lists = new Map<string, ToolStatement[][]>(files.map((file) => [file, []]))
  try {
    for (const name of SERVERS[system]) {
      const server = await startToolServer(t, SIDES.find((side) => side.name === name) as Side)
      // Half of the answer would undo what was recorded on the other half.
      if (!server) throw new Error(`there is no server of ${name}`)
      const unjudged = new Map<string, readonly ToolStatement[]>()
      for (const file of files) unjudged.set(file, await heard(server, file))
      const proxy = await startCountersign(t, toolProxyOptions(server))
      for (const [file, list] of unjudged) {
        lists.get(file)?.push(await judged(t, server, proxy, list))
        process.stdout.write(`${server.name} ${file}: ${list.length}\n`)
      }
    }
    for (const [file, own] of lists) writeTool(system, file, join(own, file))
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
    const { masked: _masked, held: _held, ...bare } = statement
    judgements.push({ ...bare, on: [server.name], ...(await verdictOn(proxy, came)) })
  }
  return judgements
}

async function verdictOn(proxy: Countersign, { outcome, said }: Replayed) {
  if (outcome === 'masked') return { masked: true as const }
  if (outcome === 'refused') return { held: `refused: ${said}` }
  if (outcome !== 'held') return {}
  const { reasons } = await proxy.request(/approvals\/(\w+)/.exec(said)?.[1] ?? '')
  return { held: wordsOf(reasons as readonly EffectReason[]) }
}

function wordsOf(reasons: readonly EffectReason[]): string {
  const own = reasons.filter(({ effect }) => !ALLOWED.has(effect))
  return own.map(({ effect, reason }) => `${effect}: ${reason}`).join('; ')
}

/** Effects that nobody is asked for. */
const ALLOWED: ReadonlySet<Effect> = new Set(['read', 'write', 'session', 'transaction'])

async function record(
  server: ToolServer,
  recipe: Recipe,
  clients: string,
): Promise<ToolStatement[]> {
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
  if (err !== '')
    process.stderr.write(`${tool} said, and ended with ${code}: ${err.slice(-2000)}\n`)
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
