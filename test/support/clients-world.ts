import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import {
  type Countersign,
  type CountersignOptions,
  type ShownRequest,
  startCountersign,
} from './countersign.ts'
import { writeCertificate } from './postgres-certificate.ts'

type Row = Readonly<Record<string, unknown>>

/** What the clients' story says in the words of one system. */
export interface StoryWords {
  /** Fails while it runs, with this SQLSTATE and message. */
  readonly failing: { readonly sql: string; readonly code: string; readonly message: RegExp }
  /** SQLSTATE: there is no such column. */
  readonly noColumn: string
  /** SQLSTATE: a row with this key is there already. */
  readonly taken: string
  /** One more than its parameter. */
  readonly oneMore: string
  /** Takes a minute. */
  readonly sleeping: string
  /** SQLSTATE, as the server says it, of a statement that ran and was cancelled. */
  readonly cancelled: string
}

/** A database, a proxy in front of it that takes TLS as well as plain connections, and a person. */
export abstract class ClientsWorld {
  readonly proxy: Countersign
  /** The proxy's certificate, which signs itself: also the root that clients may trust. */
  readonly certificate: string
  abstract readonly words: StoryWords
  /** How a client program is told where to connect, and as whom. */
  abstract readonly environment: NodeJS.ProcessEnv
  #tables = 0

  constructor(proxy: Countersign, certificate: string) {
    this.proxy = proxy
    this.certificate = certificate
  }

  /** Runs a statement past the proxy. */
  abstract run(sql: string): Promise<readonly Row[]>

  abstract exists(table: string): Promise<boolean>

  /** Whether the database runs a statement with this word in it just now. */
  protected abstract runs(word: string): Promise<boolean>

  /** A new table that the agent's role owns. Its name is in no other statement. */
  async table(): Promise<string> {
    const name = `made_${++this.#tables}_`
    await this.run(`CREATE TABLE ${name} (id integer, note text)`)
    return name
  }

  /** The request that waits for a statement with this word in it. */
  waiting(word: string): Promise<ShownRequest> {
    return this.proxy.pending(({ statement }) => statement.includes(word))
  }

  /** Signs whatever comes until it is stopped; then tells the statements, in order. */
  approveAll(): { stop(): Promise<string[]> } {
    const seen = new Map<string, string>()
    let wake = () => {}
    const stopped = new Promise<null>((resolve) => {
      wake = () => resolve(null)
    })
    const approving = (async () => {
      for (;;) {
        const next = this.proxy.pending(({ id }) => !seen.has(id)).catch(() => undefined)
        const request = await Promise.race([next, stopped])
        if (request === null) return
        if (request === undefined) continue
        seen.set(request.id, request.statement)
        await this.proxy.decide(request.id, 'approve')
      }
    })()
    return {
      stop: async () => {
        wake()
        await approving
        return [...seen.values()]
      },
    }
  }

  /** Resolves once the database runs a statement with this word in it. */
  async running(word: string): Promise<void> {
    const deadline = Date.now() + 20_000
    while (!(await this.runs(word))) {
      if (Date.now() > deadline) throw new Error(`the database never ran ${word}`)
    }
  }

  /** How the sessions of the trail were opened: the name of their TLS, or null. */
  sessions(): (string | null)[] {
    return this.proxy
      .records()
      .filter(({ type }) => type === 'session.opened')
      .map(({ actor }) => (actor as { tls: string | null }).tls)
  }
}

/**
 * Starts a proxy that takes TLS as well as plain connections; `listen` is merged over what that
 * takes. It ends with the test.
 */
export async function startClientsProxy(
  t: Test,
  options: CountersignOptions,
  listen: Readonly<Record<string, unknown>>,
): Promise<{ readonly proxy: Countersign; readonly certificate: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'csgn-clients-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const tls = writeCertificate(folder)
  const config = {
    ...options.config,
    listen: { control: '127.0.0.1:0', tls: { ...tls, require: false }, ...listen },
  }
  const proxy = await startCountersign(t, { ...options, config })
  return { proxy, certificate: tls.cert }
}

/** Whatever the clients did, the proxy stops when it is asked to, and its trail is whole. */
export async function endsInPeace(t: Test, { proxy }: ClientsWorld): Promise<void> {
  await proxy.kill('SIGTERM')
  t.equal(proxy.exitCode, 0, proxy.stderr)
  const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
  t.equal(code, 0, out)
}
