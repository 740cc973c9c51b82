import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { registerCheck } from '../../src/cli/check.ts'
import { registerSchema } from '../../src/cli/schema.ts'
import { FakeIssuer } from '../support/fake-issuer.ts'
import { startPostgres } from '../support/postgres.ts'
import { ClientAuthority, writeCertificate } from '../support/postgres-certificate.ts'
import { runCommand } from './command.ts'

t.test('says all that is wrong at once', async (t) => {
  const server = await startPostgres(t, {
    schema: `CREATE TABLE customers (id int, email text);
      CREATE TABLE owned (id int, secret text); ALTER TABLE owned OWNER TO app`,
  })
  const folder = t.testdir({ 'bad.json': 'hunter2' })
  const path = join(folder, 'c.yaml')
  const run = async (text: string, ...args: string[]) => {
    writeFileSync(path, text)
    return runCommand(registerCheck, ['check', '--config', path, ...args], { P: 'app-password' })
  }
  const upstream = `postgres://app:\${P}@127.0.0.1:${server.port}/shop`
  const people = 'people: { ana@example.com: { groups: [approvers] } }'

  const good = await run(`databases: { shop: { upstream: "${upstream}" } }\n${people}`)
  t.same(good, { code: 0, out: `${path}: 0 problems, 0 warnings\n`, err: '' })

  const warned = await run(
    `databases:
  shop:
    upstream: "${upstream}"
    classified: { public.customers.email: pii.email, public.customer.email: pii.email, "*.owned.secret": pii.x }
agents:
  gone: { owners: [nobody], databases: [shop], expires: 2020-01-01 }
  bad: { owners: [ana@example.com], databases: [shop], credential: ./bad.json }
  new: { owners: [ana@example.com], databases: [shop], credential: ./new.json }
${people}`,
    '--json',
  )
  t.equal(warned.code, 0)
  const report = JSON.parse(warned.out)
  t.match(report, { ok: true, problems: [] })
  const expected = [
    /^agents\.gone\.owners: nobody is neither/,
    /^agents\.gone: has expired/,
    /^agents\.gone: has no credential:/,
    /^agents\.bad: .*bad\.json: this is not JSON/,
    /^agents\.new: has no secret yet/,
    /^databases\.shop: The role app owns classified tables.*public\.owned/,
    /^databases\.shop: no column is called public\.customer\.email/,
  ]
  for (const pattern of expected) {
    t.ok(
      report.warnings.some((warning: string) => pattern.test(warning)),
      String(pattern),
    )
  }
  t.equal(report.warnings.length, expected.length, warned.out)

  const superuser = server.superuserUrl
  const broken = await run(`
listen: { postgres: 127.0.0.1:0, tls: { cert: no.crt, key: no.key } }
databases:
  nobody: { upstream: postgres://nobody:hunter2@127.0.0.1:${server.port}/shop }
  nowhere: { upstream: postgres://app:hunter2@127.0.0.1:1/shop }
  odd: { upstream: "postgres://app:hunter2@127.0.0.1:1/shop?sslmode=maybe" }
  plain: { upstream: "${superuser}?sslmode=require" }
  root: { upstream: "${superuser}" }
${people}`)
  t.equal(broken.code, 1)
  for (const line of [
    /^problem {2}listen\.tls: .*no\.crt/m,
    /^problem {2}databases\.nobody\.upstream: 127\.0\.0\.1:\d+\/shop can't be reached as nobody: /m,
    /^problem {2}databases\.nowhere\.upstream: .*ECONNREFUSED/m,
    /^problem {2}databases\.odd\.upstream: .*sslmode=maybe/m,
    /^problem {2}databases\.plain\.upstream: .*SSL/m,
    /^warning {2}databases\.root: The role postgres is a superuser/m,
    /: 5 problems, 1 warning$/m,
  ]) {
    t.match(broken.out, line)
  }
  t.notMatch(broken.out, /hunter2/)

  t.match(await run('modes: 1'), {
    code: 1,
    out: /^problem {2}modes: unknown key; did you mean mode\?/,
  })
  t.match(await run(`databases: { shop: { upstream: "${upstream}" } }`, '--help'), {
    code: 0,
    out: /Exit codes: 0 no problem/,
  })
})

t.test('tells a certificate from a key of another', async (t) => {
  const folder = t.testdir({})
  const file = (name: string) => join(folder, name)
  for (const name of ['a', 'b']) writeCertificate(folder, name)
  const run = (key: string) => {
    writeFileSync(file('c.yaml'), `listen: { tls: { cert: a.crt, key: ${key} } }`)
    return runCommand(registerCheck, ['check', '--config', file('c.yaml')])
  }
  t.match(await run('a.key'), { code: 0 })
  t.match(await run('b.key'), { code: 1, out: /the key is not of the certificate/ })
})

t.test('asks the issuers of tokens for their keys', async (t) => {
  const folder = t.testdir({ 'ca.crt': new ClientAuthority().certificate })
  writeCertificate(folder, 'a')
  const issuer = await FakeIssuer.start(t)
  const run = (url: string, ca = 'ca.crt') => {
    writeFileSync(
      join(folder, 'c.yaml'),
      `listen: { tls: { cert: a.crt, key: a.key, client_ca: ${ca} } }
databases: { shop: { upstream: "postgres://a:b@127.0.0.1:1/x" } }
agents:
  pipeline:
    owners: [ana@example.com]
    databases: [shop]
    jwt: { issuer: "${url}", audience: countersign, subject: bot }
    certificate: { subject_alt_name: "DNS:bot" }
people: { ana@example.com: { groups: [approvers] } }`,
    )
    return runCommand(registerCheck, ['check', '--config', join(folder, 'c.yaml'), '--json'])
  }
  const warnings = async (url: string) => JSON.parse((await run(url)).out).warnings
  t.same(await warnings(issuer.url), [], 'no secret is missed where a token does')
  t.match(await warnings('http://127.0.0.1:2'), [/jwt\.issuer http:\/\/127\.0\.0\.1:2: /])
  issuer.meddle = (_path, answer) => {
    answer.end('{}')
    return true
  }
  t.match(await warnings(issuer.url), [/names no keys/])
  t.match(JSON.parse((await run(issuer.url, 'a.key')).out).problems[0], /^listen\.tls: /)
})

t.test('reaches a database over TLS that it can verify', async (t) => {
  const folder = t.testdir({})
  const tls = writeCertificate(folder)
  const server = await startPostgres(t, { tls })
  const run = (suffix: string) => {
    const upstream = `postgres://app:app-password@localhost:${server.port}/shop?${suffix}`
    writeFileSync(join(folder, 'c.yaml'), `databases: { shop: { upstream: "${upstream}" } }`)
    return runCommand(registerCheck, ['check', '--config', join(folder, 'c.yaml')])
  }
  t.match(await run(`sslmode=verify-full&sslrootcert=${tls.cert}`), { code: 0 })
  t.match(await run('sslmode=require'), { code: 0 })
  t.match(await run('sslmode=verify-full'), { code: 1, out: /self-signed certificate/ })
})

t.test('prints the schema', async (t) => {
  const ran = await runCommand(registerSchema, ['schema'])
  t.equal(ran.code, 0)
  t.match(JSON.parse(ran.out), { type: 'object', properties: { rules: {}, listen: {} } })
})
