import type { FastifyRequest } from 'fastify'
import type { ActionTokens } from '../identity/action-tokens.ts'
import type { Directory } from '../identity/directory.ts'
import { isWithinNetworks } from '../identity/networks.ts'
import type { PersonTokens } from '../identity/person-tokens.ts'
import type { Agent, Person } from '../identity/principal.ts'
import type { SessionToken, SessionTokens } from '../identity/session-tokens.ts'
import type { Clock } from '../lib/clock.ts'
import { ApiError } from './api-error.ts'
import type { Who } from './route.ts'

/** An agent as the configuration lists it, as far as it matters here. */
export interface ListedAgent {
  readonly name: string
  readonly owners: readonly string[]
  readonly databases: readonly string[]
  readonly networks: readonly string[]
  /** Milliseconds since the epoch, or null. */
  readonly expires: number | null
}

export interface CallersOptions {
  readonly clock: Clock
  readonly directory: () => Directory
  readonly tokens: PersonTokens
  /** Of people who signed in with an account; where it isn't given there are none. */
  readonly sessions?: SessionTokens | undefined
  /** Null where no agent can ask for actions. */
  readonly agents: {
    readonly tokens: ActionTokens
    /** Undefined also for one that was revoked. */
    readonly find: (name: string) => ListedAgent | undefined
  } | null
}

const BEARER = /^Bearer ([\x21-\x7e]{1,200})$/i

/** Who calls the API, by the token that a request carries and the configuration as it is now. */
export class Callers {
  readonly #options: CallersOptions
  readonly #people = new WeakMap<FastifyRequest, Person>()
  readonly #agents = new WeakMap<FastifyRequest, Agent>()
  readonly #sessions = new WeakMap<FastifyRequest, SessionToken>()

  constructor(options: CallersOptions) {
    this.#options = options
  }

  /** Throws 401 for nobody that is known, 403 for people where agents are asked for, and back. */
  admit(request: FastifyRequest, who: Who): void {
    if (who === 'anyone') return
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) unauthorized()
    const person = this.#person(token)
    const agent = person ? null : this.#agent(token, request.ip)
    if (!person && !agent) unauthorized()
    if (who === 'person' && !person) throw new ApiError(403, 'not_a_person', AGENTS_ONLY_ASK)
    if (who === 'agent' && !agent) throw new ApiError(403, 'not_an_agent', PEOPLE_DONT_ASK)
    if (person) this.#people.set(request, person)
    const session = person && this.#options.sessions?.find(token)
    if (session) this.#sessions.set(request, session)
    if (agent) this.#agents.set(request, agent)
  }

  /** The person who was admitted with this request. */
  person(request: FastifyRequest): Person {
    return this.#people.get(request) ?? unauthorized()
  }

  /** The session by which they were; null where it was a token without one. */
  session(request: FastifyRequest): SessionToken | null {
    return this.#sessions.get(request) ?? null
  }

  /** The agent that was admitted with this request. */
  agent(request: FastifyRequest): Agent {
    return this.#agents.get(request) ?? unauthorized()
  }

  #person(token: string): Person | undefined {
    const { tokens, sessions, directory } = this.#options
    const email = tokens.authenticate(token) ?? sessions?.find(token)?.person ?? null
    return email === null ? undefined : directory().person(email)
  }

  #agent(token: string, address: string): Agent | null {
    const { agents, clock } = this.#options
    const holder = agents?.tokens.authenticate(token)
    const listed = holder && agents?.find(holder.agent)
    if (!holder || !listed) return null
    const { name, owners, databases, networks, expires } = listed
    if (expires !== null && clock.now() >= expires) return null
    if (!isWithinNetworks(networks, address)) return null
    return { name, owners, databases, credentialCreatedBy: holder.createdBy }
  }
}

const AGENTS_ONLY_ASK =
  'This is the token of an agent, which asks for actions (POST /v1/actions) and nothing else.'
const PEOPLE_DONT_ASK =
  "This is a person's token. An agent asks for actions, with a token of `countersign agent token NAME`."

/** Throws 401. */
export function unauthorized(): never {
  const message =
    'Send "Authorization: Bearer <token>" with a token of `countersign login`, or made by `countersign token add EMAIL`, for a person of the configuration.'
  throw new ApiError(401, 'unauthorized', message)
}
