import type { Test } from 'tap'
import { EventFeed } from '../../src/control/event-feed.ts'
import { buildHttp } from '../../src/control/http.ts'
import { Assets } from '../../src/control/web/assets.ts'
import { WebSessions } from '../../src/control/web/web-sessions.ts'
import { Directory } from '../../src/identity/directory.ts'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { draftOf, GROUPS, openDesk } from '../approval/fixtures.ts'

/** A desk with people and the inbox in front of it: no database, no proxy, time by hand. */
export async function openInbox(t: Test, options: { readonly publicUrl?: string } = {}) {
  const data = t.testdir({})
  const fixture = await openDesk(t, { data })
  const { desk, clock } = fixture
  const tokens = new PersonTokens({ data, clock: systemClock })
  const feed = new EventFeed('e')
  desk.subscribe((event) => feed.add(event))
  const logged: string[] = []
  const log = (text: string) => {
    logged.push(text)
  }
  const newSessions = () => new WebSessions({ data, tokens, clock, log })
  const server = buildHttp({
    desk,
    directory: () => new Directory(fixture.people, GROUPS),
    tokens,
    feed,
    clock,
    urlOf: (id) => `http://proxy/v1/approvals/${id}`,
    notReady: () => [],
    metrics: () => '',
    log,
    web: {
      sessions: newSessions(),
      assets: new Assets(),
      publicUrl: () => options.publicUrl ?? null,
    },
  })
  const base = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  const open = async (change = {}) => (await desk.open(draftOf(change), 'line')).request
  return Object.assign(fixture, { base, data, open, tokens, logged, newSessions })
}

export type InboxHouse = Awaited<ReturnType<typeof openInbox>>
