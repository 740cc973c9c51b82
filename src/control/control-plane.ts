import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { Actions } from '../approval/actions.ts'
import type { SlackChannel } from '../approval/channels/slack.ts'
import type { TeamsChannel } from '../approval/channels/teams.ts'
import { ChatLinking, unlinked } from '../approval/chat-linking.ts'
import { ApprovalDesk } from '../approval/desk.ts'
import type { GateLine } from '../approval/gate-line.ts'
import { GateServer } from '../approval/gate-server.ts'
import { GrantStore } from '../approval/grant-store.ts'
import { ApprovalStore } from '../approval/store.ts'
import type { Trail } from '../audit/events.ts'
import type { Address, AgentConfig, Config } from '../config/config.ts'
import { Accounts } from '../identity/accounts.ts'
import { ActionTokens } from '../identity/action-tokens.ts'
import type { ChatLink, ChatPlace } from '../identity/chat-link.ts'
import { ChatLinks } from '../identity/chat-links.ts'
import { Credentials } from '../identity/credentials.ts'
import { Directory } from '../identity/directory.ts'
import { OidcClient } from '../identity/oidc-client.ts'
import { PersonTokens } from '../identity/person-tokens.ts'
import { SessionTokens } from '../identity/session-tokens.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { EventFeed } from './event-feed.ts'
import { DeskCounters, metricsText, notReady } from './health.ts'
import { hostPort } from './host-port.ts'
import { buildHttp } from './http.ts'
import { Notifiers } from './notifiers.ts'
import { Assets } from './web/assets.ts'
import { WebSessions } from './web/web-sessions.ts'

export interface ControlPlaneOptions {
  readonly config: Config
  /** This process' own trail; the plane doesn't close it. */
  readonly trail: Trail
  readonly clock: Clock
  readonly newId: () => string
  readonly log: (text: string) => void
  /** Where it listened before, so that addresses given out stay good after a restart. */
  readonly listen: Address | null
}

/** The control plane put together: store, desk, gate, HTTP, Slack and Teams. */
export class ControlPlane {
  readonly #options: ControlPlaneOptions
  readonly #store: ApprovalStore
  readonly #grants: GrantStore
  readonly #desk: ApprovalDesk
  readonly #gate: GateServer
  readonly #tokens: PersonTokens
  readonly #agentTokens: ActionTokens
  readonly #actions: Actions
  readonly #notifiers: Notifiers
  readonly #credentials = new Credentials()
  readonly #sessions: WebSessions
  readonly #sessionTokens: SessionTokens
  readonly #accounts: Accounts
  readonly #linking: ChatLinking
  readonly #counters = new DeskCounters()
  readonly #feed = new EventFeed(randomBytes(6).toString('hex'))
  #config: Config
  #directory: Directory
  #oidc: OidcClient | null
  #http: FastifyInstance | null = null
  #slack: SlackChannel | null = null
  #teams: TeamsChannel | null = null
  #listening: Address | null = null

  private constructor(options: ControlPlaneOptions, store: ApprovalStore, grants: GrantStore) {
    const { config, clock, newId, log } = options
    this.#options = options
    this.#config = config
    this.#store = store
    this.#grants = grants
    this.#accounts = new Accounts({ data: config.data, clock })
    this.#directory = this.#directoryOf(config)
    this.#oidc = config.oidc && new OidcClient(config.oidc, clock)
    this.#tokens = new PersonTokens({ data: config.data, clock })
    this.#agentTokens = new ActionTokens({ data: config.data, clock })
    const isTheirs = (account: { person: string; issuer: string; subject: string }) =>
      account.issuer === this.#config.oidc?.issuer &&
      this.#accounts.isOf(account.person, account.issuer, account.subject, this.#directory)
    const { data } = config
    this.#sessions = new WebSessions({ data, tokens: this.#tokens, isTheirs, clock, log })
    this.#sessionTokens = new SessionTokens({ data, isTheirs, clock, log })
    const directory = () => this.#directory
    const record = this.#record.bind(this)
    const onGone = this.#recordGone.bind(this)
    const stands = ({ person, by }: Pick<ChatLink, 'person' | 'by'>) =>
      'token' in by
        ? this.#tokens.holderOf(Buffer.from(by.token, 'hex')) === person
        : isTheirs({ person, ...by })
    const links = new ChatLinks({ data, clock, log, onGone, stands })
    this.#linking = new ChatLinking({ links, directory, record, clock, log })
    this.#desk = new ApprovalDesk({ store, grants, clock, newId, directory, record, log })
    const policy = () => ({ rules: this.#config.rules, shadow: this.#config.mode === 'shadow' })
    this.#actions = new Actions({ desk: this.#desk, clock, newId, directory, policy, record })
    this.#gate = new GateServer({ desk: this.#desk, urlOf: this.#urlOf.bind(this), log })
    const urlOf = this.#urlOf.bind(this)
    const regulations = () => this.#config.regulations
    this.#notifiers = new Notifiers({ desk: this.#desk, clock, newId, urlOf, regulations, log })
    this.#notifiers.configure(config)
    this.#desk.subscribe((event) => {
      this.#feed.add(event)
      this.#counters.add(event)
    })
  }

  /** Throws where the store can't be read, the address is taken or people are ambiguous. */
  static async open(options: ControlPlaneOptions): Promise<ControlPlane> {
    const { data } = options.config
    const store = await ApprovalStore.open({ data })
    const plane = new ControlPlane(options, store, await GrantStore.open({ data }))
    await plane.#listen()
    await plane.#startSlack()
    await plane.#startTeams()
    return plane
  }

  /** Where the HTTP API listens; null where none is configured. */
  get listening(): Address | null {
    return this.#listening
  }

  /** Serves a data plane. */
  connect(line: GateLine): void {
    this.#gate.connect(line)
  }

  /**
   * Takes a new configuration: people, groups and chats at once. Returns what of it can't be taken;
   * then the old one stays in force.
   */
  async reload(config: Config): Promise<readonly string[]> {
    try {
      this.#directory = this.#directoryOf(config)
    } catch (error) {
      return [messageOf(error)]
    }
    const slackChanged = chatKeys('slack', config) !== chatKeys('slack', this.#config)
    const teamsChanged = chatKeys('teams', config) !== chatKeys('teams', this.#config)
    if (!isDeepStrictEqual(config.oidc, this.#config.oidc)) {
      this.#oidc = config.oidc && new OidcClient(config.oidc, this.#options.clock)
    }
    this.#config = config
    this.#notifiers.configure(config)
    if (slackChanged) {
      await this.#slack?.stop()
      await this.#startSlack()
    }
    if (teamsChanged) {
      await this.#teams?.stop()
      await this.#startTeams()
    }
    return []
  }

  /**
   * Ends everything. `dataPlaneGone`: its process has ended, and so has every connection that
   * waited; otherwise it may be joined by another control process and goes on waiting.
   */
  async stop({ dataPlaneGone }: { readonly dataPlaneGone: boolean }): Promise<void> {
    if (dataPlaneGone) await this.#gate.abandon()
    await this.#http?.close()
    await Promise.all([this.#slack?.stop(), this.#teams?.stop()])
    this.#notifiers.stop()
    await this.#desk.stop()
    await this.#store.close()
    await this.#grants.close()
  }

  async #record(event: Parameters<Trail['append']>[0]): Promise<void> {
    const { trail } = this.#options
    await trail.durable(trail.append(event))
    if (event.type === 'approval.refused') this.#counters.refused(event.channel, event.why)
  }

  /** Links that a command has taken away. */
  #recordGone(links: readonly ChatLink[]): void {
    for (const link of links) {
      this.#record({ ...unlinked(link), by: 'operator' }).catch((error) =>
        this.#options.log(`links: ${messageOf(error)}`),
      )
    }
  }

  #directoryOf({ people, groups }: Config): Directory {
    return new Directory(people.values(), groups, (email) => this.#accounts.claims(email))
  }

  #baseUrl(): string {
    const { publicUrl } = this.#config.listen
    const base = publicUrl ?? (this.#listening ? `http://${hostPort(this.#listening)}` : '')
    return base.replace(/\/+$/, '')
  }

  #urlOf(id: string): string {
    return `${this.#baseUrl()}/v1/approvals/${id}`
  }

  /** An agent that is listed and not shut out. */
  #agent(name: string): AgentConfig | undefined {
    const agent = this.#config.agents.get(name)
    const path = agent?.credential ?? null
    return path !== null && this.#credentials.revoked(name, path) ? undefined : agent
  }

  async #listen(): Promise<void> {
    const { control } = this.#config.listen
    if (!control) return
    const again = this.#options.listen
    try {
      await this.#listenAt(again ?? control)
    } catch (error) {
      // Where any port will do, one that was taken meanwhile is no reason to give up.
      if (!again || control.port !== 0) throw error
      await this.#listenAt(control)
    }
  }

  async #listenAt({ host, port }: Address): Promise<void> {
    const { clock, log } = this.#options
    const { trail } = this.#options
    const store = this.#store
    const grants = this.#grants
    const tokens = this.#tokens
    const agentTokens = this.#agentTokens
    const parts = {
      store,
      grants,
      tokens,
      'action tokens': agentTokens,
      accounts: this.#accounts,
      links: this.#linking.links,
      'control plane audit': trail,
    }
    const http = buildHttp({
      desk: this.#desk,
      directory: () => this.#directory,
      tokens,
      feed: this.#feed,
      clock,
      urlOf: this.#urlOf.bind(this),
      regulations: () => this.#config.regulations,
      notReady: () => notReady(this.#gate, parts),
      metrics: () => this.#metrics(),
      log,
      slack: async (request) => (await this.#slack?.receive(request)) ?? null,
      teams: async (request) => (await this.#teams?.receive(request)) ?? null,
      audit: { folder: join(this.#config.data, 'audit'), record: this.#record.bind(this) },
      actions: {
        actions: this.#actions,
        tokens: agentTokens,
        find: (name) => this.#agent(name),
      },
      session: {
        tokens: this.#sessionTokens,
        client: () => this.#oidc,
        accounts: this.#accounts,
        record: this.#record.bind(this),
      },
      web: {
        sessions: this.#sessions,
        assets: new Assets(),
        publicUrl: () => this.#config.listen.publicUrl,
        agents: () => this.#config.agents.values(),
        oidc: {
          client: () => this.#oidc,
          accounts: this.#accounts,
          baseUrl: () => this.#baseUrl(),
          record: this.#record.bind(this),
        },
        linking: { linking: this.#linking, places: () => placesOf(this.#config) },
      },
    })
    await http.listen({ host, port })
    this.#http = http
    const bound = http.server.address()
    this.#listening = { host, port: typeof bound === 'object' && bound ? bound.port : port }
  }

  #metrics(): string {
    const connections = this.#slack?.connections ?? null
    const chats = [this.#slack?.metrics, this.#teams?.metrics].flatMap((one) => [...(one ?? [])])
    const more = new Map([...this.#notifiers.metrics, ...chats])
    return metricsText(this.#desk, this.#gate, this.#counters, connections, more)
  }

  /** Bolt is loaded where there is a Slack to speak to: it takes longer than all the rest. */
  async #startSlack(): Promise<void> {
    this.#slack = null
    const settings = this.#config.slack
    if (!settings) return
    const { SlackChannel } = await import('../approval/channels/slack.ts')
    this.#slack = new SlackChannel({ settings, ...this.#chatHouse() })
    this.#slack.start()
  }

  /** It begins by itself, and loads its library behind our back. */
  async #startTeams(): Promise<void> {
    this.#teams = null
    const settings = this.#config.teams
    if (!settings) return
    const { TeamsChannel } = await import('../approval/channels/teams.ts')
    this.#teams = new TeamsChannel({ settings, chance: Math.random, ...this.#chatHouse() })
  }

  #chatHouse() {
    const { clock, log } = this.#options
    const directory = () => this.#directory
    const regulations = () => this.#config.regulations
    const urlOf = this.#urlOf.bind(this)
    const [desk, store, linking] = [this.#desk, this.#store, this.#linking]
    return { desk, store, directory, linking, regulations, urlOf, clock, log }
  }
}

/** What a chat's messages and clicks depend on. */
function chatKeys(chat: 'slack' | 'teams', config: Config): string {
  return JSON.stringify([config[chat], config.regulations, config.listen.publicUrl])
}

/** Where people can say which account is theirs: without a workspace's id, anybody's could be it. */
function placesOf({ slack, teams }: Config): readonly ChatPlace[] {
  const org = slack?.team ?? null
  return [
    ...(org === null ? [] : [{ chat: 'slack', org } as const]),
    ...(teams ? [{ chat: 'teams', org: teams.tenant.toLowerCase() } as const] : []),
  ]
}
