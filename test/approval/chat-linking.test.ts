import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Standing } from '../../src/approval/chat-linking.ts'
import type { LinkedBy } from '../../src/identity/chat-link.ts'
import { ChatLinks } from '../../src/identity/chat-links.ts'
import { CODE_MS } from '../../src/identity/link-codes.ts'
import { deferred } from '../../src/lib/deferred.ts'
import { BY, linkingAt } from '../support/linking-house.ts'
import { openDesk, PEOPLE } from './fixtures.ts'

const CY = 'cy@example.com'
const DI = 'di@example.com'
const full = async (): Promise<Standing> => ({ ok: true, knownAs: null })
const slack = (user: string, org = 'T1') => ({ chat: 'slack', org, user }) as const
const teams = (user: string, org = 'tenant') => ({ chat: 'teams', org, user }) as const

/** ana and bo are listed with their accounts, cy and dot aren't. */
async function open(t: Test) {
  const fixture = await openDesk(t)
  fixture.people = [...PEOPLE, { email: 'dot@example.com', groups: ['approvers'], slack: null }]
  const linking = linkingAt(fixture)
  const who = (account: Parameters<typeof linking.links.personOf>[0]) =>
    linking.links.personOf(account, linking.directory())?.email
  const refusals = () =>
    fixture.records.flatMap((one) => (one.type === 'person.link_refused' ? [one.why] : []))
  return Object.assign(fixture, { linking, who, refusals, path: join(fixture.data, 'links.json') })
}

t.test('a code makes the account that types it in a person’s, once', async (t) => {
  const { linking, who, records, refusals, path, data, clock } = await open(t)
  const code = linking.begin('CY@example.com', 'slack', BY)
  t.match(code, /^[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}$/, '40 bits')
  const typed = ` ${code.toLowerCase().replace('-', ' ')} `
  t.same(await linking.claim(slack('UCY'), typed, full), { ok: true, person: CY })
  t.equal(who(slack('UCY')), CY)
  t.same(linking.links.of(CY), [{ person: CY, ...slack('UCY'), at: clock.now(), by: BY }])
  t.match(await linking.claim(slack('UEVE'), code, full), { ok: false, message: /wrong, was used/ })
  t.equal(who(slack('UEVE')), undefined, 'a code that was overheard is of no use')
  t.match(records, [
    { type: 'person.linked', person: CY, chat: 'slack', org: 'T1', account: 'UCY' },
    { type: 'person.link_refused', person: null, account: 'UEVE', why: 'wrong_code' },
  ])
  t.equal(statSync(path).mode & 0o777, 0o600)
  const kept = new ChatLinks({ data, clock, log: () => {}, stands: () => true })
  t.equal(kept.personOf(slack('UCY'), linking.directory())?.email, CY, 'over a restart')
  const written = JSON.stringify([records, linking.logged, readFileSync(path, 'utf8'), refusals()])
  t.notOk(written.includes(code) || written.includes(code.replace('-', '')), 'and it is nowhere')
})

t.test('a code is over in time, with the next one, and in any other chat', async (t) => {
  const { linking, refusals, clock } = await open(t)
  const late = linking.begin(CY, 'slack', BY)
  clock.advance(CODE_MS)
  t.match(await linking.claim(slack('U1'), late, full), { ok: false })
  const first = linking.begin(CY, 'slack', BY)
  const second = linking.begin(CY, 'slack', BY)
  t.match(await linking.claim(slack('U1'), first, full), { ok: false }, 'one lives at a time')
  t.match(await linking.claim(teams('u1'), second, full), { ok: false }, 'and is for one chat')
  t.match(await linking.claim(slack('U1'), '', full), { ok: false })
  t.match(await linking.claim(slack('U1'), second.repeat(9), full), { ok: false })
  const other = linking.begin(CY, 'teams', BY)
  t.match(await linking.claim(slack('U1'), second, full), { ok: true }, 'each chat has its own')
  t.match(await linking.claim(teams('u1'), other, full), { ok: true })
  t.same(new Set(refusals()), new Set(['wrong_code']))
})

t.test('whoever guesses waits, also with all tries at once', async (t) => {
  const { linking, who, refusals, clock } = await open(t)
  const code = linking.begin(CY, 'slack', BY)
  const asked = deferred<Standing>()
  const tries = Array.from({ length: 20 }, (_, at) =>
    linking.claim(slack('UEVE'), `AAAAAAA${'ABCDEFGHJKLMNPQRSTUV'[at]}`, () => asked.promise),
  )
  asked.resolve({ ok: true, knownAs: null })
  await Promise.all(tries)
  t.equal(refusals().length, 5, 'the others were not compared')
  const good = await linking.claim(slack('UEVE'), code, () => t.fail('nobody is asked') as never)
  t.match(good, { ok: false, message: /Try again in 10 minutes/ }, 'nor is a good one')
  t.equal(refusals().length, 5, 'and the trail does not grow by it')
  for (let at = 0; at < 9_000; at++) await linking.claim(slack(`U${at}`), 'AAAAAAAA', full)
  t.match(
    await linking.claim(slack('UEVE'), code, full),
    { message: /10 minutes/ },
    'not forgotten',
  )
  t.match(await linking.claim(slack('UEVE', 'T2'), 'X', full), { message: /wrong, was used/ })
  t.match(await linking.claim(slack('UCY'), code, full), { ok: true }, 'others are not kept out')
  clock.advance(10 * 60_000)
  t.match(await linking.claim(slack('UEVE'), linking.begin(DI, 'slack', BY), full), { ok: false })
  t.equal(who(slack('UEVE')), undefined, 'di lists another account')
})

t.test('a code is compared with those of full members only', async (t) => {
  const { linking, who, refusals, records } = await open(t)
  const code = linking.begin(CY, 'slack', BY)
  const guest = async (): Promise<Standing> => ({
    ok: false,
    code: 'not_a_full_member',
    message: 'no',
  })
  t.same(await linking.claim(slack('UGUEST'), code, guest), { ok: false, message: 'no' })
  t.match(records.at(-1), { account: 'UGUEST', person: null, why: 'not_a_full_member' })
  t.match(await linking.claim(slack('UCY'), code, full), { ok: true }, 'and is not lost by it')
  t.equal(who(slack('UGUEST')), undefined)
  for (let at = 0; at < 9; at++) await linking.claim(slack('UGUEST'), 'x', guest)
  t.equal(refusals().length, 5, 'the trail does not grow for ever')
})

t.test('two accounts race with one code, two codes for one account', async (t) => {
  const { linking, who, records } = await open(t)
  const code = linking.begin(CY, 'slack', BY)
  const race = await Promise.all([
    linking.claim(slack('U1'), code, full),
    linking.claim(slack('U2'), code, full),
  ])
  t.same(race.map(({ ok }) => ok).sort(), [false, true])
  t.equal(linking.links.of(CY).length, 1)
  const [dot, cy] = [linking.begin('dot@example.com', 'teams', BY), linking.begin(CY, 'teams', BY)]
  const both = await Promise.all([
    linking.claim(teams('u3'), dot, full),
    linking.claim(teams('u3'), cy, full),
  ])
  t.same(both.map(({ ok }) => ok).sort(), [false, true])
  t.equal([who(teams('u3'))].flat().length, 1)
  t.ok(records.some((one) => one.type === 'person.link_refused' && one.why === 'not_kept'))
})

t.test('an account is one person’s, a person has one, and the file wins', async (t) => {
  const house = await open(t)
  const { linking, who, refusals } = house
  const claim = async (person: string, user: string, knownAs: string | null = null) =>
    linking.claim(slack(user), linking.begin(person, 'slack', BY), async () => ({
      ok: true,
      knownAs,
    }))
  t.match(await claim(CY, 'UCY'), { ok: true })
  t.match(await claim('dot@example.com', 'UCY'), { message: /somebody else’s/ })
  t.match(await claim(CY, 'UTWO'), { message: /Remove that on the page Me first/ })
  t.match(await claim(CY, 'UANA'), { message: /somebody else’s/ }, 'whom the file lists')
  t.match(await claim('ana@example.com', 'UEVE'), {
    message: /configuration names another account/,
  })
  t.match(await claim('ana@example.com', 'UANA'), { message: /known as yours already/ })
  t.match(await claim('dot@example.com', 'UDOT', 'ana@example.com'), { message: /somebody else’s/ })
  t.match(await claim('zoe@example.com', 'UZOE'), { message: /not listed/ })
  t.same(refusals(), [
    ...['account_of_another', 'another_account_linked', 'account_of_another'],
    ...['another_account_listed', 'known_already', 'account_of_another', 'not_listed'],
  ])
  t.match(await claim('dot@example.com', 'UDOT', 'DOT@example.com'), { ok: true })
  const person = (email: string, slackId: string | null) => {
    house.people = house.people.map((each) =>
      each.email === email ? { ...each, slack: slackId } : each,
    )
  }
  person(CY, 'UOTHER')
  t.equal(who(slack('UCY')), undefined, 'the file names another account now')
  person(CY, null)
  t.equal(who(slack('UCY')), CY)
  person('ana@example.com', 'UCY')
  t.equal(who(slack('UCY')), undefined, 'the file gives the account to somebody else')
  person('ana@example.com', null)
  house.people = house.people.filter(({ email }) => email !== CY)
  t.equal(who(slack('UCY')), undefined, 'whoever left is nobody by a link')
  t.same(linking.links.in({ chat: 'slack', org: 'T1' }, linking.directory()), [
    ['UDOT', 'dot@example.com'],
  ])
})

t.test('what is removed is gone at once, by whoever removes it', async (t) => {
  const { linking, who, records, data, clock } = await open(t)
  await linking.claim(slack('UCY'), linking.begin(CY, 'slack', BY), full)
  t.notOk(await linking.unlink('dot@example.com', slack('UCY')), 'not by somebody else')
  t.ok(await linking.unlink(CY, slack('UCY')))
  t.equal(who(slack('UCY')), undefined)
  t.match(records.at(-1), { type: 'person.unlinked', person: CY, by: 'person', account: 'UCY' })
  t.notOk(await linking.unlink(CY, slack('UCY')))
  await linking.claim(slack('UNEW'), linking.begin(CY, 'slack', BY), full)
  const command = new ChatLinks({ data, clock, log: () => {}, stands: () => true })
  t.match(command.forget('Cy@example.com'), [{ user: 'UNEW' }])
  t.equal(who(slack('UNEW')), undefined, 'another process has forgotten it')
  t.same(linking.gone, ['UNEW'], 'which is heard of, once')
  t.same(command.forget(CY), [])
})

t.test('a link is no more than what it was made by', async (t) => {
  const { linking, who, records, path } = await open(t)
  const link = async (person: string, user: string, by: LinkedBy) =>
    linking.claim(slack(user), linking.begin(person, 'slack', by), full)
  const stolen = { token: 'a'.repeat(64) }
  const account = { issuer: 'https://id.example.com', subject: 'sub-dot' }
  t.match(await link(CY, 'UTHIEF', stolen), { ok: true })
  t.match(await link('dot@example.com', 'UDOT', account), { ok: true })
  linking.over.add(stolen.token)
  t.equal(who(slack('UTHIEF')), undefined, 'the token was taken away')
  t.equal(who(slack('UDOT')), 'dot@example.com')
  t.same(linking.links.of(CY), [])
  t.match(await link(CY, 'UTHIEF', stolen), { ok: false }, 'nor is a code good that it still had')
  t.equal(who(slack('UTHIEF')), undefined)
  t.match(await link(CY, 'UCY', BY), { ok: true }, 'which is in nobody’s way')
  t.equal(who(slack('UCY')), CY)
  t.notMatch(readFileSync(path, 'utf8'), 'UTHIEF')
  linking.over.add(account.subject)
  t.equal(who(slack('UDOT')), undefined, 'the account was forgotten')
  t.match(await link('dot@example.com', 'UDOT', BY), { ok: true })
  t.equal(records.filter(({ type }) => type === 'person.linked').length, 4)
})

t.test('without a record there is no link, without a file nobody is let in', async (t) => {
  const house = await open(t)
  const { linking, who, path } = house
  house.recordTrouble = new Error('disk full')
  await t.rejects(linking.claim(slack('UCY'), linking.begin(CY, 'slack', BY), full), /disk full/)
  t.equal(who(slack('UCY')), undefined)
  house.recordTrouble = null
  await linking.claim(slack('UCY'), linking.begin(CY, 'slack', BY), full)
  const good = JSON.parse(readFileSync(path, 'utf8'))
  const [link] = good.links
  for (const [what, text] of [
    ['no JSON', '{"version":1,"links":['],
    ['another version', JSON.stringify({ ...good, version: 2 })],
    ['no person', JSON.stringify({ version: 1, links: [{ ...link, person: '' }] })],
    ['by nothing', JSON.stringify({ version: 1, links: [{ ...link, by: {} }] })],
    ['no chat of ours', JSON.stringify({ version: 1, links: [{ ...link, chat: 'irc' }] })],
    ['one account of two', JSON.stringify({ version: 1, links: [link, { ...link, person: DI }] })],
    ['two of one person', JSON.stringify({ version: 1, links: [link, { ...link, user: 'U2' }] })],
  ] as const) {
    writeFileSync(path, text)
    t.equal(who(slack('UCY')), undefined, what)
    t.match(linking.links.trouble, path, what)
    const claim = await linking.claim(
      slack('UDOT'),
      linking.begin('dot@example.com', 'slack', BY),
      full,
    )
    t.match(claim, { ok: false, message: /could not be kept/ }, what)
    t.equal(readFileSync(path, 'utf8'), text, 'nothing is written over it')
  }
  t.match(linking.logged[0], /links\.json.*nobody is known by an account that they have linked/)
  t.same(linking.gone, [], 'which is no removal')
  writeFileSync(path, JSON.stringify(good))
  t.equal(who(slack('UCY')), CY, 'mended, it counts again')
})
