import type { App, HttpRouteHandler, IHttpServerAdapter } from '@microsoft/teams.apps'
import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import { quietLog } from './quiet-log.ts'
import { statusOf } from './teams-errors.ts'
import type { MemberInfo } from './teams-members.ts'
import { TeamsToken } from './teams-token.ts'
import { visibleLine } from './visible.ts'

/** A Teams that takes a call and doesn't answer it keeps nothing else back for longer. */
const CALL_MS = 10_000
const LONGEST_ANSWER = 4 * 1024 * 1024
const PATH = '/channels/teams/messages'

/** Where Microsoft's services are. */
export interface TeamsCloud {
  /** The connector that is called before anybody has written to the bot. */
  readonly serviceUrl: string
  /** Entra, which gives tokens out. */
  readonly loginEndpoint: string
  /** Of the Bot Connector: beside it (".../keys") are the keys that its tokens are signed with. */
  readonly openIdMetadataUrl: string
}

export interface TeamsAppOptions {
  readonly appId: string
  readonly appSecret: string
  readonly tenant: string
  readonly conversation: string
  /** Left out for Microsoft's public cloud. */
  readonly cloud?: TeamsCloud
  readonly clock: Clock
  readonly log: (text: string) => void
  /** Answers a verified use of a button: the body of an adaptiveCard/action response. */
  readonly onCardAction: (activity: unknown) => Promise<CardAnswer>
}

/** https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model */
export type CardAnswer =
  | {
      readonly statusCode: 200
      readonly type: 'application/vnd.microsoft.card.adaptive'
      readonly value: unknown
    }
  | {
      readonly statusCode: 200
      readonly type: 'application/vnd.microsoft.activity.message'
      readonly value: string
    }

/** The SDK put to our use: it verifies what comes in and calls what goes out. */
export interface TeamsApp {
  /** Verifies the connector's token and gives the activity to whoever listens. */
  readonly handle: HttpRouteHandler
  /** Returns the id of the message. `thread`: the message below which it is to stand. */
  post(message: object, thread?: string): Promise<string>
  update(id: string, message: object): Promise<void>
  /** Who is in the conversation: by Entra object id (lower case), the id that Teams uses. */
  members(): Promise<ReadonlyMap<string, string>>
  /** One of them, by their Entra object id. Rejects where they aren't in the conversation. */
  member(id: string): Promise<MemberInfo>
}

/** Loads the SDK, which takes a fifth of a second, and opens no port: requests are handed to it. */
export async function openTeamsApp(options: TeamsAppOptions): Promise<TeamsApp> {
  const [{ App }, { PUBLIC }] = await Promise.all([
    import('@microsoft/teams.apps'),
    import('@microsoft/teams.api'),
  ])
  const { appId, tenant, cloud } = options
  const places = { ...PUBLIC, ...(cloud ?? {}) }
  const token = new TeamsToken({ ...options, loginEndpoint: places.loginEndpoint })
  const inlet = new Inlet()
  const app = new App({
    clientId: appId,
    // Empty, not left out: it would be looked for in the environment, as everything here is.
    clientSecret: '',
    tenantId: tenant,
    token: (scope, of) => token.get(scope, of),
    cloud: places,
    serviceUrl: cloud?.serviceUrl ?? 'https://smba.trafficmanager.net/teams',
    dangerouslyAllowUnauthenticatedRequests: false,
    httpServerAdapter: inlet,
    messagingEndpoint: PATH,
    oauth: { fetchUserToken: false },
    client: { timeout: CALL_MS, interceptors: [{ request: ({ config }) => bounded(config) }] },
    logger: quietLogger(options),
  })
  app.on('card.action', async ({ activity }) => (await options.onCardAction(activity)) as never)
  await app.initialize()
  return { handle: inlet.handler, ...callsOf(app, options.conversation, token) }
}

/** Neither a redirect nor an endless answer is followed, for the bot's token goes with the call. */
function bounded<C extends object>(config: C): C {
  return Object.assign(config, { maxRedirects: 0, maxContentLength: LONGEST_ANSWER })
}

function callsOf(app: App, conversation: string, token: TeamsToken): Omit<TeamsApp, 'handle'> {
  const { conversations } = app.api
  const from = { id: app.id ?? '', role: 'bot' }
  const called = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call
    } catch (error) {
      if (statusOf(error) === 401) token.forget()
      throw error
    }
  }
  return {
    async post(message, thread) {
      const place = thread === undefined ? conversation : threaded(conversation, thread)
      const activity = { ...message, from, conversation: { id: place } }
      const posted = await called(conversations.createActivity(place, activity as never))
      if (typeof posted?.id !== 'string' || posted.id === '') throw new Error('it gave no id')
      return posted.id
    },
    async update(id, message) {
      const activity = { ...message, id, from, conversation: { id: conversation } }
      const place = encodeURIComponent(id)
      await called(conversations.updateActivity(conversation, place, activity as never))
    },
    members: () => called(membersOf(app, conversation)),
    member: (id) => called(conversations.getMemberById(conversation, encodeURIComponent(id))),
  }
}

/** Channels have threads; in a chat everything stands one below the other. */
function threaded(conversation: string, message: string): string {
  const isChannel = /@thread\.(tacv2|skype)$/.test(conversation)
  return isChannel && /^\d+$/.test(message) ? `${conversation};messageid=${message}` : conversation
}

const PAGE = 500
const MOST_PAGES = 20

async function membersOf(app: App, conversation: string): Promise<ReadonlyMap<string, string>> {
  const members = new Map<string, string>()
  let next: string | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await app.api.conversations.getPagedMembers(conversation, PAGE, next)
    for (const { id, aadObjectId } of answer.members) {
      if (typeof id === 'string' && typeof aadObjectId === 'string') {
        members.set(aadObjectId.toLowerCase(), id)
      }
    }
    next = answer.continuationToken
    if (!next) break
  }
  return members
}

/** Takes the one route that the SDK registers, so that our own server can hand requests to it. */
class Inlet implements IHttpServerAdapter {
  handler: HttpRouteHandler = async () => ({ status: 503 })

  registerRoute(_method: 'POST', path: string, handler: HttpRouteHandler): void {
    if (path === PATH) this.handler = handler
  }
}

type Logger = NonNullable<ConstructorParameters<typeof App>[0]>['logger']

/**
 * Errors, one a minute: anybody can make some by what they send. Below that there are whole
 * activities and tokens.
 */
function quietLogger({ log, clock }: Pick<TeamsAppOptions, 'log' | 'clock'>): NonNullable<Logger> {
  const complain = quietLog(clock, log)
  const error = (...parts: unknown[]): void =>
    complain(() => `Teams: ${visibleLine(parts.map(messageOf).join(' ').slice(0, 300))}`)
  const silent = (): void => {}
  const logger = {
    ...{ debug: silent, info: silent, warn: silent, trace: silent, error },
    log: (level: string, ...parts: unknown[]) => (level === 'error' ? error(...parts) : undefined),
    child: () => logger,
  }
  return logger as NonNullable<Logger>
}
