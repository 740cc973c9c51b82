import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** Slack refuses blocks beyond some 13,200 characters (msg_blocks_too_long). */
const BLOCKS_LIMIT = 13_200

export interface FakeMessage {
  readonly channel: string
  readonly ts: string
  readonly text: string
  readonly blocks: readonly FakeBlock[]
  readonly edits: number
}

export interface FakeBlock {
  readonly type: string
  readonly text?: { readonly type: string; readonly text: string }
  readonly elements?: readonly FakeElement[]
}

export interface FakeElement {
  readonly type: string
  readonly action_id?: string
  readonly value?: string
  readonly text?: unknown
  readonly elements?: readonly FakeElement[]
}

export interface FakeCall {
  readonly method: string
  readonly args: Readonly<Record<string, unknown>>
}

type Interaction = Readonly<Record<string, unknown>>

/**
 * As much of Slack as an app in Socket Mode needs: the Web API's methods that it calls, a socket
 * over which clicks are delivered and acknowledged, and Slack's ways of failing.
 */
export class FakeSlack {
  readonly calls: FakeCall[] = []
  readonly messages = new Map<string, FakeMessage>()
  readonly #server: Server
  readonly #sockets: WebSocketServer
  readonly #acks = new Map<string, (payload: unknown) => void>()
  readonly #watchers = new Set<() => void>()
  /** Methods that fail, with how often they will. */
  readonly failing = new Map<string, number>()
  #next = 1

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
    this.#sockets = new WebSocketServer({ server: this.#server })
    this.#sockets.on('connection', (socket) => this.#greet(socket))
  }

  static async open(port = 0): Promise<FakeSlack> {
    const slack = new FakeSlack()
    slack.#server.listen(port, '127.0.0.1')
    await once(slack.#server, 'listening')
    return slack
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.port}/api/`
  }

  get connections(): number {
    return this.#sockets.clients.size
  }

  /** Resolves once `is` gives something; it is asked after each call and each connection. */
  async until<T>(is: () => T | undefined | false | null): Promise<T> {
    for (;;) {
      const found = is()
      if (found !== undefined && found !== false && found !== null) return found
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher)
          resolve()
        }
        this.#watchers.add(watcher)
      })
    }
  }

  callsOf(method: string): readonly FakeCall[] {
    return this.calls.filter((call) => call.method === method)
  }

  /** Delivers a click on a button of a message; resolves when the app has acknowledged it. */
  click(options: {
    readonly message: FakeMessage
    readonly action: string
    readonly user: string
    readonly team?: string
    readonly value?: string
    readonly trigger?: string
  }): Promise<unknown> {
    const { message, action, user, team = 'T1' } = options
    const button = buttonsOf(message).find((element) => element.action_id === action)
    const value = options.value ?? button?.value ?? ''
    return this.deliver({
      type: 'block_actions',
      team: { id: 'T1', domain: 'fake' },
      user: { id: user, username: user, team_id: team },
      channel: { id: message.channel, name: 'approvals' },
      container: { type: 'message', message_ts: message.ts, channel_id: message.channel },
      message: { ts: message.ts },
      trigger_id: options.trigger ?? `trigger-${this.#next++}`,
      actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: '1.1' }],
    })
  }

  /** Delivers a modal that was filled in. */
  submit(options: {
    readonly view: Readonly<Record<string, unknown>>
    readonly user: string
    readonly reason: string | null
  }): Promise<unknown> {
    const { view, user, reason } = options
    const values = { why: { reason: { type: 'plain_text_input', value: reason } } }
    return this.deliver({
      type: 'view_submission',
      team: { id: 'T1', domain: 'fake' },
      user: { id: user, team_id: 'T1' },
      trigger_id: `trigger-${this.#next++}`,
      view: { id: 'V1', type: 'modal', ...view, state: { values } },
    })
  }

  /** Sends a payload over one of the connections; resolves with the acknowledgement. */
  deliver(payload: Interaction): Promise<unknown> {
    const envelope_id = `envelope-${this.#next++}`
    const [socket] = this.#sockets.clients
    if (!socket) return Promise.reject(new Error('the app is not connected'))
    return new Promise((resolve) => {
      this.#acks.set(envelope_id, resolve)
      const accepts_response_payload = payload.type === 'view_submission'
      socket.send(
        JSON.stringify({ type: 'interactive', envelope_id, payload, accepts_response_payload }),
      )
    })
  }

  /** Asks the app to connect anew, as Slack does all the time. */
  refresh(): void {
    for (const socket of this.#sockets.clients) {
      socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }))
    }
  }

  /** Goes away without a word; `FakeSlack.open(port)` brings another one. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#sockets.close()
    this.#server.close()
    this.#server.closeAllConnections()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  #greet(socket: WebSocket): void {
    socket.on('message', (data) => {
      const { envelope_id, payload } = JSON.parse(String(data)) as {
        envelope_id: string
        payload: unknown
      }
      this.#acks.get(envelope_id)?.(payload)
      this.#acks.delete(envelope_id)
    })
    socket.on('close', () => this.#changed())
    socket.send(JSON.stringify({ type: 'hello', num_connections: this.connections }))
    this.#changed()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const method = (request.url ?? '').replace('/api/', '')
    const args = argsOf(Buffer.concat(chunks).toString('utf8'), request)
    this.calls.push({ method, args })
    const fails = this.failing.get(method) ?? 0
    if (fails > 0) {
      this.failing.set(method, fails - 1)
      response.writeHead(500).end()
    } else {
      const answer = this.#answer(method, args, request.headers.authorization ?? '')
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    }
    this.#changed()
  }

  #answer(method: string, args: Record<string, unknown>, authorization: string): object {
    const token = authorization.replace('Bearer ', '') || String(args.token ?? '')
    const wanted = method === 'apps.connections.open' ? 'xapp-' : 'xoxb-'
    if (!token.startsWith(wanted)) return { ok: false, error: 'invalid_auth' }
    switch (method) {
      case 'apps.connections.open':
        return { ok: true, url: `ws://127.0.0.1:${this.port}/link` }
      case 'auth.test':
        return { ok: true, user_id: 'UBOT', bot_id: 'BBOT', team_id: 'T1' }
      case 'chat.postMessage':
        return this.#post(args)
      case 'chat.update':
        return this.#update(args)
      case 'chat.postEphemeral':
        return { ok: true, message_ts: '1.1' }
      case 'views.open':
        return { ok: true, view: { id: 'V1', ...(args.view as object) } }
      default:
        return { ok: false, error: 'unknown_method' }
    }
  }

  #post(args: Record<string, unknown>): object {
    const problem = problemOf(args.blocks)
    if (problem) return { ok: false, error: problem }
    const ts = `1700000000.${String(this.#next++).padStart(6, '0')}`
    this.messages.set(ts, { ...(args as unknown as FakeMessage), ts, edits: 0 })
    return { ok: true, channel: args.channel, ts }
  }

  #update(args: Record<string, unknown>): object {
    const message = this.messages.get(String(args.ts))
    if (!message) return { ok: false, error: 'message_not_found' }
    const problem = problemOf(args.blocks)
    if (problem) return { ok: false, error: problem }
    const edits = message.edits + 1
    this.messages.set(message.ts, { ...message, ...(args as Partial<FakeMessage>), edits })
    return { ok: true, channel: message.channel, ts: message.ts }
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** The buttons of a message. */
export function buttonsOf(message: FakeMessage): readonly FakeElement[] {
  return message.blocks
    .filter((block) => block.type === 'actions')
    .flatMap((block) => block.elements ?? [])
}

/** All that a message shows, as text. */
export function shownIn(message: FakeMessage): string {
  const textOf = (element: FakeElement): string =>
    typeof element.text === 'string' ? element.text : (element.elements ?? []).map(textOf).join('')
  return message.blocks
    .map((block) => block.text?.text ?? (block.elements ?? []).map(textOf).join(''))
    .join('\n')
}

function argsOf(body: string, request: IncomingMessage): Record<string, unknown> {
  if (request.headers['content-type']?.startsWith('application/json')) {
    return JSON.parse(body || '{}') as Record<string, unknown>
  }
  const args: Record<string, unknown> = Object.fromEntries(new URLSearchParams(body))
  for (const key of ['blocks', 'view', 'metadata']) {
    if (typeof args[key] === 'string') args[key] = JSON.parse(args[key] as string)
  }
  return args
}

function problemOf(blocks: unknown): string | null {
  const list = (blocks ?? []) as readonly FakeBlock[]
  if (JSON.stringify(list).length > BLOCKS_LIMIT) return 'msg_blocks_too_long'
  if (list.length > 50) return 'invalid_blocks'
  const header = list.find((block) => block.type === 'header')
  if ([...(header?.text?.text ?? '')].length > 150) return 'invalid_blocks'
  const empty = list.some((block) => block.elements?.length === 0)
  return empty ? 'invalid_blocks' : null
}
