import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { credentialFor, newSecret, rotated, validSecrets } from '../../src/identity/credential.ts'
import { writeCredential, writeRevoked } from '../../src/identity/credential-file.ts'
import { Credentials } from '../../src/identity/credentials.ts'
import {
  formatVerifier,
  makeVerifier,
  mockVerifier,
  parseVerifier,
} from '../../src/identity/scram-verifier.ts'
import { startPostgres, withClient } from '../support/postgres.ts'

const who = { agent: 'bot', createdAt: '2026-01-02T03:04:05.000Z', createdBy: 'ana@example.com' }

t.test('makes verifiers that PostgreSQL itself takes for the password', async (t) => {
  const server = await startPostgres(t)
  const secret = newSecret()
  t.match(secret, /^[A-Za-z0-9_-]{32}$/)
  await server.query(`ALTER ROLE app PASSWORD '${formatVerifier(makeVerifier(secret))}'`)
  const url = (password: string) => server.url.replace('app-password', password)
  const { rows } = await withClient(url(secret), (client) => client.query('SELECT current_user'))
  t.match(rows, [{ current_user: 'app' }])
  await t.rejects(
    withClient(url(newSecret()), async () => {}),
    { code: '28P01' },
  )

  const [{ rolpassword } = { rolpassword: '' }] = (
    await server.query(`SELECT rolpassword FROM pg_authid WHERE rolname = 'app'`)
  ).rows
  const parsed = parseVerifier(rolpassword)
  t.equal(parsed && formatVerifier(parsed), rolpassword, 'and reads what PostgreSQL keeps')
})

t.test('takes nothing for a verifier that is not one', async (t) => {
  const good = formatVerifier(makeVerifier('x'))
  t.ok(parseVerifier(good))
  const key = Buffer.alloc(32).toString('base64')
  for (const text of [
    '',
    'secret',
    good.slice(0, -4),
    `${good}x!`,
    good.replace('SHA-256', 'SHA-1'),
    `SCRAM-SHA-256$1:AAAA$${key}:${key}`,
    `SCRAM-SHA-256$99999999:AAAA$${key}:${key}`,
    `SCRAM-SHA-256$4096:$${key}:${key}`,
    `SCRAM-SHA-256$4096:AAAA$AAAA:${key}`,
    `md5${'0'.repeat(32)}`,
  ]) {
    t.equal(parseVerifier(text), null, text)
  }
  for (const password of ['', 'é', 'a\nb']) t.throws(() => makeVerifier(password), /ASCII/)
})

t.test('answers for names that nobody has as for those that somebody has', async (t) => {
  const secret = Buffer.alloc(32, 1)
  const mock = mockVerifier('nobody', secret)
  t.same(mock, mockVerifier('nobody', secret), 'the salt stays from try to try')
  t.notSame(mock.salt, mockVerifier('noone', secret).salt)
  t.notSame(mock.salt, mockVerifier('nobody', Buffer.alloc(32, 2)).salt)
  const real = makeVerifier('x')
  t.same([mock.salt.length, mock.iterations], [real.salt.length, real.iterations])
})

t.test('keeps no secret, for nobody else, and whole or not at all', async (t) => {
  const path = join(t.testdir({}), 'agents', 'bot.json')
  const secret = newSecret()
  await writeCredential(path, credentialFor(who, secret))
  const text = readFileSync(path, 'utf8')
  t.notMatch(text, secret)
  t.match(JSON.parse(text), {
    agent: 'bot',
    created_by: 'ana@example.com',
    scram: /^SCRAM-SHA-256\$4096:/,
  })
  const twice = createHash('sha256').update(createHash('sha256').update(secret).digest())
  t.equal(JSON.parse(text).mysql, twice.digest('hex'))
  t.equal(statSync(path).mode & 0o777, 0o600)
  await Promise.all([1, 2, 3].map(() => writeCredential(path, credentialFor(who, newSecret()))))
  t.same(readdirSync(join(path, '..')), ['bot.json'])
})

t.test('sees a new secret at once, and believes no other file', async (t) => {
  const path = join(t.testdir({}), 'bot.json')
  const credentials = new Credentials()
  t.equal(credentials.find('bot', path), null)
  t.equal(credentials.trouble('bot', path), null, 'a file that is not there yet is no trouble')
  await writeCredential(path, credentialFor(who, 'first'))
  const first = credentials.find('bot', path)
  t.match(first, { agent: 'bot', createdBy: 'ana@example.com' })
  t.equal(credentials.find('bot', path), first, 'read once while it stays the same')
  await writeCredential(path, credentialFor(who, 'second'))
  t.notSame(credentials.find('bot', path)?.scram, first?.scram)

  t.equal(credentials.find('other', path), null, "an agent can't use another's")
  t.match(credentials.trouble('other', path), /belongs to the agent bot/)
  writeFileSync(path, '{"agent":"bot","scram":"hunter2"}')
  t.equal(credentials.find('bot', path), null)
  t.match(credentials.trouble('bot', path), /this is not a credential/)
  writeFileSync(path, 'hunter2')
  t.match(credentials.trouble('bot', path), /this is not JSON$/)
  t.match(credentials.trouble('bot', join(path, '..')), /EISDIR/)
})

t.test('keeps two secrets while one takes the place of the other, and of no more', async (t) => {
  const path = join(t.testdir({}), 'bot.json')
  const credentials = new Credentials()
  const until = Date.parse('2026-01-04T00:00:00.000Z')
  const making = { createdAt: '2026-01-03T00:00:00.000Z', createdBy: 'bo@example.com' }
  const first = credentialFor(who, 'first')
  await writeCredential(path, first)
  const today = readFileSync(path, 'utf8')
  t.notMatch(today, 'previous', 'a file of one secret is as it always was')

  const both = rotated(first, making, { secret: 'second', until })
  t.same(both.scram.salt, first.scram.salt, 'SCRAM shows one salt for both')
  t.notSame(both.scram.storedKey, first.scram.storedKey)
  await writeCredential(path, both)
  const found = credentials.find('bot', path)
  t.same(found, both)
  if (!found) return
  const makers = (now: number) => validSecrets(found, now).map(({ createdBy }) => createdBy)
  t.same(makers(until - 1), ['bo@example.com', 'ana@example.com'])
  t.same(makers(until), ['bo@example.com'], 'at the very moment it is over')
  const third = rotated(both, making, { secret: 'third', until })
  t.same(third.previous?.scram, both.scram, 'the first is dropped')

  const text = readFileSync(path, 'utf8')
  const other = formatVerifier(makeVerifier('first'))
  for (const wrong of [
    text.replace(formatVerifier(first.scram), other),
    text.replace('2026-01-04T00:00:00.000Z', 'never'),
    text.replace('2026-01-04T00:00:00.000Z', ''),
  ]) {
    t.not(wrong, text)
    writeFileSync(path, wrong)
    t.equal(credentials.find('bot', path), null)
    t.match(credentials.trouble('bot', path), /this is not a credential/)
  }
})

t.test('a revoked agent has nothing left, and is not somebody else', async (t) => {
  const path = join(t.testdir({}), 'bot.json')
  const credentials = new Credentials()
  await writeCredential(path, credentialFor(who, 'first'))
  t.equal(credentials.revoked('bot', path), false)
  await writeRevoked(path, 'bot', 0)
  t.equal(credentials.find('bot', path), null)
  t.equal(credentials.revoked('bot', path), true)
  t.equal(credentials.trouble('bot', path), null)
  t.equal(credentials.revoked('other', path), false)
  t.match(credentials.trouble('other', path), /belongs to the agent bot/)
  t.same(JSON.parse(readFileSync(path, 'utf8')), {
    agent: 'bot',
    revoked_at: '1970-01-01T00:00:00.000Z',
  })
  writeFileSync(path, JSON.stringify({ agent: 'bot', revoked_at: 'now', mysql: 'x' }))
  t.match(credentials.trouble('bot', path), /this is not a credential/)
})
