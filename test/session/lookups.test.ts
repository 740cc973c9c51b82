import t from 'tap'
import { LOOKUPS_PER_HOUR, Lookups } from '../../src/session/lookups.ts'
import { unreadable } from '../../src/sql/unreadable.ts'
import { ManualClock } from '../approval/fixtures.ts'

const HOUR = 3_600_000

function seeking(value: string, dataClass = 'pii.email') {
  const lookup = { dataClass, column: 'shop.people.email', values: [value] }
  return { ...unreadable('', ''), lookups: [lookup] }
}

t.test('so many different values an hour, by agent and class', async (t) => {
  const clock = new ManualClock()
  const lookups = new Lookups(clock)
  const look = (value: string, dataClass?: string, agent = 'bot') =>
    lookups.note(agent, seeking(value, dataClass), [], [])?.effect ?? 'fine'
  for (let at = 0; at < LOOKUPS_PER_HOUR; at++) {
    await clock.advance(1_000)
    t.equal(look(`${at}`), 'fine')
  }
  t.equal(look('one more'), 'probe')
  t.equal(look('one more'), 'probe', 'what was refused has not been counted')
  t.equal(look('0'), 'fine')
  t.equal(look('one more', 'pii.phone'), 'fine', 'another class')
  t.equal(look('one more', undefined, 'other'), 'fine', 'another agent')
  await clock.advance(HOUR - 10_000)
  t.equal(look('one more'), 'fine', 'an hour later there is room again')
})

t.test('a limit says how many, and values come as parameters too', async (t) => {
  const lookups = new Lookups(new ManualClock())
  const limit = {
    agent: 'b*',
    classes: ['pii.*'],
    rowsPerStatement: null,
    rowsPerHour: null,
    bytesPerHour: null,
    lookupsPerHour: 1,
    action: 'approve' as const,
  }
  const values = [{ parameter: 1 }, { parameter: 2 }, { parameter: 3 }]
  const lookup = { dataClass: 'pii.email', column: 'c', values }
  const statement = { ...unreadable('', ''), lookups: [lookup] }
  const given = (...texts: (string | null)[]) =>
    texts.map((text) => ({
      typeOid: 0,
      format: 0,
      value: text === null ? null : Buffer.from(text),
    }))
  const note = (agent: string, parameters = given()) =>
    lookups.note(agent, statement, parameters, [limit])?.effect ?? 'fine'
  t.equal(note('bot'), 'fine', 'not bound yet')
  t.equal(note('bot', given('a', null, 'a')), 'fine')
  t.equal(note('bot', given('a', 'b')), 'probe')
  t.equal(note('other', given('a', 'b')), 'fine')
})
