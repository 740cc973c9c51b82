import { type ChildProcess, fork } from 'node:child_process'
import type { GateLine } from '../approval/gate-line.ts'
import {
  type ControlMessage,
  type DataMessage,
  type DataPlaneReport,
  parseControlMessage,
} from '../approval/gate-messages.ts'
import { RemoteGate } from '../approval/remote-gate.ts'
import type { CancelTimer, Clock } from '../lib/clock.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import { ProxyError } from '../lib/errors.ts'
import { lineToChild } from './child-line.ts'
import { Heartbeat } from './heartbeat.ts'

const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 10_000
/** A process that was ready for this long has earned a quick restart. */
const SETTLED_MS = 60_000
const STOP_MS = 5_000
const RELOAD_MS = 10_000

/** Where the HTTP API listens. */
export interface ControlAddress {
  readonly host: string
  readonly port: number
}

export interface SupervisorOptions {
  /** The program to fork and its arguments; it has to run `runControlProcess`. */
  readonly script: string
  readonly args: readonly string[]
  /** The text of the configuration, and the file that it came from. */
  readonly config: { readonly text: string; readonly path: string }
  readonly clock: Clock
  readonly log: (text: string) => void
}

/**
 * Keeps a control process running beside the data plane and joins the two by the gate. The process
 * may crash or stall at any moment: it is started again, and what is held goes on waiting.
 */
export class ControlSupervisor {
  readonly gate: RemoteGate
  readonly #options: SupervisorOptions
  readonly #firstReady: Deferred<ControlAddress | null> = deferred()
  #text: string
  #child: ChildProcess | null = null
  #line: GateLine | null = null
  #heartbeat: Heartbeat | null = null
  #cancelRestart: CancelTimer | null = null
  #backoffMs = FIRST_BACKOFF_MS
  #readyAt: number | null = null
  #everReady = false
  #stopping = false
  #address: ControlAddress | null = null
  #reloading: Deferred<readonly string[]> | null = null

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#text = options.config.text
    this.gate = new RemoteGate({ clock: options.clock })
  }

  /** Where the HTTP API listens; null while that isn't known or where none is configured. */
  get address(): ControlAddress | null {
    return this.#address
  }

  /** True while a control process is ready. */
  get ready(): boolean {
    return this.#readyAt !== null
  }

  /** The process id of the control process, for those who watch it. */
  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /**
   * Starts the control process; resolves with its address once it is ready. Rejects with
   * CONFIG_INVALID where the first one can't start (an address taken, data that can't be read).
   */
  start(): Promise<ControlAddress | null> {
    this.#spawn()
    return this.#firstReady.promise
  }

  /**
   * Hands on a configuration that parses; resolves with what the control process can't take of it.
   * The text is what the next process starts with. While none is up that is all that happens.
   */
  async reload(text: string): Promise<readonly string[]> {
    const line = this.#line
    if (!line || !this.ready) {
      this.#text = text
      return []
    }
    const answer = deferred<readonly string[]>()
    this.#reloading = answer
    const away = ['the control process did not answer; it gets the configuration when it restarts']
    const cancel = this.#options.clock.after(RELOAD_MS, () => answer.resolve(away))
    line.send({ type: 'reload', text } satisfies DataMessage)
    const problems = await answer.promise
    cancel()
    if (problems.length === 0 || problems === away) this.#text = text
    return problems
  }

  /** Tells /readyz and /metrics how the data plane is. */
  report(report: DataPlaneReport): void {
    this.gate.report(report)
  }

  /** Ends the control process: SIGTERM, then SIGKILL. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#cancelRestart?.()
    const child = this.#child
    if (!child || hasEnded(child)) return
    const gone = deferred<void>()
    child.once('exit', () => gone.resolve())
    child.kill('SIGTERM')
    const cancel = this.#options.clock.after(STOP_MS, () => child.kill('SIGKILL'))
    await gone.promise
    cancel()
  }

  #spawn(): void {
    const { script, args } = this.#options
    // Its standard output goes to our standard error, where nobody parses what is printed.
    const child = fork(script, [...args], { stdio: ['ignore', 2, 2, 'ipc'] })
    this.#child = child
    const line = lineToChild(child)
    this.#line = line
    line.onMessage((raw) => this.#receive(child, line, raw))
    child.on('error', (error) => this.#options.log(`control process: ${error.message}`))
    child.once('exit', (code, signal) => this.#onExit(child, code, signal))
    const { path } = this.#options.config
    const first: DataMessage = { type: 'configure', text: this.#text, path, listen: this.#address }
    line.send(first)
  }

  #receive(child: ChildProcess, line: GateLine, raw: unknown): void {
    if (this.#child !== child) return
    const message = parseControlMessage(raw)
    if (message?.type === 'ready') this.#onReady(child, line, message.listen)
    else if (message?.type === 'pong') this.#heartbeat?.answered(message.ref)
    else if (message?.type === 'reloaded') this.#reloading?.resolve(message.problems)
    else if (message?.type === 'failed') this.#onFailed(message)
  }

  #onReady(child: ChildProcess, line: GateLine, address: ControlAddress | null): void {
    this.#address = address
    this.#readyAt = this.#options.clock.monotonic()
    this.#everReady = true
    this.gate.connect(line)
    this.#heartbeat = new Heartbeat({
      clock: this.#options.clock,
      ping: (ref) => line.send({ type: 'ping', ref } satisfies DataMessage),
      onStall: () => {
        this.#options.log('the control process is stalled; it is started again')
        child.kill('SIGKILL')
      },
    })
    this.#firstReady.resolve(address)
  }

  #onFailed({ message }: Extract<ControlMessage, { type: 'failed' }>): void {
    this.#options.log(`the control process can't start: ${message}`)
    if (!this.#everReady) this.#giveUp(message)
  }

  /** Whoever starts the product has to hear of it; nothing is tried again behind their back. */
  #giveUp(message: string): void {
    this.#stopping = true
    this.#firstReady.reject(new ProxyError('CONFIG_INVALID', message))
  }

  #onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return
    this.#heartbeat?.stop()
    this.#heartbeat = null
    this.#line = null
    const { clock, log } = this.#options
    const lived = this.#readyAt === null ? 0 : clock.monotonic() - this.#readyAt
    this.#readyAt = null
    if (this.#stopping) return
    const how = signal ?? `code ${code}`
    if (!this.#everReady) {
      this.#giveUp(`the control process ended before it was ready (${how})`)
      return
    }
    if (lived > SETTLED_MS) this.#backoffMs = FIRST_BACKOFF_MS
    log(`the control process ended (${how}); it is started again`)
    this.#cancelRestart = clock.after(this.#backoffMs, () => this.#spawn())
    this.#backoffMs = Math.min(this.#backoffMs * 2, LONGEST_BACKOFF_MS)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
