// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the file are written so

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { configJsonSchema } from '../../src/config/schema.ts'
import { parseUpstream } from '../../src/config/upstream-url.ts'
import { parseAddress, parseDuration, parseSize } from '../../src/config/values.ts'
import { projectRoot } from '../support/project-root.ts'

const fixture = (name: string) => readFileSync(join(projectRoot, 'fixtures/config', name), 'utf8')

const env = {
  SHOP_PASSWORD: 'p@ss/w#rd%',
  BLOG_PASSWORD: 'blog-secret',
  OIDC_SECRET: 'oidc-secret',
  SLACK_APP_TOKEN: 'xapp-1',
  SLACK_BOT_TOKEN: 'xoxb-1',
  SLACK_SIGNING_SECRET: 'sign',
  TEAMS_APP_ID: 'a',
  TEAMS_APP_SECRET: 'b',
  TEAMS_TENANT: 'c',
  WEBHOOK_SECRET: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
}

function parse(text: string, path = '/etc/countersign/countersign.yaml') {
  return parseConfig(text, { path, env })
}

function accepted(t: Test, text: string): Config {
  const result = parse(text)
  if (!result.ok) {
    t.same(result.problems, [])
    throw new Error('the text was refused')
  }
  return result.config
}

function problemsOf(text: string): readonly string[] {
  const result = parse(text)
  return result.ok ? [] : result.problems
}

t.test('reads every key of the contract', async (t) => {
  const config = accepted(t, fixture('every-key.yaml'))
  t.match(config.listen, {
    postgres: { host: '127.0.0.1', port: 6432 },
    control: { host: '127.0.0.1', port: 6480 },
    publicUrl: 'https://countersign.example.com',
    tls: {
      cert: '/etc/countersign/tls/server.crt',
      require: true,
      clientCa: '/etc/countersign/tls/agents-ca.crt',
    },
    maxConnections: 10_000,
    maxMessage: 64 * 1024 * 1024,
    deadlines: { login: 10_000, idle: 0, write: 60_000 },
  })
  t.equal(config.data, '/etc/countersign/countersign-data')
  t.equal(
    config.databases.get('shop')?.upstream,
    'postgres://app:p%40ss%2Fw%23rd%25@10.0.0.5:5432/shop?sslmode=verify-full',
    'a password from the environment may hold any character',
  )
  t.equal(config.databases.get('shop')?.classified['*.*.salary'], 'hr.salary')
  t.same(config.masks, {
    'pii.email': { mask: 'partial', keepLast: null },
    pci: { mask: 'partial', keepLast: 4 },
    pii: { mask: 'redact', keepLast: null },
    'hr.salary': { mask: 'zero', keepLast: null },
  })
  t.match(config.agents.get('billing-bot'), {
    owners: ['ana@example.com'],
    credential: '/etc/countersign/agents/billing-bot.json',
    hold: { postgres: 25_000, mysql: 25_000 },
    networks: ['10.0.0.0/8'],
    expires: Date.UTC(2027, 0, 1),
  })
  t.match(config.rules[0], {
    name: 'migrations-by-two',
    when: { effect: ['ddl'], database: ['shop'] },
    // biome-ignore lint/suspicious/noThenProperty: the contract's field
    then: { kind: 'approve', by: ['dba'], count: 2, hold: 25_000, expires: 1_800_000 },
  })
  t.same(
    config.rules.map((rule) => rule.name),
    [
      'migrations-by-two',
      'no-roles-ever',
      'exports-need-the-data-owner',
      'small-writes-pass',
      'support-sees-emails',
      'deployments',
      'the-rest',
    ],
  )
  t.match(config.slack, {
    connect: { by: 'http', signingSecret: 'sign' },
    ...{ channel: 'C0123456', team: 'T0123456', emailMatch: false, text: 'full' },
  })
  t.match(config.audit, { mode: 'strict', checkpoint: { everyMs: 60_000 } })
  t.match(config.hash, /^[0-9a-f]{64}$/)
})

t.test(
  'names every key that it does not act on, and tells which would loosen something',
  async (t) => {
    const { unsupported } = accepted(t, fixture('every-key.yaml'))
    const paths = (sentences: readonly string[]) =>
      sentences.map((sentence) => sentence.split(': ')[0]).sort()
    t.same(paths(unsupported), ['audit.sinks'])
    const parsed = parse(fixture('every-key.yaml'))
    t.same(
      (parsed.ok ? parsed.warnings : []).filter((each) => /this version/.test(each)),
      [],
    )
    const more = accepted(
      t,
      `listen: { workers: 2 }
store: postgres://a:b@h/d`,
    )
    t.equal(more.unsupported.length, 2)
    t.same(accepted(t, '').unsupported, [])
  },
)

t.test('a provider is asked over TLS only, and an account is of one person', async (t) => {
  const oidc = (issuer: string) => `oidc: { issuer: "${issuer}", client_id: c, groups_claim: g }`
  const good = accepted(t, oidc('https://id.example.com/tenant'))
  t.same(good.oidc, {
    issuer: 'https://id.example.com/tenant',
    ...{ clientId: 'c', clientSecret: null, groupsClaim: 'g' },
  })
  for (const issuer of [
    ...['http://id.example.com', 'https://u:p@id.example.com', 'https://id.example.com/?a=b', 'id'],
  ]) {
    t.match(
      parse(oidc(issuer)),
      { ok: false, problems: [/^oidc.issuer: is not an issuer/] },
      issuer,
    )
  }
  const twice = `people: { a@example.com: { oidc: s }, b@example.com: { oidc: s } }`
  t.match(parse(twice), { problems: [/b@example.com.*oidc: is already the id of a@example.com/] })
  t.match(parse(`${oidc('https://id.example.com')}\nlisten: { control: null }`), {
    problems: [/^oidc: needs listen.control/],
  })
  const rule = (stepUp: string) =>
    `rules: [{ name: r, when: {}, then: { approve: { by: [dba], step_up: ${stepUp} } } }]`
  t.match(accepted(t, rule('5m')).rules[0]?.then, { stepUpMs: 300_000 })
  t.match(parse(rule('0')), { ok: false })
})

t.test('Slack comes by a socket or by HTTP, and e-mail addresses need a workspace', async (t) => {
  const slack = (more: string, listen = '') =>
    `${listen}\nchannels: { slack: { bot_token: b, channel: c, ${more} } }`
  const config = accepted(t, slack('app_token: a, team: T1, email_match: true, text: redacted'))
  t.match(config.slack, {
    connect: { by: 'socket', appToken: 'a' },
    ...{ emailMatch: true, text: 'redacted' },
  })
  const both = parse(slack('app_token: a, signing_secret: s'))
  t.match(both.ok && both.warnings.join(), /app_token: is not used: signing_secret means HTTP/)
  const problems = (text: string) => {
    const result = parse(text)
    return result.ok ? [] : result.problems
  }
  t.match(problems(slack('app_token: a, email_match: true')), [/channels\.slack\.team: is missing/])
  t.match(problems(slack('signing_secret: s', 'listen: { control: null }')), [
    /signing_secret: needs listen\.control/,
  ])
  t.match(problems(slack('signing_secret: ""')), [/signing_secret: is empty/])
  t.same(accepted(t, 'regulations: { pii: "GDPR Art. 4(1)" }').regulations, {
    pii: 'GDPR Art. 4(1)',
  })
  t.match(problems(`regulations: { pii: "${'x'.repeat(81)}" }`), [/regulations\.pii: is too long/])
})

t.test('what is called is called in private, and a webhook has a secret', async (t) => {
  const secret = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE='
  const webhook = (url: string, more = `, secret: ${secret}`) =>
    `channels: { webhooks: [{ url: "${url}"${more} }] }`
  const good = accepted(t, webhook('https://hooks.example.com/in'))
  t.same(good.webhooks, [{ url: 'https://hooks.example.com/in', secret }])
  accepted(t, webhook('http://127.0.0.1:8080/in'))
  const urls = [
    'http://hooks.example.com',
    'https://a:b@h',
    'ftp://h',
    'http://127.0.0.1.example.com',
    'x',
  ]
  for (const url of urls) t.match(problemsOf(webhook(url)).join(), /webhooks\[0\]\.url: /, url)
  t.match(problemsOf(webhook('https://h', '')).join(), /secret: is missing/)
  t.match(problemsOf(webhook('https://h', ', secret: ""')).join(), /secret/)
  const weak = parse(webhook('https://h', ', secret: hunter2!'))
  t.match(weak.ok && weak.warnings.join(), /is not base64.*is short/)
  t.notMatch(weak.ok && weak.warnings.join(), /hunter2/)
  const teams = (keys: string) => `channels: { teams: { ${keys} } }`
  const flow = 'https://flow.example.com/x'
  t.equal(accepted(t, teams(`workflow_url: ${flow}`)).teamsWorkflow, flow)
  t.match(problemsOf(teams('')).join(), /takes workflow_url/)
  t.match(problemsOf(teams('app_id: a')).join(), /takes workflow_url/)
  t.match(problemsOf(teams('workflow_url: http://flow.example.com')).join(), /https/)
})

t.test('a bot in Teams has all of its keys, and a door that is not open', async (t) => {
  const [one, two] = [
    '8f2c1c5e-0000-4000-8000-0000000000aB',
    '7e9a0000-0000-4000-8000-0000000000c0',
  ]
  const bot = (more = '', conversation = '19:abc@thread.tacv2') =>
    `channels: { teams: { app_id: a, app_secret: b, tenant: ${two}, conversation: "${conversation}" } }\n${more}`
  t.same(accepted(t, bot()).teams, {
    ...{ appId: 'a', appSecret: 'b', tenant: two, conversation: '19:abc@thread.tacv2' },
    text: 'full',
  })
  const people = (last: string) =>
    `people: { ana@example.com: { teams: ${one} }, bo@example.com: { teams: ${last} } }`
  t.equal(
    accepted(t, bot(people(two ?? ''))).people.get('ana@example.com')?.teams,
    one?.toLowerCase(),
  )
  t.match(problemsOf(bot(people(one?.toUpperCase() ?? ''))).join(), /already the id of ana@/)
  t.match(problemsOf(bot('listen: { control: null }')).join(), /needs listen.control/)
  for (const conversation of ['19:a/../../x', 'a?b', 'a;messageid=1', 'a b', '']) {
    t.match(problemsOf(bot('', conversation)).join(), /channels\.teams/, conversation)
  }
  const odd = parse(bot(people('bo')).replace(two ?? '', 'example.com'))
  t.match(odd.ok && odd.warnings.join(), /tenant: is not a tenant's id.*bo@.*Entra object id/)
  const name = 'DANGEROUSLY_ALLOW_UNAUTHENTICATED_REQUESTS'
  for (const value of ['true', 'false', '']) {
    const parsed = parseConfig(bot(), { path: '/x.yaml', env: { [name]: value } })
    t.match(parsed.ok ? '' : parsed.problems.join(), `take ${name} out of the environment`)
  }
  t.equal(parseConfig('', { path: '/x.yaml', env: { [name]: 'true' } }).ok, true)
})

t.test('a second group has its time, before the request is over', async (t) => {
  const rule = (approve: string) =>
    `people: { ana@example.com: { groups: [dba, approvers] } }
rules: [{ name: a, then: { approve: { by: dba, ${approve} } } }]`
  const [made] = accepted(t, rule('escalate_to: [leads, dba], after: 10m')).rules
  t.match(made?.then, { escalate: { to: ['leads', 'dba'], afterMs: 600_000 } })
  const warned = parse(rule('escalate_to: leads, after: 10m'))
  t.match(warned.ok && warned.warnings.join(), /escalate_to: nobody of people: .* leads/)
  t.match(problemsOf(rule('escalate_to: leads')).join(), /after: is missing/)
  t.match(problemsOf(rule('after: 10m')).join(), /escalate_to: is missing/)
  t.match(problemsOf(rule('escalate_to: leads, after: 30m')).join(), /is not before the request/)
  t.match(problemsOf(rule('escalate_to: leads, after: 5m, expires: 5m')).join(), /is not before/)
})

t.test('a rule of actions says nothing of statements', async (t) => {
  const rule = (when: string, then: string) =>
    `rules: [{ name: a, when: { ${when} }, then: ${then} }]`
  t.match(accepted(t, rule('action: [model.*, job.run], agent: bot', 'deny')).rules, [
    { when: { action: ['model.*', 'job.run'], agent: ['bot'] } },
  ])
  const wrong = [
    ['action: model.*, database: shop, effect: ddl', 'deny', /agent, group and hours only/],
    ['action: Model.Deploy', 'deny', /is not an action/],
    ['action: []', 'deny', /./],
    ['action: a', '{ unmask: pii.email }', /says nothing of an action/],
    ['action: a', '{ allow: { max_rows: 3 } }', /an action has no rows/],
  ] as const
  for (const [when, then, problem] of wrong) t.match(problemsOf(rule(when, then)).join(), problem)
})

t.test('has a default for all that is left out', async (t) => {
  const config = accepted(t, '')
  t.match(config, {
    listen: { postgres: null, mysql: null, tls: null, control: { port: 6480 } },
    mode: 'enforce',
    slack: null,
    rules: [],
    audit: { mode: 'strict', sql: 'redacted', checkpoint: { everyMs: 60_000, key: null } },
  })
  t.same(accepted(t, 'agents:\nrules:\n').rules, [], 'blocks whose lines are commented out')
  t.equal(accepted(t, 'listen: { control: null }').listen.control, null)
  t.equal(accepted(t, 'listen: { tls: { cert: a, key: b } }').listen.tls?.require, true)
  t.match(accepted(t, 'masks: { pii: null, pci: { mask: null } }').masks, {
    pii: { mask: 'null' },
    pci: { mask: 'null' },
  })
  t.equal(accepted(t, 'listen: { max_connections: "12" }').listen.maxConnections, 12)
})

t.test('reports all that is wrong at once, with the path and what to do', async (t) => {
  const problems = problemsOf(fixture('wrong.yaml'))
  const expected = [
    /^listen\.postgress: unknown key; did you mean postgres\?$/,
    /^listen\.control: is not an address; write it like 127\.0\.0\.1:6432/,
    /^listen\.deadlines\.login: is not a duration/,
    /^listen\.max_message: is not a size/,
    /^listen\.max_connections: is not a whole number from 1/,
    /^databases\.shop\.upstream: the environment variable NOT_SET is not set/,
    /^databases\.shop\.classified\.email: the key is not a column/,
    /^databases\.blog\.upstream: is missing; expected a text/,
    /^databases\.odd\.upstream: is not a database URL/,
    /^masks\.pii: is not a mask; write one of redact/,
    /^people\.ana: the key is not an e-mail address/,
    /^people\."bo@example\.com"\.slack: is already the id of/,
    /^agents\.bot\.databases: warehouse is not one of databases:/,
    /^agents\.bot\.expires: is not a date/,
    /^agents\.bot\.networks: 10\.0\.0\.0\/40 is not a CIDR block/,
    /^agents\.bot\.owner: unknown key; did you mean owners\?$/,
    /^agents\.bot\.owners: is missing|^agents\.bot\.owners: is neither/,
    /^rules\[0\]\.when\.efect: unknown key; did you mean effect\?$/,
    /^rules\[0\]\.then: must hold exactly one of allow, deny, approve, unmask$/,
    /^rules\[1\]\.name: first is already the name of rules\[0\]$/,
    /^rules\[1\]\.when\.effect: is not an effect; write one of read/,
    /^rules\[1\]\.when\.hours: is not a time of day/,
    /^rules\[1\]\.then\.approve\.by: names nothing|^rules\[1\]\.then\.approve\.by: is neither/,
    /^channels\.slack\.app_token: is missing/,
  ]
  for (const pattern of expected) {
    t.ok(
      problems.some((problem) => pattern.test(problem)),
      String(pattern),
    )
  }
  t.equal(problems.length, expected.length, problems.join('\n'))
})

t.test('warns of names that lead to nobody', async (t) => {
  const result = parse(`
people: { ana@example.com: { groups: [dba] } }
databases: { shop: { upstream: postgres://a:b@h/d } }
agents: { bot: { owners: [cy@example.com, dba], databases: shop } }
rules: [{ name: r, then: { approve: { by: [nobody, dba] } } }]`)
  t.match(result, { ok: true })
  if (!result.ok) return
  t.match(result.warnings, [
    /^agents\.bot\.owners: cy@example\.com is neither/,
    /^rules\[0\]\.then\.approve\.by: nobody of people: is in the group nobody/,
    /approvers/,
  ])
  t.equal(result.warnings.length, 3)
})

t.test(
  'warns of a database behind a door that is closed, and keeps SHA-1 inside TLS',
  async (t) => {
    const result = parse(`
listen: { mysql: 127.0.0.1:0 }
databases: { shop: { upstream: postgres://a:b@h/d }, blog: { upstream: mysql://a:b@h/d } }`)
    t.same(
      (result.ok ? result.warnings : []).filter((text) => text.startsWith('databases')),
      ['databases.shop.upstream: nobody can connect to it without listen.postgres'],
    )
    const native = parse('listen: { mysql: 127.0.0.1:0, mysql_native_password: true }')
    t.match(native, { ok: false, problems: [/^listen\.mysql_native_password: needs listen\.tls/] })
    const inTls = 'listen: { mysql_native_password: true, tls: { cert: a, key: b } }'
    t.equal(accepted(t, inTls).listen.mysqlNativePassword, true)
  },
)

t.test('never repeats a secret, whatever is wrong with it', async (t) => {
  const secret = 'hunter2-secret'
  const texts = [
    `databases: { shop: { upstream: "postgres://app:${secret}@/x" } }`,
    `databases: { shop: { upstream: "redis://app:${secret}@h/x" } }`,
    `databases: { shop: { upstream: ["${secret}"] } }`,
    `databases: { shop: { upstream: "postgres://app:${secret}%zz@h/x" } }`,
    `channels: { slack: { bot_token: "${secret}", channel: [1], text: "${secret}" } }`,
    `listen: { postgres: "${secret}", deadlines: { login: "${secret}" } }`,
    `oidc: { issuer: "${secret}", client_secret: { a: "${secret}" } }`,
    `a: "${secret}" "${secret}"`,
    `a: *${secret}`,
    `"${secret}: [`,
    `a:\n\t- ${secret}`,
    `databases: { shop: { upstream: "\${file:${'/nowhere'}}${secret}" } }`,
  ]
  for (const text of texts) {
    const problems = problemsOf(text)
    t.ok(problems.length > 0, text)
    t.notMatch(problems.join('\n'), secret, text)
  }
  const fromEnv = parseConfig(
    'listen: { postgres: "${P}", tls: { cert: a, key: b, require: "${P}" } }',
    {
      path: 'c.yaml',
      env: { P: secret },
    },
  )
  t.notMatch(JSON.stringify(fromEnv), secret)
})

t.test('fills in files and the environment, and nothing else', async (t) => {
  const folder = t.testdir({ 'password.txt': 'from a file\n' })
  const source = { path: join(folder, 'c.yaml'), env: { A: '${B}', B: 'b' } }
  const read = (upstream: string) =>
    parseConfig(`databases: { d: { upstream: '${upstream}' } }`, source)
  const good = read('postgres://u:${file:password.txt}@h/d?application_name=${A}')
  t.ok(good.ok)
  if (good.ok) {
    t.equal(
      good.config.databases.get('d')?.upstream,
      'postgres://u:from%20a%20file@h/d?application_name=${B}',
      'what comes in is not read again for references',
    )
  }
  writeFileSync(join(folder, 'large'), Buffer.alloc(70_000, 'x'))
  t.match(read('postgres://u:${file:large}@h/d'), { problems: [/larger than 64 KiB/] })
  t.match(read('postgres://u:${file:gone}@h/d'), { problems: [/gone can't be read/] })
  t.match(read('postgres://u:${no way}@h/d'), { problems: [/is neither/] })
})

t.test('refuses files that are made to hurt', async (t) => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (const [now, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf'].map((pair) => [...pair])) {
    bomb.push(`${now}: &${now} [${Array(9).fill(`*${before}`).join(',')}]`)
  }
  t.match(problemsOf(bomb.join('\n')), [/aliases/])
  t.match(problemsOf('x'.repeat(1024 * 1024 + 1)), [/larger than 1 MiB/])
  t.match(problemsOf('mode: enforce\nmode: shadow'), [/^line 2, column 1: this key is there twice/])
  t.match(problemsOf('__proto__: { mode: shadow }'), [/__proto__: unknown key/])
  t.match(problemsOf('constructor: 1'), [/constructor: unknown key/])
  t.match(problemsOf('people: { ana@example.com: {}, Ana@Example.com: {} }'), [
    /is the same person as ana@example\.com/,
  ])
  t.match(problemsOf('listen: { deadlines: { idle: 30d } }'), [/at most 24 days/])
  t.match(problemsOf('- 1'), [/the file: has the wrong type; expected a block of keys/])
  t.match(
    problemsOf(
      'store: postgres://s:t@h/d\ndatabases: { d: { upstream: postgres://u:v@h:5432/d } }',
    ),
    [/is the store: of the approvals/],
  )
})

t.test('reads durations, sizes, addresses and upstreams', async (t) => {
  for (const [text, ms] of [
    ['25s', 25_000],
    ['30m', 1_800_000],
    ['0', 0],
    ['1.5h', 5_400_000],
    ['250ms', 250],
  ] as const) {
    t.equal(parseDuration(text), ms, text)
  }
  for (const text of ['', '25', '-1s', '1e3s', '25 days']) t.equal(parseDuration(text), null, text)
  t.equal(parseSize('64MiB'), 67_108_864)
  t.equal(parseSize('10'), 10)
  for (const text of ['64MB', '-1', 'x', '99999999999GiB']) t.equal(parseSize(text), null, text)
  t.same(parseAddress('[::1]:0'), { host: '::1', port: 0 })
  for (const text of ['1234', 'a:b', ':80', 'h:65536', '::1:80'])
    t.equal(parseAddress(text), null, text)
  t.match(parseUpstream('postgresql://u:p%40@%2Frun%2Fpg:6000/d?sslmode=require'), {
    system: 'postgresql',
    user: 'u',
    password: 'p@',
    host: '/run/pg',
    port: 6000,
    database: 'd',
    options: { sslmode: 'require' },
  })
  t.match(parseUpstream('postgres://u:p@[::1]/d'), { host: '::1', port: 5432 })
  for (const text of ['x', 'http://h', 'postgres://h/d', 'postgres://u@h', 'postgres://u:%@h/d']) {
    t.match(parseUpstream(text), { problem: String }, text)
  }
})

t.test('offers its schema to editors', async (t) => {
  const schema = JSON.parse(JSON.stringify(configJsonSchema()))
  t.match(schema.$schema, /json-schema\.org/)
  t.match(schema.properties.agents.additionalProperties.required, ['owners', 'databases'])
  t.equal(schema.properties.listen.properties.postgres !== undefined, true)
  t.equal(schema.additionalProperties, false)
})

t.test('reads what a rule does in one word', async (t) => {
  const text = (word: string) => `
databases: { shop: { upstream: postgres://a:b@h/d } }
rules: [{ name: all, when: {}, then: ${word} }]`
  const then = (word: string) => accepted(t, text(word)).rules[0]?.then
  t.match(then('allow'), { kind: 'allow' })
  t.match(then('deny'), { kind: 'deny', reason: /forbid/ })
  t.match(then('approve'), { kind: 'approve', by: ['approvers'], count: 1 })
  t.match(parse(text('alow')), { problems: [/^rules\[0\]\.then: is neither allow, deny or/] })
})

t.test(
  'believes no issuer that somebody else could answer for, and no token in clear',
  async (t) => {
    const file = (issuer: string, tls = 'tls: { cert: c, key: k }') => `
listen: { ${tls} }
databases: { shop: { upstream: postgres://a:b@h/d } }
agents:
  bot:
    owners: [ana@example.com]
    databases: [shop]
    jwt: { issuer: ${issuer}, audience: countersign, subject: bot }
people: { ana@example.com: { groups: [dba] } }
`
    for (const good of [
      'https://id.example.com',
      'https://id.example.com/a/',
      'http://127.0.0.1:1',
    ]) {
      const config = accepted(t, file(good))
      t.equal(config.agents.get('bot')?.jwt?.issuer, good)
    }
    for (const bad of [
      'http://id.example.com',
      'http://localhost.example.com',
      'https://id.example.com?x=1',
      'https://user@id.example.com',
      'ftp://127.0.0.1',
      'id.example.com',
    ]) {
      const parsed = parse(file(bad))
      t.match(parsed, { ok: false, problems: [/agents\.bot\.jwt\.issuer: is not an issuer/] }, bad)
    }
    t.match(parse(file('https://id.example.com', '')), {
      ok: false,
      problems: [/agents\.bot\.jwt: needs listen\.tls/],
    })
  },
)

t.test('asks for certificates of a CA, by a name that can be read one way only', async (t) => {
  const file = (name: string, ca = 'client_ca: ./ca.crt') => `
listen: { tls: { cert: c, key: k, ${ca} } }
databases: { shop: { upstream: postgres://a:b@h/d } }
agents:
  bot:
    owners: [ana@example.com]
    databases: [shop]
    certificate: { subject_alt_name: "${name}" }
people: { ana@example.com: { groups: [dba] } }
`
  const good = 'URI:spiffe://example.com/bot'
  const config = accepted(t, file(good))
  t.equal(config.agents.get('bot')?.certificate, good)
  t.match(config.listen.tls?.clientCa, /ca\.crt$/)
  for (const bad of ['spiffe://example.com/bot', 'CN:bot', 'URI:', 'URI:a, DNS:b', 'DNS:a b']) {
    t.match(parse(file(bad)), { ok: false, problems: [/is no name of a certificate/] }, bad)
  }
  t.match(parse(file(good, '')), { ok: false, problems: [/needs listen\.tls\.client_ca/] })
})
