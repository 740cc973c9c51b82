import type { Test } from 'tap'
import { SlackChannel, type SlackSettings } from '../../../src/approval/channels/slack.ts'
import { ACTIONS } from '../../../src/approval/channels/slack-value.ts'
import type { ChatLinking } from '../../../src/approval/chat-linking.ts'
import { Directory } from '../../../src/identity/directory.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { type FakeMessage, FakeSlack, shownIn } from '../../support/fake-slack.ts'
import { type DeskFixture, draftOf, GROUPS, openDesk } from '../fixtures.ts'

export interface ChannelOptions extends Partial<SlackSettings> {
  readonly clock?: Clock
  readonly regulations?: Readonly<Record<string, string>>
  /** Where people can link their accounts. */
  readonly linking?: (fixture: DeskFixture) => ChatLinking
}

/** A Slack channel at a desk, running. */
export function startChannel(fixture: DeskFixture, apiUrl: string, options: ChannelOptions = {}) {
  const { desk, store } = fixture
  const { clock = systemClock, regulations = {}, linking, ...change } = options
  const log: string[] = []
  const channel = new SlackChannel({
    settings: {
      connect: { by: 'socket', appToken: 'xapp-1' },
      ...{ botToken: 'xoxb-1', channel: 'C1', apiUrl, team: 'T1', emailMatch: false, text: 'full' },
      ...change,
    },
    desk,
    store,
    directory: () => new Directory(fixture.people, GROUPS),
    regulations: () => regulations,
    urlOf: (id) => `https://countersign.example.com/v1/approvals/${id}`,
    clock,
    log: (text) => log.push(text),
    ...(linking && { linking: linking(fixture) }),
  })
  channel.start()
  return Object.assign(channel, { log })
}

/** A desk, Slack, and the channel between them. */
export async function openSlack(t: Test, options: ChannelOptions = {}) {
  const fixture = await openDesk(t)
  const slack = await FakeSlack.open()
  const channel = startChannel(fixture, slack.apiUrl, options)
  t.teardown(async () => {
    await channel.stop()
    await slack.stop()
  })
  if (options.connect?.by !== 'http') await slack.until(() => slack.connections === 2)
  const open = async (change = {}) => (await fixture.desk.open(draftOf(change), 'line')).request
  const messageOf = (id: string) =>
    slack.until(() => [...slack.messages.values()].find((message) => shownIn(message).includes(id)))
  const whispered = async (count: number) => {
    await slack.until(() => slack.callsOf('chat.postEphemeral').length >= count)
    return slack.callsOf('chat.postEphemeral')[count - 1]?.args
  }
  /** Resolves with what a message shows once that holds `text`. */
  const shows = (message: FakeMessage, text: string) =>
    slack.until(() => {
      const shown = shownIn(slack.now(message))
      return shown.includes(text) && shown
    })
  /** Approves what has just taken another one's place, as soon as that is taken. */
  const approveOnceRead = async (click: { id: string; message: FakeMessage; user: string }) => {
    const { id, message, user } = click
    const told = () => slack.callsOf('chat.postEphemeral').length
    while (fixture.desk.get(id)?.state === 'pending') {
      // It counts from when Slack has said that it shows it, which we may see before.
      if (options.clock instanceof SteppedClock) options.clock.ahead += 3_000
      const before = told()
      await slack.click({ message, action: ACTIONS.approve, user })
      await slack.until(() => fixture.desk.get(id)?.state !== 'pending' || told() > before)
    }
  }
  return Object.assign(fixture, {
    approveOnceRead,
    slack,
    channel,
    open,
    messageOf,
    whispered,
    shows,
  })
}

/** The time of the system, whose monotonic clock a test moves on by hand. */
export class SteppedClock implements Clock {
  ahead = 0

  now(): number {
    return systemClock.now() + this.ahead
  }

  monotonic(): number {
    return systemClock.monotonic() + this.ahead
  }

  after(ms: number, fire: () => void): () => void {
    return systemClock.after(ms, fire)
  }
}
