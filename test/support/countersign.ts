import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { readEvents } from '../../src/cli/server-sent-events.ts'

/** Long past anything that is waited for: a request that never comes has to fail its own test. */
const DEADLINE_MS = 20_000
const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

export const AGENT = 'bot'
/** Owns the agent, so can't sign for it. */
export const OWNER = 'ana@example.com'
/** Signs. */
export const APPROVER = 'bo@example.com'

type Yaml = Readonly<Record<string, unknown>>

export interface CountersignOptions {
  /** The upstream of the database `shop`; its system decides which listener there is. */
  readonly upstream: string
  /** Merged over databases.shop. */
  readonly database?: Yaml
  /** Merged over agents.bot. */
  readonly agent?: Yaml
  /** Merged over the top of the configuration. */
  readonly config?: Yaml
  readonly env?: Readonly<Record<string, string>>
  /**
   * Another proxy whose agent this one knows by the same password: it is ready much sooner. Nobody
   * has a token for its API.
   */
  readonly like?: Countersign
  /** Beside the configuration: name -> content. */
  readonly files?: Readonly<Record<string, string>>
}

interface Teardown {
  teardown(fn: () => unknown): unknown
}

/** A request as the API shows it; only what tests look at. */
export interface ShownRequest {
  readonly id: string
  readonly state: string
  readonly statement: string
  readonly statement_sha256: string
  readonly effects: readonly string[]
  readonly [key: string]: unknown
}

/**
 * Runs the command without what the test runner adds to every Node that is spawned: it would write
 * files of its own from inside the proxy, also where a test has made the disk full.
 */
function spawnCommand(args: readonly string[], env: Readonly<Record<string, string>>) {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, MAIN, ...args], {
    env: { ...process.env, ...env },
  })
}

/** A proxy that runs as its users run it: the command, in processes of its own. */
export class Countersign {
  readonly folder: string
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess | null = null
  /** The one that the test has ended. */
  #ending: ChildProcess | null = null
  #listening: { readonly postgres?: string; readonly mysql?: string; readonly control: string } = {
    control: '',
  }
  #password = ''
  readonly #tokens = new Map<string, string>()
  /** What it wrote to standard error. */
  stderr = ''
  readonly #onWords = new Set<() => void>()

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder
    this.#env = env
  }

  get configPath(): string {
    return join(this.folder, 'countersign.yaml')
  }

  get password(): string {
    return this.#password
  }

  /** After `agent add` has made another one. */
  useAgentPassword(password: string): void {
    this.#password = password
  }

  /** Where agents connect: host:port of the one listener. */
  get #door(): string {
    return this.#listening.postgres ?? this.#listening.mysql ?? ''
  }

  get port(): number {
    return Number(this.#door.split(':')[1])
  }

  /** Of the HTTP API. */
  get control(): string {
    return this.#listening.control
  }

  /** The agent's connection string. */
  get url(): string {
    const scheme = this.#listening.postgres === undefined ? 'mysql' : 'postgres'
    return `${scheme}://${AGENT}:${this.#password}@${this.#door}/shop`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Runs one command of the command line and reads its JSON. */
  async command(...args: readonly string[]): Promise<Record<string, unknown>> {
    const { code, out, err } = await this.run(...args, '--config', this.configPath, '--json')
    if (code !== 0) throw new Error(`countersign ${args.join(' ')}: ${code}: ${err}`)
    return JSON.parse(out)
  }

  async run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    const child = spawnCommand(args, this.#env)
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    const [code] = await once(child, 'close')
    return { code, out, err }
  }

  async prepare(like?: Countersign): Promise<void> {
    if (like) {
      this.#password = like.password
      copyFileSync(join(like.folder, 'bot.json'), join(this.folder, 'bot.json'))
      return
    }
    const agent = await this.command('agent', 'add', AGENT, '--owner', OWNER, '--database', 'shop')
    this.#password = String(agent.password)
    for (const person of [OWNER, APPROVER]) await this.giveToken(person)
  }

  /** Lets a person of the configuration use the API. */
  async giveToken(person: string): Promise<void> {
    const { token } = await this.command('token', 'add', person)
    this.#tokens.set(person, String(token))
  }

  /** Starts, or starts again, and waits until it is ready. */
  async start(): Promise<void> {
    const child = spawnCommand(['start', '--config', this.configPath, '--ready-json'], this.#env)
    this.#child = child
    child.stderr.on('data', (chunk) => {
      this.stderr += chunk
      for (const look of this.#onWords) look()
    })
    child.once('exit', (code, signal) => {
      // Killed or told to stop by the test, or else a crash that it should hear of.
      if (this.#ending === child) return
      process.stderr.write(`the proxy ended by itself: ${code ?? signal}\n${this.stderr}\n`)
    })
    const lines = createInterface({ input: child.stdout })
    const first = await Promise.race([once(lines, 'line'), once(child, 'close')])
    if (typeof first[0] !== 'string') throw new Error(`it did not start: ${this.stderr}`)
    this.#listening = JSON.parse(first[0])
  }

  /** Resolves once it has said something like this on standard error, from `from` characters on. */
  async said(words: RegExp, from = 0): Promise<void> {
    if (words.test(this.stderr.slice(from))) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it never said ${words}`)), DEADLINE_MS)
      const look = () => {
        if (!words.test(this.stderr.slice(from))) return
        clearTimeout(timer)
        this.#onWords.delete(look)
        resolve()
      }
      this.#onWords.add(look)
    })
  }

  kill(signal: NodeJS.Signals): Promise<unknown> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
    const closed = once(child, 'exit')
    this.#ending = child
    child.kill(signal)
    return closed
  }

  get exitCode(): number | null {
    return this.#child?.exitCode ?? null
  }

  tokenOf(person: string): string {
    return this.#tokens.get(person) ?? ''
  }

  async api(path: string, options: { body?: unknown; person?: string } = {}): Promise<Response> {
    const { body, person = APPROVER } = options
    const headers = { authorization: `Bearer ${this.tokenOf(person)}` }
    if (body === undefined) return fetch(this.control + path, { headers })
    return fetch(this.control + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  async requests(state = 'pending'): Promise<ShownRequest[]> {
    const answer = await this.api(`/v1/approvals?state=${state}`)
    return ((await answer.json()) as { approvals: ShownRequest[] }).approvals
  }

  async request(id: string): Promise<ShownRequest> {
    return (await (await this.api(`/v1/approvals/${id}`)).json()) as ShownRequest
  }

  /** Resolves with the first pending request that fits, whether it is there or comes. */
  async pending(fits: (request: ShownRequest) => boolean = () => true): Promise<ShownRequest> {
    const ending = new AbortController()
    const timer = setTimeout(() => ending.abort(new Error('no such request came')), DEADLINE_MS)
    const stream = await fetch(`${this.control}/v1/events`, {
      headers: { authorization: `Bearer ${this.tokenOf(APPROVER)}` },
      signal: ending.signal,
    })
    try {
      // The stream greets first, so that nothing can come between the list and the events.
      const events = readEvents(stream.body as unknown as AsyncIterable<Uint8Array>)
      for (;;) {
        const found = (await this.requests()).find(fits)
        if (found) return found
        if ((await events.next()).done) throw new Error('the events ended')
      }
    } finally {
      clearTimeout(timer)
      ending.abort()
    }
  }

  /** Resolves with the request once it has left the state `pending` (or `from`). */
  async settled(id: string, from = 'pending'): Promise<ShownRequest> {
    for (;;) {
      const shown = (await (await this.api(`/v1/approvals/${id}?wait=10`)).json()) as ShownRequest
      if (shown.state !== from) return shown
    }
  }

  decide(id: string, decision: 'approve' | 'deny', reason = 'as a test asks', person = APPROVER) {
    return this.api(`/v1/approvals/${id}/decisions`, { body: { decision, reason }, person })
  }

  async approve(id: string): Promise<void> {
    const answer = await this.decide(id, 'approve')
    if (answer.status >= 300) throw new Error(`approve: ${answer.status} ${await answer.text()}`)
  }

  /** All records of the trail, in the order of each chain. */
  records(): Record<string, unknown>[] {
    const folder = join(this.folder, 'data', 'audit')
    return readdirSync(folder)
      .filter((name) => name.endsWith('.ndjson'))
      .sort()
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  }
}

/** A configuration of one database and one agent; ports are picked by the system. */
function configOf(options: CountersignOptions): Yaml {
  const system = options.upstream.startsWith('mysql:') ? 'mysql' : 'postgres'
  const schema = system === 'mysql' ? 'shop' : 'public'
  return {
    listen: { [system]: '127.0.0.1:0', control: '127.0.0.1:0' },
    data: './data',
    databases: {
      shop: {
        upstream: options.upstream,
        environment: 'production',
        classified: {
          [`${schema}.customers.email`]: 'pii.email',
          [`${schema}.customers.ssn`]: 'pii.national-id',
        },
        ...options.database,
      },
    },
    masks: { 'pii.email': 'partial', pii: 'redact' },
    people: {
      [OWNER]: { groups: ['approvers'] },
      [APPROVER]: { groups: ['approvers'], slack: 'UBO' },
    },
    agents: {
      [AGENT]: {
        owners: [OWNER],
        databases: ['shop'],
        credential: './bot.json',
        ...options.agent,
      },
    },
    ...options.config,
  }
}

/** The control process ends a moment after its parent, and writes to its trail until then. */
function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 20 })
}

/** Starts a proxy of its own for a test; it ends with it. */
export async function startCountersign(
  t: Teardown,
  options: CountersignOptions,
): Promise<Countersign> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-proxy-'))
  const proxy = new Countersign(folder, options.env ?? {})
  t.teardown(async () => {
    await proxy.kill('SIGKILL')
    await removeFolder(folder)
  })
  for (const [name, content] of Object.entries(options.files ?? {})) {
    writeFileSync(join(folder, name), content)
  }
  writeFileSync(proxy.configPath, stringify(configOf(options)))
  await proxy.prepare(options.like)
  await proxy.start()
  return proxy
}
