import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AgentTokens } from '../../../src/identity/agent-tokens.ts'
import { credentialFor, rotated } from '../../../src/identity/credential.ts'
import { writeCredential, writeRevoked } from '../../../src/identity/credential-file.ts'
import { Credentials } from '../../../src/identity/credentials.ts'
import { KnownAgents, type ListedAgent } from '../../../src/session/door/known-agents.ts'
import { ManualClock } from '../../approval/fixtures.ts'

const START = new ManualClock().now()
const HOUR = 3_600_000
const making = (createdBy: string) => ({ createdAt: '2026-01-02T00:00:00.000Z', createdBy })

function setUp(t: Test, more: Partial<ListedAgent> = {}) {
  const credential = join(t.testdir({}), 'bot.json')
  const listed: ListedAgent = {
    name: 'bot',
    owners: ['ana@example.com'],
    databases: ['shop'],
    credential,
    networks: [],
    expires: null,
    jwt: null,
    certificate: null,
    ...more,
  }
  const clock = new ManualClock()
  const agents = new KnownAgents({
    listed: () => new Map([['bot', listed]]),
    credentials: new Credentials(),
    tokens: new AgentTokens(clock),
    mockSecret: Buffer.alloc(32, 7),
    clock,
  })
  return { agents, clock, credential }
}

t.test('both secrets of a rotation are good until it is over', async (t) => {
  const { agents, clock, credential } = setUp(t)
  const old = credentialFor({ agent: 'bot', ...making('ana@example.com') }, 'old')
  const both = rotated(old, making('bo@example.com'), { secret: 'new', until: START + HOUR })
  await writeCredential(credential, both)
  const by = (storedKey: Buffer) => agents.stillGood('bot', { kind: 'secret', storedKey }, null)
  const makers = () => agents.find('bot')?.agent.credentialCreatedBy

  t.match(agents.verifier('bot', null), {
    storedKey: both.scram.storedKey,
    doubleSha256: both.mysql,
    second: { storedKey: old.scram.storedKey, doubleSha256: old.mysql },
  })
  t.same(makers(), ['bo@example.com', 'ana@example.com'], 'neither may sign for it')
  t.same([by(both.scram.storedKey), by(old.scram.storedKey)], [true, true])

  clock.advance(HOUR)
  t.notSame(agents.verifier('bot', null).second?.storedKey, old.scram.storedKey)
  t.notOk(agents.verifier('bot', null).second?.doubleSha256)
  t.same(makers(), ['bo@example.com'])
  t.same([by(both.scram.storedKey), by(old.scram.storedKey)], [true, false])
})

t.test('sessions end with their secret, and stay where nothing is known of it', async (t) => {
  const { agents, credential } = setUp(t)
  const own = credentialFor({ agent: 'bot', ...making('ana@example.com') }, 'one')
  const proof = { kind: 'secret', storedKey: own.scram.storedKey } as const
  await writeCredential(credential, own)
  t.ok(agents.stillGood('bot', proof, null))
  writeFileSync(credential, 'half of a fi')
  t.ok(agents.stillGood('bot', proof, null), 'a disk in trouble shuts nobody out who is in')
  t.notOk(agents.verifier('bot', null).doubleSha256, 'and lets nobody in')
  await writeCredential(credential, credentialFor({ agent: 'bot', ...making('x') }, 'another'))
  t.notOk(agents.stillGood('bot', proof, null))
  rmSync(credential)
  t.notOk(agents.stillGood('bot', proof, null))
  await writeRevoked(credential, 'bot', START)
  t.notOk(agents.stillGood('bot', proof, null))
  t.equal(agents.find('bot'), undefined, 'by whatever it comes')
  t.notOk(agents.stillGood('nobody', proof, null))
})

t.test('a name that nobody has is answered like one that somebody has', async (t) => {
  const { agents, credential } = setUp(t)
  await writeCredential(credential, credentialFor({ agent: 'bot', ...making('x') }, 'one'))
  const [real, none] = [agents.verifier('bot', null), agents.verifier('none', null)]
  t.same(none, agents.verifier('none', null))
  t.equal(none.salt.length, real.salt.length)
  t.equal(none.iterations, real.iterations)
  for (const each of [real, none]) t.ok(each.second, 'two are tried for everybody')
  t.same([none.accepts, real.accepts], [undefined, undefined])
})

t.test('an agent with a certificate shows it whatever else it has', async (t) => {
  const name = 'URI:spiffe://example.com/bot'
  const { agents, clock, credential } = setUp(t, { certificate: name })
  const own = credentialFor({ agent: 'bot', ...making('x') }, 'one')
  await writeCredential(credential, own)
  const good = { names: ['DNS:bot', name], trouble: null, until: START + HOUR }
  const proof = { kind: 'secret', storedKey: own.scram.storedKey } as const
  t.same(agents.verifier('bot', good).storedKey, own.scram.storedKey)
  t.ok(agents.stillGood('bot', proof, good))
  t.notOk(agents.needsNoSecret('bot', good), 'a secret too, where it has one')
  for (const [shown, why] of [
    [null, /shown no certificate/],
    [{ ...good, trouble: 'CERT_HAS_EXPIRED' }, /refused: CERT_HAS_EXPIRED/],
    [{ ...good, names: [] }, /of nobody/],
    [{ ...good, names: [`${name}2`, name.slice(4), `DNS:${name}`, name.toUpperCase()] }, /is of/],
    [{ ...good, until: START }, /has expired/],
  ] as const) {
    t.match(agents.certificateTrouble('bot', shown), why)
    t.same(agents.verifier('bot', shown), { ...agents.verifier('bot', null) }, 'like nobody')
    t.notSame(agents.verifier('bot', shown).storedKey, own.scram.storedKey)
    t.notOk(agents.stillGood('bot', proof, shown))
  }
  clock.advance(HOUR)
  t.notOk(agents.stillGood('bot', proof, good), 'a session ends with its certificate')

  const alone = setUp(t, { certificate: name, credential: null }).agents
  t.ok(alone.needsNoSecret('bot', good))
  t.notOk(alone.needsNoSecret('bot', { ...good, names: ['DNS:bot'] }))
  t.notOk(alone.needsNoSecret('nobody', good))
  t.notOk(setUp(t, { credential: null }).agents.needsNoSecret('bot', good), 'nor one without')
})
