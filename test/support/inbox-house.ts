import type { Test } from 'tap'
import type { AuditEvent } from '../../src/audit/events.ts'
import { EventFeed } from '../../src/control/event-feed.ts'
import { buildHttp } from '../../src/control/http.ts'
import { Assets } from '../../src/control/web/assets.ts'
import { type SessionAccount, WebSessions } from '../../src/control/web/web-sessions.ts'
import { Accounts } from '../../src/identity/accounts.ts'
import type { ChatPlace } from '../../src/identity/chat-link.ts'
import { Directory } from '../../src/identity/directory.ts'
import { OidcClient, type OidcSettings } from '../../src/identity/oidc-client.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { SessionTokens } from '../../src/identity/session-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { draftOf, ManualClock, openDesk } from '../approval/fixtures.ts'
import { linkingAt } from './linking-house.ts'

/** A desk with people and the inbox in front of it: no database, no proxy, time by hand. */
export async function openInbox(
  t: Test,
  options: {
    readonly publicUrl?: string
    readonly oidc?: OidcSettings
    /** Chats that are configured: people can link their accounts there. */
    readonly chats?: readonly ChatPlace[]
  } = {},
) {
  const data = t.testdir({})
  // An identity provider in the same process goes by the machine's time.
  const clock = new ManualClock(options.oidc && Date.now())
  const accounts = new Accounts({ data, clock })
  const claims = (email: string) => accounts.claims(email)
  const fixture = await openDesk(t, { data, clock, claims })
  const { desk } = fixture
  const directory = () => new Directory(fixture.people, fixture.groups, claims)
  const client = options.oidc ? new OidcClient(options.oidc, clock) : null
  const tokens = new PersonTokens({ data, clock: systemClock })
  const feed = new EventFeed('e')
  desk.subscribe((event) => feed.add(event))
  const logged: string[] = []
  const log = (text: string) => {
    logged.push(text)
  }
  type Account = Pick<SessionAccount, 'person' | 'issuer' | 'subject'>
  const isTheirs = ({ person, issuer, subject }: Account) =>
    accounts.isOf(person, issuer, subject, directory())
  const newSessions = () => new WebSessions({ data, tokens, isTheirs, clock, log })
  const sessionTokens = new SessionTokens({ data, isTheirs, clock, log })
  let base = ''
  const signIns: AuditEvent[] = []
  const linking = linkingAt(Object.assign(fixture, { data, clock }))
  const places = [...(options.chats ?? [])]
  const record = async (event: AuditEvent) => {
    if (fixture.recordTrouble) throw fixture.recordTrouble
    signIns.push(event)
  }
  const server = buildHttp({
    desk,
    directory,
    tokens,
    feed,
    clock,
    urlOf: (id) => `http://proxy/v1/approvals/${id}`,
    notReady: () => [],
    metrics: () => '',
    log,
    session: { tokens: sessionTokens, client: () => client, accounts, record },
    web: {
      sessions: newSessions(),
      assets: new Assets(),
      publicUrl: () => options.publicUrl ?? null,
      oidc: { client: () => client, accounts, baseUrl: () => options.publicUrl ?? base, record },
      ...(options.chats && { linking: { linking, places: () => places } }),
    },
  })
  base = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const open = async (change = {}) => (await desk.open(draftOf(change), 'line')).request
  return Object.assign(fixture, {
    base,
    data,
    open,
    tokens,
    logged,
    newSessions,
    accounts,
    signIns,
    linking,
    places,
  })
}

export type InboxHouse = Awaited<ReturnType<typeof openInbox>>
