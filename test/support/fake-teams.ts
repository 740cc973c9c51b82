import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, SignJWT } from 'jose'
import type { TeamsCloud } from '../../src/approval/channels/teams-app.ts'
import { type Json, wrongWith } from './fake-teams-rules.ts'

export const APP = '0a1b2c3d-0000-4000-8000-00000000b071'
export const SECRET = 'the-secret-of-the-bot'
export const TENANT = '7e9a0000-0000-4000-8000-00000000c0de'
export const CONVERSATION = '19:abc@thread.tacv2'
const ISSUER = 'https://api.botframework.com'

export interface FakeCall {
  readonly method: string
  readonly path: string
  readonly body: Json
}

export interface FakeTeamsMessage {
  readonly id: string
  readonly conversation: string
  readonly activity: Json
}

/** What a test says of who clicks what; all else is as the connector says it. */
export interface FakeClick {
  readonly message: FakeTeamsMessage
  readonly verb: string
  /** Entra object id; undefined where Teams says none. */
  readonly user: string | undefined
  readonly fields?: Json
  /** In place of what the button has. */
  readonly data?: unknown
  /** Put over the activity. */
  readonly activity?: Json
  /** Put over what the token says; undefined takes it out. */
  readonly claims?: Json
  readonly key?: KeyObject
  readonly kid?: string
  /** In place of the whole header; null sends none. */
  readonly authorization?: string | null
}

export interface FakeAnswer {
  readonly status: number
  readonly body: Json
}

/**
 * Entra, the Bot Connector and its keys on the loopback, which take what the real ones take: calls
 * with the bot's own token, activities of the right shape and size, updates of what is there.
 */
export class FakeTeams {
  readonly calls: FakeCall[] = []
  readonly messages = new Map<string, FakeTeamsMessage>()
  /** Entra object id -> the id that Teams uses. */
  readonly members = new Map<string, string>()
  /** What it says of one of them, put over what is usual. */
  readonly profiles = new Map<string, Json>()
  /** Answers given in place of its own, one a call to the connector. */
  readonly failing: { readonly status: number; readonly retryAfter?: string }[] = []
  /** Everything ends without an answer. */
  down = false
  /** How often its keys and its tokens were asked for. */
  readonly asked = { keys: 0, tokens: 0 }
  /** Where it delivers to. */
  endpoint = ''
  readonly #watchers = new Set<() => void>()
  readonly #pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  readonly #server: Server
  readonly #tokens = new Set<string>()
  #next = 1_700_000_000_000

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<FakeTeams> {
    const server = createServer((request, answer) => void teams.#serve(request, answer))
    const teams = new FakeTeams(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return teams
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get cloud(): TeamsCloud {
    return {
      serviceUrl: `${this.url}/teams`,
      loginEndpoint: `${this.url}/login`,
      openIdMetadataUrl: `${this.url}/v1/.well-known/openidconfiguration`,
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Tokens that were given out are good no more. */
  revoke(): void {
    this.#tokens.clear()
  }

  /** Resolves once `is` gives something; it is asked after each call. */
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

  now(message: FakeTeamsMessage): FakeTeamsMessage {
    return this.messages.get(message.id) ?? message
  }

  /** The invoke that Teams sends for a button. */
  activityOf({ message, verb, user, fields = {}, data }: FakeClick): Json {
    const card = cardOf(message)
    const { action } = (card.refresh ?? {}) as { readonly action?: Json }
    const all = [...buttonsOf(card), ...(action ? [action] : [])]
    const button = all.find((each) => each.verb === verb)
    const said = data === undefined ? { ...(button?.data as Json), ...fields } : data
    return {
      ...{ type: 'invoke', name: 'adaptiveCard/action', id: `f:${randomUUID()}` },
      ...{ channelId: 'msteams', serviceUrl: `${this.url}/teams/` },
      from: { id: '29:1x', name: 'Somebody', ...(user ? { aadObjectId: user } : {}) },
      recipient: { id: `28:${APP}`, name: 'Countersign' },
      conversation: {
        ...{ id: `${message.conversation};messageid=${message.id}`, tenantId: TENANT },
        ...{ isGroup: true, conversationType: 'channel' },
      },
      channelData: { tenant: { id: TENANT }, source: { name: 'message' } },
      replyToId: message.id,
      value: { action: { type: 'Action.Execute', verb, data: said }, trigger: 'manual' },
    }
  }

  async click(click: FakeClick): Promise<FakeAnswer> {
    return this.deliver({ ...this.activityOf(click), ...click.activity }, click)
  }

  async deliver(
    activity: unknown,
    how: Pick<FakeClick, 'claims' | 'key' | 'kid' | 'authorization'> = {},
  ): Promise<FakeAnswer> {
    const authorization = how.authorization ?? `Bearer ${await this.token(how)}`
    const response = await fetch(this.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        ...(how.authorization === null ? {} : { authorization }),
      },
      body: typeof activity === 'string' ? activity : JSON.stringify(activity),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Json }
  }

  token({ claims = {}, key, kid = 'k1' }: Pick<FakeClick, 'claims' | 'key' | 'kid'>) {
    const now = Math.floor(Date.now() / 1_000)
    const good = { iss: ISSUER, aud: APP, iat: now, exp: now + 600 }
    const says = { ...good, serviceurl: `${this.url}/teams/`, ...claims }
    const given = Object.fromEntries(
      Object.entries(says).filter(([, value]) => value !== undefined),
    )
    const header = { alg: 'RS256', kid }
    return new SignJWT(given).setProtectedHeader(header).sign(key ?? this.#pair.privateKey)
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (this.down) {
      request.socket.destroy()
      this.calls.push({ method: 'down', path: request.url ?? '', body: {} })
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const path = decodeURIComponent(request.url ?? '')
    const { status, body, retryAfter } = await this.#answer(request, path, text)
    const wait = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
    answer.writeHead(status, { 'content-type': 'application/json', ...wait })
    answer.end(JSON.stringify(body))
    for (const watcher of [...this.#watchers]) watcher()
  }

  async #answer(request: IncomingMessage, path: string, text: string): Promise<Answer> {
    if (path === '/v1/.well-known/keys') return this.#keys()
    if (path.startsWith('/login/')) return this.#giveToken(path, text)
    const { method = '', headers } = request
    const failure = this.failing.shift()
    const body = (text === '' ? {} : JSON.parse(text)) as Json
    this.calls.push({ method, path, body })
    if (failure) return { ...failure, body: { error: { code: 'Failing' } } }
    if (!this.#tokens.has(headers.authorization ?? '')) return refusal(401, 'Unauthorized')
    const wrong = method === 'GET' ? null : wrongWith(body, text)
    if (wrong !== null) return refusal(wrong.status, wrong.code)
    const [, conversation = '', rest = ''] =
      /^\/teams\/v3\/conversations\/([^/]+)\/(.+)$/.exec(path) ?? []
    if (conversation.split(';')[0] !== CONVERSATION) return refusal(404, 'ConversationNotFound')
    if (method === 'GET') {
      if (rest.startsWith('members/')) return this.#member(rest.slice('members/'.length))
      return rest.startsWith('pagedMembers?') ? this.#members() : refusal(404, 'NotFound')
    }
    return this.#keep(method, conversation, rest, body)
  }

  async #keys(): Promise<Answer> {
    this.asked.keys++
    const jwk = await exportJWK(this.#pair.publicKey)
    const key = { ...jwk, kid: 'k1', use: 'sig', alg: 'RS256', endorsements: ['msteams'] }
    return { status: 200, body: { keys: [key] } }
  }

  #giveToken(path: string, text: string): Answer {
    this.asked.tokens++
    const form = Object.fromEntries(new URLSearchParams(text))
    const good =
      path === `/login/${TENANT}/oauth2/v2.0/token` &&
      form.grant_type === 'client_credentials' &&
      form.client_id === APP &&
      form.client_secret === SECRET &&
      form.scope === 'https://api.botframework.com/.default'
    if (!good) return { status: 401, body: { error: 'invalid_client' } }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const token = `${part({ alg: 'none' })}.${part({ appid: APP, n: this.asked.tokens })}.x`
    this.#tokens.add(`Bearer ${token}`)
    return { status: 200, body: { token_type: 'Bearer', expires_in: 3_599, access_token: token } }
  }

  #members(): Answer {
    const members = [...this.members].map(([aadObjectId, id]) => ({ id, aadObjectId }))
    return { status: 200, body: { members } }
  }

  #member(aadObjectId: string): Answer {
    const id = this.members.get(aadObjectId)
    if (id === undefined) return refusal(404, 'MemberNotFoundInConversation')
    const userPrincipalName = `${aadObjectId.slice(-4)}@example.com`
    const usual = { id, aadObjectId, tenantId: TENANT, userRole: 'user', userPrincipalName }
    return { status: 200, body: { ...usual, ...this.profiles.get(aadObjectId) } }
  }

  #keep(method: string, conversation: string, rest: string, activity: Json): Answer {
    const [, given] = /^activities(?:\/(.+))?$/.exec(rest) ?? []
    if (method === 'PUT' && (given === undefined || !this.messages.has(given))) {
      return refusal(404, 'ActivityNotFoundInConversation')
    }
    const id = given ?? String(this.#next++)
    const place = this.messages.get(id)?.conversation ?? conversation
    this.messages.set(id, { id, conversation: place, activity })
    return { status: method === 'PUT' ? 200 : 201, body: { id } }
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly retryAfter?: string
}

function refusal(status: number, code: string): Answer {
  return { status, body: { error: { code, message: code } } }
}

export function cardOf(message: FakeTeamsMessage): Json {
  const attachments = (message.activity.attachments ?? []) as readonly Json[]
  return (attachments[0]?.content ?? {}) as Json
}

/** Every button of a card, those inside of forms too. */
export function buttonsOf(card: Json): readonly Json[] {
  const actions = (card.actions ?? []) as readonly Json[]
  return actions.flatMap((each) => [each, ...buttonsOf((each.card ?? {}) as Json)])
}

/** What a person reads, line by line. */
export function shownIn(card: Json): string {
  const visit = (node: unknown): string => {
    if (Array.isArray(node)) return node.map(visit).join('\n')
    const { type, inlines, items, text, label, choices } = (node ?? {}) as Json
    if (type === 'RichTextBlock') return (inlines as Json[]).map((run) => run.text).join('')
    const titles = ((choices ?? []) as Json[]).map(({ title }) => title)
    const own = [text, label, ...titles].filter((each) => typeof each === 'string')
    return [...own, ...(items ? [visit(items)] : [])].join('\n')
  }
  return visit(card.body ?? [])
}
