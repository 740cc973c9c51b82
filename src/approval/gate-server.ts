import { messageOf, ProxyError } from '../lib/errors.ts'
import type { ApprovalDesk } from './desk.ts'
import { resolutionOf } from './desk-events.ts'
import type { GateLine } from './gate-line.ts'
import {
  type ControlMessage,
  type DataMessage,
  type DataPlaneReport,
  parseDataMessage,
} from './gate-messages.ts'
import { ownRequests } from './own-request.ts'

export interface GateServerOptions {
  readonly desk: ApprovalDesk
  /** What a person opens to decide. */
  readonly urlOf: (id: string) => string
  readonly log: (text: string) => void
}

type Open = Extract<DataMessage, { type: 'open' }>
type List = Extract<DataMessage, { type: 'list' }>
type Spend = Extract<DataMessage, { type: 'spend' }>

/** The control plane's end of the lines to data planes. */
export class GateServer {
  readonly #options: GateServerOptions
  readonly #lines = new Map<string, GateLine>()
  #nextLine = 1
  #report: DataPlaneReport | null = null

  constructor(options: GateServerOptions) {
    this.#options = options
    options.desk.subscribe((event) => {
      if (event.type !== 'resolved') return
      const { resolution } = event
      for (const line of this.#lines.values()) send(line, { type: 'resolved', resolution })
    })
  }

  /** Lines that are up. */
  get lines(): number {
    return this.#lines.size
  }

  /** What the data plane said of itself last, or null. */
  get report(): DataPlaneReport | null {
    return this.#report
  }

  /**
   * Serves a line until it closes; what it held may be announced on another one for a while then.
   * Returns the name by which the desk knows this line.
   */
  connect(line: GateLine): string {
    const holder = `line-${this.#nextLine++}`
    this.#lines.set(holder, line)
    line.onMessage((raw) => this.#receive(raw, line, holder))
    line.onClose(() => {
      this.#lines.delete(holder)
      this.#options.desk.release(holder)
    })
    return holder
  }

  /** The data planes have ended: nobody waits on any connection. */
  async abandon(): Promise<void> {
    const holders = [...this.#lines.keys()]
    this.#lines.clear()
    await Promise.all(holders.map((holder) => this.#options.desk.abandon(holder)))
  }

  #receive(raw: unknown, line: GateLine, holder: string): void {
    const message = parseDataMessage(raw)
    if (!message) {
      this.#options.log('a message from the data plane was not understood')
      this.#refuseUnread(raw, line)
      return
    }
    this.#handle(message, line, holder).catch((error) => {
      this.#options.log(`${message.type}: ${messageOf(error)}`)
    })
  }

  /** A question that can't be read gets its answer all the same, so that nobody waits for it. */
  #refuseUnread(raw: unknown, line: GateLine): void {
    const ref = (raw as { ref?: unknown } | null)?.ref
    if (typeof ref !== 'number' || !Number.isSafeInteger(ref) || ref < 0) return
    refuse(line, ref, new ProxyError('GATE_UNAVAILABLE', 'the request was not understood'))
  }

  async #handle(message: DataMessage, line: GateLine, holder: string): Promise<void> {
    const { desk } = this.#options
    switch (message.type) {
      case 'announce':
        for (const resolution of desk.announce(message.holds, holder)) {
          send(line, { type: 'resolved', resolution })
        }
        return
      case 'open':
        return this.#open(message, line, holder)
      case 'spend':
        return this.#spend(message, line)
      case 'list':
        return this.#list(message, line)
      case 'withdraw':
        return desk.withdraw(message.id, message.cause, holder)
      case 'ticket':
        return desk.ticket(message.id, holder, message.holding)
      case 'settle':
        return desk.settle(message.id, message.outcome)
      case 'report':
        this.#report = message.report
        return
      case 'configure':
      case 'reload':
      case 'ping':
        return
    }
  }

  async #open({ ref, draft }: Open, line: GateLine, holder: string): Promise<void> {
    const { desk, urlOf } = this.#options
    try {
      const { request, how } = await desk.open(draft, holder)
      send(line, { type: 'opened', ref, id: request.id, url: urlOf(request.id), how })
      // Whatever was decided since was sent before the other end knew the id: say it again.
      const now = desk.get(request.id)
      const resolution = now ? resolutionOf(now) : null
      if (resolution) send(line, { type: 'resolved', resolution })
    } catch (error) {
      refuse(line, ref, error)
    }
  }

  async #list({ ref, agent, id }: List, line: GateLine): Promise<void> {
    const { desk, urlOf } = this.#options
    send(line, { type: 'listed', ref, requests: ownRequests(desk.all(), { agent, id }, urlOf) })
  }

  async #spend({ ref, id, binding }: Spend, line: GateLine): Promise<void> {
    try {
      const ok = await this.#options.desk.spend(id, binding)
      send(line, { type: 'spent', ref, ok })
    } catch (error) {
      refuse(line, ref, error)
    }
  }
}

function send(line: GateLine, message: ControlMessage): void {
  line.send(message)
}

function refuse(line: GateLine, ref: number, error: unknown): void {
  const known = error instanceof ProxyError
  const code = known ? error.code : 'GATE_UNAVAILABLE'
  const message = known ? error.message : `the request could not be kept: ${messageOf(error)}`
  send(line, { type: 'refused', ref, code, message, hint: (known && error.hint) || null })
}
