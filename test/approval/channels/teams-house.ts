import type { Test } from 'tap'
import { TeamsChannel, type TeamsSettings } from '../../../src/approval/channels/teams.ts'
import type { ChatLinking } from '../../../src/approval/chat-linking.ts'
import { EventFeed } from '../../../src/control/event-feed.ts'
import { buildHttp } from '../../../src/control/http.ts'
import { Directory } from '../../../src/identity/directory.ts'
import { PersonTokens } from '../../../src/identity/person-tokens.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import {
  APP,
  CONVERSATION,
  cardOf,
  FakeTeams,
  type FakeTeamsMessage,
  SECRET,
  shownIn,
  TENANT,
} from '../../support/fake-teams.ts'
import { type DeskFixture, draftOf, GROUPS, openDesk, PEOPLE } from '../fixtures.ts'

const account = (last: string) => `8f2c1c5e-0000-4000-8000-0000000000${last}`
export const ANA = account('a1')
export const BO = account('b0')
export const DI = account('d1')
export const STRANGER = account('99')
const ACCOUNTS: Readonly<Record<string, string>> = { ana: ANA, bo: BO, di: DI }

export interface HouseOptions extends Partial<TeamsSettings> {
  readonly clock?: Clock
  readonly regulations?: Readonly<Record<string, string>>
  /** Who is in the conversation, as far as Teams says it. */
  readonly present?: readonly string[]
  /** Where people can link their accounts. */
  readonly linking?: (fixture: DeskFixture) => ChatLinking
}

/** A Teams channel at a desk, running. */
export function startTeams(fixture: DeskFixture, teams: FakeTeams, options: HouseOptions = {}) {
  const { clock = systemClock, regulations = {}, present: _, linking, ...change } = options
  const { desk, store } = fixture
  const log: string[] = []
  const channel = new TeamsChannel({
    settings: {
      ...{ appId: APP, appSecret: SECRET, tenant: TENANT, conversation: CONVERSATION },
      ...{ text: 'full', cloud: teams.cloud, ...change },
    },
    directory: () => new Directory(fixture.people, GROUPS),
    regulations: () => regulations,
    urlOf: (id) => `https://countersign.example.com/v1/approvals/${id}`,
    chance: () => 1,
    ...{ desk, store, clock, log: (text) => log.push(text) },
    ...(linking && { linking: linking(fixture) }),
  })
  return Object.assign(channel, { log })
}

/** A desk, Teams, the channel between them and the control plane's own HTTP server. */
export async function openTeams(t: Test, options: HouseOptions = {}) {
  const fixture = await openDesk(t)
  fixture.people = PEOPLE.map((person) => ({
    ...person,
    teams: ACCOUNTS[person.email.split('@')[0] ?? ''] ?? null,
  }))
  const teams = await FakeTeams.open()
  for (const id of options.present ?? [ANA, BO, DI]) teams.members.set(id, `29:${id.slice(-4)}`)
  const channel = startTeams(fixture, teams, options)
  const { desk } = fixture
  const server = buildHttp({
    desk,
    directory: () => {
      throw new Error('nobody else is asked')
    },
    tokens: new PersonTokens({ data: t.testdir({}), clock: systemClock }),
    feed: new EventFeed('e'),
    clock: systemClock,
    urlOf: (id) => id,
    notReady: () => [],
    metrics: () => '',
    log: () => {},
    teams: (request) => channel.receive(request),
  })
  const base = await server.listen({ host: '127.0.0.1', port: 0 })
  teams.endpoint = `${base}/channels/teams/messages`
  t.teardown(async () => {
    await server.close()
    await channel.stop()
    await teams.stop()
  })
  const open = async (change = {}) => (await desk.open(draftOf(change), 'line')).request
  const messageOf = (id: string) =>
    teams.until(() =>
      [...teams.messages.values()].find((each) => shownIn(cardOf(each)).includes(`request ${id},`)),
    )
  /** Resolves with what a message shows once that holds `text`. */
  const shows = (message: FakeTeamsMessage, text: string) =>
    teams.until(() => {
      const shown = shownIn(cardOf(teams.now(message)))
      return shown.includes(text) && shown
    })
  return Object.assign(fixture, { teams, channel, open, messageOf, shows, base })
}
