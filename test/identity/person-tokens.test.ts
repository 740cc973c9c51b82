import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PersonTokens } from '../../src/identity/person-tokens.ts'
import { systemClock } from '../../src/lib/clock.ts'

t.test('a token made beside a running proxy is good at once', async (t) => {
  const data = t.testdir({})
  const running = new PersonTokens({ data, clock: systemClock })
  t.equal(running.authenticate('cst_nothing'), null)
  const token = await new PersonTokens({ data, clock: systemClock }).add('Ana@example.com')
  t.match(token, /^cst_[A-Za-z0-9_-]{43}$/)
  t.equal(running.authenticate(token), 'ana@example.com')
})

t.test('the file gives nobody a token, and nobody else may read it', async (t) => {
  const data = t.testdir({})
  const tokens = new PersonTokens({ data, clock: systemClock })
  const token = await tokens.add('ana@example.com')
  const path = join(data, 'tokens.json')
  const text = readFileSync(path, 'utf8')
  t.notMatch(text, token.slice(4))
  t.equal(statSync(path).mode & 0o777, 0o600)
  const stored = (JSON.parse(text) as { tokens: { sha256: string }[] }).tokens[0]?.sha256 ?? ''
  for (const tried of [stored, `cst_${stored}`, `${token}x`, token.slice(0, -1), '', 'cst_']) {
    t.equal(tokens.authenticate(tried), null, `not good: ${tried.length} characters`)
  }
})

t.test('what is taken out of the file is good no more; a broken file lets nobody in', async (t) => {
  const data = t.testdir({})
  const tokens = new PersonTokens({ data, clock: systemClock })
  const token = await tokens.add('ana@example.com')
  t.equal(tokens.authenticate(token), 'ana@example.com')
  const path = join(data, 'tokens.json')
  const good = readFileSync(path, 'utf8')
  writeFileSync(path, '{"version":1,"tokens":[{"person":"ana')
  t.equal(tokens.authenticate(token), null)
  t.match(tokens.trouble, 'tokens.json')
  writeFileSync(path, good)
  t.equal(tokens.authenticate(token), 'ana@example.com')
  t.equal(tokens.trouble, null)
  writeFileSync(path, '{"version":1,"tokens":[]}')
  t.equal(tokens.authenticate(token), null)
})

t.test('tokens that are made at the same moment are all kept', async (t) => {
  const data = t.testdir({})
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      new PersonTokens({ data, clock: systemClock }).add(`p${at}@example.com`),
    ),
  )
  const tokens = new PersonTokens({ data, clock: systemClock })
  t.same(
    made.map((token) => tokens.authenticate(token)),
    made.map((_, at) => `p${at}@example.com`),
  )
})

t.test('a file that can not be written is an error, not a token', async (t) => {
  const data = t.testdir({})
  writeFileSync(join(data, 'tokens.json'), 'not json')
  chmodSync(data, 0o700)
  await t.rejects(new PersonTokens({ data, clock: systemClock }).add('ana@example.com'))
})
