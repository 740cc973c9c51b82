import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { join, resolve } from 'node:path'
import { parse, parseDocument } from 'yaml'
import { readConfig } from '../../config/config-file.ts'
import { credentialFor, newSecret } from '../../identity/credential.ts'
import { writeCredential } from '../../identity/credential-file.ts'
import { PersonTokens } from '../../identity/person-tokens.ts'
import type { Clock } from '../../lib/clock.ts'
import { createBlog } from './blog.ts'
import { clusterFolder } from './cluster-folder.ts'
import { demoFixture } from './demo-fixtures.ts'
import { type EmbeddedMysql, startEmbeddedMysql } from './embedded-mysql.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts'
import { freePort, isFree } from './free-port.ts'
import { type MysqlBinaries, mysqlOfMachine } from './mysql-binaries.ts'
import { binariesIn, binariesOfPackage, embeddedPackageName } from './postgres-binaries.ts'
import { createShop } from './shop.ts'

const AGENT = 'demo-agent'
const PERSON = 'ana@example.com'
const OWNER = 'bo@example.com'

/** Taken where they are free. */
const PREFERRED_PORTS = { agents: 6432, 'mysql-agents': 6306, control: 6480 } as const

export interface DemoOptions {
  readonly folder: string
  /** Programs of a PostgreSQL; null: those of the npm package. */
  readonly postgresBin: string | null
  /** A MySQL or MariaDB to show as well; by default the one that is on this machine. */
  readonly mysql?: MysqlBinaries | null
  readonly clock: Clock
  readonly progress: (text: string) => void
}

/** A database that runs, and all that a proxy in front of it needs. */
export interface DemoHouse {
  readonly configPath: string
  readonly agent: string
  readonly agentSecret: string
  /** True where there is a MySQL or MariaDB with the database `blog`, too. */
  readonly mysql: boolean
  /** Who can sign. */
  readonly person: string
  readonly tokenPath: string
  /** What is in that file: this machine's inbox takes it behind the # of its address. */
  readonly token: string
  close(): Promise<void>
}

/** Makes whatever of the demo isn't there yet and starts its database. */
export async function prepareDemo(options: DemoOptions): Promise<DemoHouse> {
  const folder = resolve(options.folder)
  for (const part of ['', 'ports', 'secrets', 'agents']) {
    await mkdir(join(folder, part), { recursive: true, mode: part === '' ? 0o755 : 0o700 })
  }
  const configPath = join(folder, 'countersign.yaml')
  const binaries = options.mysql === undefined ? mysqlOfMachine() : options.mysql
  const shows = await showsMysql(configPath, binaries)
  const database = await startDatabase(folder, options)
  let blog: EmbeddedMysql | null = null
  const close = async () => {
    await blog?.stop()
    await database.stop()
  }
  try {
    const appPassword = await secret(join(folder, 'secrets', 'app-password'))
    if (shows) blog = await startBlog(folder, shows, { appPassword, options })
    const fresh = await createShop(database.superuserUrl('postgres'), appPassword)
    if (fresh) options.progress('made the sample data')
    await choosePorts(folder, { database: database.port, 'mysql-database': blog?.port ?? 0 })
    if (!existsSync(configPath)) await writeFile(configPath, await demoConfig(blog !== null))
    const tokenPath = await tokenFile(folder, configPath, options.clock)
    return {
      configPath,
      agent: AGENT,
      agentSecret: await agentSecret(folder, options.clock),
      mysql: blog !== null,
      person: PERSON,
      tokenPath,
      token: await readFile(tokenPath, 'utf8'),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * The server to start: what the configuration of an earlier start says, which is the user's to
 * edit; else what is on the machine.
 */
async function showsMysql(
  configPath: string,
  binaries: MysqlBinaries | null,
): Promise<MysqlBinaries | null> {
  if (!existsSync(configPath)) return binaries
  const wanted = /mysql-database/.test(await readFile(configPath, 'utf8'))
  if (wanted && binaries === null) {
    throw new Error(
      `${configPath} has a MySQL database, and this machine has no MySQL or MariaDB server any more: install one, or remove the database blog and listen.mysql from it`,
    )
  }
  return wanted ? binaries : null
}

async function startBlog(
  folder: string,
  binaries: MysqlBinaries,
  parts: { readonly appPassword: string; readonly options: DemoOptions },
): Promise<EmbeddedMysql> {
  const { clock, progress } = parts.options
  const own = join(clusterFolder(folder), 'mysql')
  if (!existsSync(join(own, 'made')))
    progress(`making a database of the machine's ${binaries.flavour}`)
  const server = await startEmbeddedMysql({
    binaries,
    folder: own,
    settings: { 'local-infile': '0' },
    clock,
  })
  try {
    await createBlog(server.port, parts.appPassword)
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** The demo's configuration; with the blog where there is a server for it. */
async function demoConfig(blog: boolean): Promise<string> {
  const text = await readFile(demoFixture('countersign.yaml'), 'utf8')
  if (!blog) return text
  const config = parseDocument(text)
  const { listen, databases } = parse(await readFile(demoFixture('blog.yaml'), 'utf8'))
  config.setIn(['listen', 'mysql'], listen.mysql)
  config.setIn(['databases', 'blog'], databases.blog)
  config.addIn(['agents', AGENT, 'databases'], 'blog')
  return config.toString({ lineWidth: 0 })
}

async function startDatabase(folder: string, options: DemoOptions): Promise<EmbeddedPostgres> {
  const cluster = clusterFolder(folder)
  if (!existsSync(join(cluster, 'postgres', 'data'))) options.progress('making a database')
  const binaries =
    options.postgresBin === null
      ? binariesOfPackage(embeddedPackageName(platform(), arch()), cluster)
      : binariesIn(options.postgresBin)
  return startEmbeddedPostgres({
    binaries,
    folder: join(cluster, 'postgres'),
    settings: { max_connections: '200' },
    clock: options.clock,
  })
}

/** The configuration reads its ports from these files, so that it stays as it is when they move. */
async function choosePorts(
  folder: string,
  databases: Readonly<Record<string, number>>,
): Promise<void> {
  const write = (name: string, port: number) =>
    writeFile(join(folder, 'ports', name), `${port}\n`, { mode: 0o600 })
  for (const [name, port] of Object.entries(databases)) await write(name, port)
  for (const [name, preferred] of Object.entries(PREFERRED_PORTS)) {
    await write(name, (await isFree(preferred)) ? preferred : await freePort())
  }
}

/** Reads a secret of the demo, or makes it. */
async function secret(path: string): Promise<string> {
  if (!existsSync(path)) {
    await writeFile(path, randomBytes(18).toString('base64url'), { mode: 0o600, flag: 'wx' })
  }
  return readFile(path, 'utf8')
}

/** The agent's secret has to be shown at each start, so the demo, and only it, keeps it. */
async function agentSecret(folder: string, clock: Clock): Promise<string> {
  const path = join(folder, 'secrets', 'demo-agent-password')
  const credential = join(folder, 'agents', `${AGENT}.json`)
  if (existsSync(path) && existsSync(credential)) return readFile(path, 'utf8')
  const made = newSecret()
  const createdAt = new Date(clock.now()).toISOString()
  await writeFile(path, made, { mode: 0o600 })
  await writeCredential(
    credential,
    credentialFor({ agent: AGENT, createdAt, createdBy: OWNER }, made),
  )
  return made
}

async function tokenFile(folder: string, configPath: string, clock: Clock): Promise<string> {
  const path = join(folder, 'secrets', 'ana.token')
  const read = await readConfig({ path: configPath, env: {} })
  if (!read.ok) throw new Error(`${configPath}:\n${read.problems.join('\n')}`)
  const tokens = new PersonTokens({ data: read.config.data, clock })
  const known = existsSync(path) ? await readFile(path, 'utf8') : ''
  if (tokens.authenticate(known) === null) {
    await writeFile(path, await tokens.add(PERSON), { mode: 0o600 })
  }
  return path
}
