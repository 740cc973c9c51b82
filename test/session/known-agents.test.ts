import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AgentTokens } from '../../src/identity/agent-tokens.ts'
import { credentialFor, rotated } from '../../src/identity/credential.ts'
import { writeCredential, writeRevoked } from '../../src/identity/credential-file.ts'
import { Credentials } from '../../src/identity/credentials.ts'
import { KnownAgents, type ListedAgent } from '../../src/session/known-agents.ts'
import { ManualClock } from '../approval/fixtures.ts'

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
  const by = (storedKey: Buffer) => agents.stillGood('bot', { kind: 'secret', storedKey })
  const makers = () => agents.find('bot')?.agent.credentialCreatedBy

  t.match(agents.verifier('bot'), {
    storedKey: both.scram.storedKey,
    doubleSha256: both.mysql,
    second: { storedKey: old.scram.storedKey, doubleSha256: old.mysql },
  })
  t.same(makers(), ['bo@example.com', 'ana@example.com'], 'neither may sign for it')
  t.same([by(both.scram.storedKey), by(old.scram.storedKey)], [true, true])

  clock.advance(HOUR)
  t.notSame(agents.verifier('bot').second?.storedKey, old.scram.storedKey)
  t.notOk(agents.verifier('bot').second?.doubleSha256)
  t.same(makers(), ['bo@example.com'])
  t.same([by(both.scram.storedKey), by(old.scram.storedKey)], [true, false])
})

t.test('sessions end with their secret, and stay where nothing is known of it', async (t) => {
  const { agents, credential } = setUp(t)
  const own = credentialFor({ agent: 'bot', ...making('ana@example.com') }, 'one')
  const proof = { kind: 'secret', storedKey: own.scram.storedKey } as const
  await writeCredential(credential, own)
  t.ok(agents.stillGood('bot', proof))
  writeFileSync(credential, 'half of a fi')
  t.ok(agents.stillGood('bot', proof), 'a disk in trouble shuts nobody out who is in')
  t.notOk(agents.verifier('bot').doubleSha256, 'and lets nobody in')
  await writeCredential(credential, credentialFor({ agent: 'bot', ...making('x') }, 'another'))
  t.notOk(agents.stillGood('bot', proof))
  rmSync(credential)
  t.notOk(agents.stillGood('bot', proof))
  await writeRevoked(credential, 'bot', START)
  t.notOk(agents.stillGood('bot', proof))
  t.equal(agents.find('bot'), undefined, 'by whatever it comes')
  t.notOk(agents.stillGood('nobody', proof))
})

t.test('a name that nobody has is answered like one that somebody has', async (t) => {
  const { agents, credential } = setUp(t)
  await writeCredential(credential, credentialFor({ agent: 'bot', ...making('x') }, 'one'))
  const [real, none] = [agents.verifier('bot'), agents.verifier('none')]
  t.same(none, agents.verifier('none'))
  t.equal(none.salt.length, real.salt.length)
  t.equal(none.iterations, real.iterations)
  for (const each of [real, none]) t.ok(each.second, 'two are tried for everybody')
  t.same([none.accepts, real.accepts], [undefined, undefined])
})
