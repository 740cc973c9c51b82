import { join } from 'node:path'
import type { GateLine } from '../approval/gate-line.ts'
import {
  type ControlMessage,
  type DataMessage,
  parseDataMessage,
} from '../approval/gate-messages.ts'
import type { Trail } from '../audit/events.ts'
import { openTrail } from '../audit/trail.ts'
import type { Config } from '../config/config.ts'
import { type ParsedConfig, parseConfig } from '../config/parse-config.ts'
import { ControlPlane } from '../control/control-plane.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { newId } from '../lib/ids.ts'

/** What of a process the control process needs; `hostOf(process)` gives the real one. */
export interface ControlHost {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The channel to the data plane. It closes when that process ends. */
  readonly line: GateLine
  onTerminate(listener: () => void): void
  /** What a library let slip: told here, survived, and nothing else comes of it. */
  onSlip(listener: (error: unknown) => void): void
  log(text: string): void
  exit(code: number): void
}

export interface ControlParts {
  readonly version: string
  readonly clock?: Clock
  readonly openTrail?: (config: Config) => Promise<Trail>
}

type Configure = Extract<DataMessage, { type: 'configure' }>

/** The hidden command that `start` forks: the control plane, for as long as its parent lives. */
export function runControlProcess(host: ControlHost, parts: ControlParts): void {
  new ControlProcess(host, parts).run()
}

class ControlProcess {
  readonly #host: ControlHost
  readonly #parts: ControlParts
  readonly #clock: Clock
  #configure: Configure | null = null
  #plane: ControlPlane | null = null
  #trail: Trail | null = null
  #ending = false

  constructor(host: ControlHost, parts: ControlParts) {
    this.#host = host
    this.#parts = parts
    this.#clock = parts.clock ?? systemClock
  }

  run(): void {
    const { line } = this.#host
    line.onMessage((raw) => this.#receive(raw))
    line.onClose(() => this.#inBackground(this.#end(0, { dataPlaneGone: true })))
    this.#host.onTerminate(() => this.#inBackground(this.#end(0)))
    this.#host.onSlip((error) => this.#host.log(`control process: ${messageOf(error)}`))
  }

  #receive(raw: unknown): void {
    const message = parseDataMessage(raw)
    if (message?.type === 'ping') this.#send({ type: 'pong', ref: message.ref })
    else if (message?.type === 'reload') this.#inBackground(this.#reload(message.text))
    else if (message?.type === 'configure' && !this.#configure) {
      this.#configure = message
      this.#inBackground(this.#start(message))
    }
  }

  async #start(configure: Configure): Promise<void> {
    try {
      const config = this.#parse(configure.text)
      if (!config.ok) throw new Error(config.problems.join('\n'))
      await this.#open(config.config, configure)
    } catch (error) {
      this.#send({ type: 'failed', message: messageOf(error) })
      await this.#end(1)
    }
  }

  async #open(config: Config, { listen }: Configure): Promise<void> {
    const clock = this.#clock
    const log = this.#host.log
    this.#trail = await this.#openTrail(config)
    const trail = this.#trail
    this.#plane = await ControlPlane.open({ config, trail, clock, newId, log, listen })
    // In this order: the line may bring requests as soon as the other end hears "ready".
    this.#plane.connect(this.#host.line)
    this.#send({ type: 'ready', listen: this.#plane.listening })
  }

  #openTrail(config: Config): Promise<Trail> {
    if (this.#parts.openTrail) return this.#parts.openTrail(config)
    return openTrail({
      folder: join(config.data, 'audit'),
      name: 'control',
      clock: this.#clock,
      version: this.#parts.version,
      config: config.hash,
      checkpoints: {
        everyMs: config.audit.checkpoint.everyMs,
        keyPath: config.audit.checkpoint.key ?? join(config.data, 'keys', 'audit.key'),
      },
    })
  }

  async #reload(text: string): Promise<void> {
    const parsed = this.#parse(text)
    const taken = parsed.ok ? await this.#plane?.reload(parsed.config) : parsed.problems
    const problems = taken ?? ['the control process is not ready']
    if (parsed.ok && this.#trail) {
      this.#trail.append({ type: 'config.reloaded', config: parsed.config.hash, problems })
    }
    this.#send({ type: 'reloaded', problems })
  }

  #parse(text: string): ParsedConfig {
    return parseConfig(text, { path: this.#configure?.path ?? '', env: this.#host.env })
  }

  async #end(code: number, how = { dataPlaneGone: false }): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    await this.#plane?.stop(how).catch((error) => this.#host.log(messageOf(error)))
    await this.#trail?.close().catch((error) => this.#host.log(messageOf(error)))
    this.#host.exit(code)
  }

  #send(message: ControlMessage): void {
    this.#host.line.send(message)
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error) => this.#host.log(`control process: ${messageOf(error)}`))
  }
}

/** The host in a forked process. SIGINT is the parent's to answer: a terminal sends it to both. */
export function hostOf(self: NodeJS.Process): ControlHost {
  return {
    env: self.env,
    line: {
      send: (message) => {
        if (self.connected) self.send?.(message)
      },
      onMessage: (listener) => {
        self.on('message', listener)
      },
      onClose: (listener) => {
        self.once('disconnect', listener)
      },
    },
    onTerminate: (listener) => {
      self.on('SIGTERM', listener)
      self.on('SIGINT', () => {})
    },
    onSlip: (listener) => {
      self.on('unhandledRejection', listener)
    },
    log: (text) => {
      self.stderr.write(`${text}\n`)
    },
    exit: (code) => self.exit(code),
  }
}
