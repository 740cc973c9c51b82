import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { messageProblem, viewProblem } from './fake-slack-rules.ts'

/** "Your app must acknowledge within 3 seconds"; a trigger is good for as long. */
const ACK_MS = 3_000

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
  readonly url?: string
  readonly fallback?: string
  readonly text?: unknown
  readonly elements?: readonly FakeElement[]
}

export interface FakeCall {
  readonly method: string
  readonly args: Readonly<Record<string, unknown>>
}

export interface FakeFile {
  readonly id: string
  readonly filename: string
  content: string
  /** Where it was shared, once it was. */
  shared: Readonly<Record<string, unknown>> | null
}

export interface FakeAnswer {
  readonly status: number
  readonly body: string
}

/** What is filled into a modal, by block: a text, what is chosen, or the boxes that are checked. */
export type Filled = Readonly<Record<string, string | readonly string[] | null>>
type Json = Readonly<Record<string, unknown>>

/**
 * As much of Slack as an app needs: the Web API's methods that it calls, with what Slack checks of
 * them; a socket, or signed requests, by which clicks are delivered and acknowledged in time; files
 * and members; and Slack's ways of failing.
 */
export class FakeSlack {
  readonly calls: FakeCall[] = []
  readonly messages = new Map<string, FakeMessage>()
  readonly files: FakeFile[] = []
  /** users.info of each; whoever isn't there is user_not_found. */
  readonly members = new Map<string, Json>()
  /** Characters of blocks that it takes, where that isn't what is known. */
  blocksLimit: number | undefined
  /** Methods that fail, with how often they will. */
  readonly failing = new Map<string, number>()
  /** Methods that are called too often, with how often Slack says so. */
  readonly limiting = new Map<string, number>()
  /** Methods that are never answered. */
  readonly silent = new Set<string>()
  /** Methods that Slack refuses with this error. */
  readonly refusing = new Map<string, string>()
  readonly #hanging: ServerResponse[] = []
  readonly #server: Server
  readonly #sockets: WebSocketServer
  readonly #acks = new Map<string, (payload: unknown) => void>()
  readonly #watchers = new Set<() => void>()
  /** Triggers that open one modal each. */
  readonly #triggers = new Set<string>()
  #http: { readonly url: string; readonly secret: string } | null = null
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

  /** From now on clicks are delivered by requests to an address, signed. */
  deliverTo(url: string, secret: string): void {
    this.#http = { url, secret }
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

  /** The message as it stands now. */
  now(message: FakeMessage): FakeMessage {
    return this.messages.get(message.ts) ?? message
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
    if (!button && options.value === undefined) {
      return Promise.reject(new Error(`the message has no button ${action}`))
    }
    const value = options.value ?? button?.value ?? ''
    return this.deliver({
      type: 'block_actions',
      team: { id: 'T1', domain: 'fake' },
      user: { id: user, username: user, team_id: team },
      channel: { id: message.channel, name: 'approvals' },
      container: { type: 'message', message_ts: message.ts, channel_id: message.channel },
      message: { ts: message.ts },
      trigger_id: this.#trigger(options.trigger),
      actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: '1.1' }],
    })
  }

  /** The modal that was opened as the n-th (from 1), once it is there. */
  async modal(n = 1): Promise<Json> {
    const opened = () => this.callsOf('views.open')[n - 1]?.args.view as Json | undefined
    return this.until(opened)
  }

  /** Delivers a modal that was filled in, as Slack does: what isn't filled has its first value. */
  submit(options: {
    readonly view: Json
    readonly user: string
    readonly team?: string
    readonly filled: Filled
  }): Promise<unknown> {
    const { view, user, team = 'T1', filled } = options
    const blocks = (view.blocks as readonly Json[]).filter(({ type }) => type === 'input')
    const values = Object.fromEntries(
      blocks.map((block) => [block.block_id, { value: filledIn(block, filled) }]),
    )
    return this.deliver({
      type: 'view_submission',
      team: { id: 'T1', domain: 'fake' },
      user: { id: user, team_id: team },
      trigger_id: this.#trigger(),
      view: { id: 'V1', ...view, state: { values } },
    })
  }

  /** Sends a payload; resolves with the acknowledgement, rejects where none comes in time. */
  async deliver(payload: Json): Promise<unknown> {
    const late = lateness()
    try {
      return await Promise.race([this.#http ? this.#post(payload) : this.#send(payload), late.ends])
    } finally {
      late.cancel()
    }
  }

  /** Posts a body as Slack would, with what is to be different; resolves with the answer. */
  async request(
    body: string,
    change: {
      readonly secret?: string
      /** Seconds since the epoch. */
      readonly timestamp?: number | string
      readonly headers?: Readonly<Record<string, string>>
      readonly type?: string
    } = {},
  ): Promise<FakeAnswer> {
    if (!this.#http) throw new Error('deliverTo says where')
    // Its clock may be a little ahead of ours, never behind what we have just begun.
    const timestamp = String(change.timestamp ?? Math.ceil(Date.now() / 1000))
    const secret = change.secret ?? this.#http.secret
    const headers = {
      'content-type': change.type ?? 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signature(secret, timestamp, body),
      ...change.headers,
    }
    const answer = await fetch(this.#http.url, { method: 'POST', headers, body })
    return { status: answer.status, body: await answer.text() }
  }

  /** Asks the app to connect anew, as Slack does all the time. */
  refresh(): void {
    for (const socket of this.#sockets.clients) {
      socket.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }))
    }
  }

  /** Answers again; what it has left hanging breaks off. */
  answerAgain(): void {
    this.silent.clear()
    for (const response of this.#hanging.splice(0)) response.destroy()
  }

  /** Goes away without a word; `FakeSlack.open(port)` brings another one. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#sockets.close()
    this.#server.close()
    this.#server.closeAllConnections()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  #trigger(given = `trigger-${this.#next++}`): string {
    this.#triggers.add(given)
    return given
  }

  async #post(payload: Json): Promise<unknown> {
    const answer = await this.request(
      new URLSearchParams({ payload: JSON.stringify(payload) }).toString(),
    )
    if (answer.status !== 200) throw new Error(`answered with ${answer.status}`)
    return answer.body === '' ? undefined : JSON.parse(answer.body)
  }

  #send(payload: Json): Promise<unknown> {
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
    const body = Buffer.concat(chunks).toString('utf8')
    const url = request.url ?? ''
    if (url.startsWith('/upload/'))
      return this.#takeFile(url.slice('/upload/'.length), body, response)
    const method = url.replace('/api/', '')
    const args = argsOf(body, request)
    this.calls.push({ method, args })
    if (this.silent.has(method)) {
      this.#hanging.push(response)
      return this.#changed()
    }
    const limited = this.limiting.get(method) ?? 0
    if (limited > 0) {
      this.limiting.set(method, limited - 1)
      response.writeHead(429, { 'retry-after': '1' }).end()
      return this.#changed()
    }
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
    const refused = this.refusing.get(method)
    if (refused) return { ok: false, error: refused }
    switch (method) {
      case 'apps.connections.open':
        return { ok: true, url: `ws://127.0.0.1:${this.port}/link` }
      case 'chat.postMessage':
        return this.#postMessage(args)
      case 'chat.update':
        return this.#update(args)
      case 'chat.postEphemeral':
        return this.#whisper(args)
      case 'views.open':
        return this.#openView(args)
      case 'users.info':
        return this.#member(String(args.user))
      case 'files.getUploadURLExternal':
        return this.#uploadUrl(args)
      case 'files.completeUploadExternal':
        return this.#share(args)
      default:
        return { ok: false, error: 'unknown_method' }
    }
  }

  #postMessage(args: Record<string, unknown>): object {
    const problem = messageProblem(args, this.blocksLimit)
    if (problem) return refusal(problem)
    const ts = `1700000000.${String(this.#next++).padStart(6, '0')}`
    this.messages.set(ts, { ...(args as unknown as FakeMessage), ts, edits: 0 })
    return { ok: true, channel: args.channel, ts }
  }

  #whisper(args: Record<string, unknown>): object {
    if (typeof args.user !== 'string' || typeof args.text !== 'string') {
      return { ok: false, error: 'invalid_arguments' }
    }
    const problem = messageProblem(args, this.blocksLimit)
    return problem ? refusal(problem) : { ok: true, message_ts: '1.1' }
  }

  #update(args: Record<string, unknown>): object {
    const message = this.messages.get(String(args.ts))
    if (!message) return { ok: false, error: 'message_not_found' }
    const problem = messageProblem(args, this.blocksLimit)
    if (problem) return refusal(problem)
    const edits = message.edits + 1
    this.messages.set(message.ts, { ...message, ...(args as Partial<FakeMessage>), edits })
    return { ok: true, channel: message.channel, ts: message.ts }
  }

  #openView(args: Record<string, unknown>): object {
    // A trigger is good for one modal, and only where Slack gave it.
    if (!this.#triggers.delete(String(args.trigger_id))) {
      return { ok: false, error: 'exchanged_trigger_id' }
    }
    const problem = viewProblem(args.view)
    return problem ? refusal(problem) : { ok: true, view: { id: 'V1', ...(args.view as object) } }
  }

  #member(id: string): object {
    const member = this.members.get(id)
    return member ? { ok: true, user: { id, ...member } } : { ok: false, error: 'user_not_found' }
  }

  #uploadUrl({ filename, length }: Record<string, unknown>): object {
    if (!filename || !(Number(length) > 0)) return { ok: false, error: 'invalid_arguments' }
    const id = `F${this.#next++}`
    this.files.push({ id, filename: String(filename), content: '', shared: null })
    return { ok: true, upload_url: `http://127.0.0.1:${this.port}/upload/${id}`, file_id: id }
  }

  #takeFile(id: string, body: string, response: ServerResponse): void {
    const file = this.files.find((each) => each.id === id)
    if (file) file.content = body
    response.writeHead(file ? 200 : 404).end(file ? `OK - ${body.length}` : '')
    this.#changed()
  }

  #share(args: Record<string, unknown>): object {
    for (const { id } of args.files as readonly { id: string }[]) {
      const file = this.files.find((each) => each.id === id)
      if (!file || file.content === '') return { ok: false, error: 'file_not_found' }
      if (!this.messages.has(String(args.thread_ts)))
        return { ok: false, error: 'thread_not_found' }
      file.shared = args
    }
    return { ok: true, files: args.files }
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** docs.slack.dev, "Verifying requests from Slack". */
export function signature(secret: string, timestamp: string, body: string): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`
}

/** The buttons of a message. */
export function buttonsOf(message: FakeMessage): readonly FakeElement[] {
  return message.blocks
    .filter((block) => block.type === 'actions')
    .flatMap((block) => block.elements ?? [])
}

/** What the buttons of a message do. */
export function actionsOf(message: FakeMessage): readonly (string | undefined)[] {
  return buttonsOf(message).map(({ action_id }) => action_id)
}

/** All that a message shows, as text. */
export function shownIn(message: FakeMessage): string {
  const textOf = (element: FakeElement): string => {
    if (typeof element.text === 'string') return element.text
    if (element.fallback !== undefined) return element.fallback
    const within = (element.elements ?? []).map(textOf)
    return within.join(element.type === 'rich_text_list' ? '\n' : '')
  }
  return message.blocks
    .map((block) => block.text?.text ?? (block.elements ?? []).map(textOf).join('\n'))
    .join('\n')
}

function filledIn(block: Json, filled: Filled): Json {
  const element = block.element as Json
  const given = filled[String(block.block_id)]
  const options = (element.options ?? []) as readonly { readonly value: string }[]
  const { type } = element
  if (type === 'checkboxes') {
    const chosen = Array.isArray(given) ? (given as readonly string[]) : []
    return { type, selected_options: options.filter(({ value }) => chosen.includes(value)) }
  }
  if (type === 'radio_buttons' || type === 'static_select') {
    const initial = (element.initial_option ?? null) as Json | null
    const chosen = options.find(({ value }) => value === given) ?? null
    return { type, selected_option: given === undefined ? initial : chosen }
  }
  return { type, value: given === undefined ? (element.initial_value ?? null) : given }
}

function argsOf(body: string, request: IncomingMessage): Record<string, unknown> {
  if (request.headers['content-type']?.startsWith('application/json')) {
    return JSON.parse(body || '{}') as Record<string, unknown>
  }
  const args: Record<string, unknown> = Object.fromEntries(new URLSearchParams(body))
  for (const key of ['blocks', 'view', 'metadata', 'files']) {
    if (typeof args[key] === 'string') args[key] = JSON.parse(args[key] as string)
  }
  return args
}

function refusal(problem: string): object {
  const [error, ...messages] = problem.split(': ')
  return { ok: false, error, response_metadata: { messages: messages.map((m) => `[ERROR] ${m}`) } }
}

/** Ends when Slack would say that the app doesn't answer. */
function lateness() {
  let cancel = (): void => {}
  const ends = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not acknowledged in 3 seconds')), ACK_MS)
    cancel = () => clearTimeout(timer)
  })
  return { ends, cancel }
}
