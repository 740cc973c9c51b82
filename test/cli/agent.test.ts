import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { registerAgent } from '../../src/cli/agent.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { Credentials } from '../../src/identity/credentials.ts'
import { ManualClock } from '../approval/fixtures.ts'
import { runCommand } from './command.ts'

const CONFIG = `# who may do what
listen:
  postgres: 0.0.0.0:6432     # for agents
databases:
  shop: { upstream: "postgres://a:\${PASSWORD}@h/d" }
  blog: { upstream: postgres://a:b@h/d }
people:
  ana@example.com: { groups: [dba] }
agents:
  listed:                    # has been here for long
    owners: [ana@example.com]
    databases: [shop, blog]
    credential: ./secrets/listed.json
  bare: { owners: [dba], databases: [shop] }   # without a file

rules: []   # none yet
`

function setUp(t: Test, text = CONFIG) {
  const folder = t.testdir({ 'countersign.yaml': text })
  const path = join(folder, 'countersign.yaml')
  const add = (...args: string[]) =>
    runCommand(registerAgent, ['agent', 'add', ...args, '--config', path], { PASSWORD: 'hunter2' })
  return { folder, path, add, text: () => readFileSync(path, 'utf8') }
}

t.test('gives an agent that is listed its secret and leaves the configuration alone', async (t) => {
  const { folder, add, text } = setUp(t)
  const args = ['listed', '--owner', 'ana@example.com', '--database', 'shop', '--json']
  const ran = await add(...args, '--created-by', 'bo@example.com')
  t.match(ran, { code: 0, err: '' })
  const made = JSON.parse(ran.out)
  t.same(made, {
    agent: 'listed',
    password: made.password,
    urls: ['shop', 'blog'].map(
      (name) => `postgres://listed:${made.password}@127.0.0.1:6432/${name}`,
    ),
  })
  t.equal(text(), CONFIG)
  const path = join(folder, 'secrets', 'listed.json')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.match(new Credentials().find('listed', path), { createdBy: 'bo@example.com' })

  const again = JSON.parse((await add(...args)).out)
  t.not(again.password, made.password, 'once more makes a new secret')
})

t.test('adds an agent that is new, to the letter', async (t) => {
  const { folder, add, text } = setUp(t)
  const ran = await add('new-bot', '--owner', 'ana@example.com', 'dba', '--database', 'shop')
  t.match(ran, { code: 0, out: /^postgres:\/\/new-bot:.{32}@127\.0\.0\.1:6432\/shop\n$/ })
  t.equal(
    text(),
    CONFIG.replace(
      '# without a file\n',
      `# without a file
  new-bot:
    owners:
      - ana@example.com
      - dba
    databases:
      - shop
    credential: ./agents/new-bot.json
`,
    ),
  )
  t.ok(existsSync(join(folder, 'agents', 'new-bot.json')))
  t.same(readdirSync(folder).sort(), ['agents', 'countersign.yaml'], 'nothing else is left behind')
})

t.test('adds agents to a file of any shape, and keeps its comments', async (t) => {
  const rest = `# note\ndatabases: { shop: { upstream: postgres://a:b@h/d } }`
  const shapes = [
    rest,
    `${rest}\nagents:`,
    `${rest}\nagents: {}\nmode: enforce # kept`,
    `${rest}\nagents: { one: { owners: [dba], databases: [shop] } }`,
    `agents:\n    one:\n        owners: [dba]\n        databases: [shop] # last\n\n# tail\n${rest}`,
    `agents:\n  one:\n    owners: [dba]\n    databases:\n    - shop\n${rest}\n`,
  ]
  for (const shape of shapes) {
    const { path, add, text } = setUp(t, shape)
    const ran = await add('two', '--owner', 'dba', '--database', 'shop', '--json')
    t.match(ran, { code: 0 }, shape)
    t.same(JSON.parse(ran.out).urls, [], 'no address where none is known')
    const parsed = parseConfig(text(), { path, env: {} })
    t.match(parsed, { ok: true })
    const names = parsed.ok ? [...parsed.config.agents.keys()] : []
    t.same(names, shape.includes('one') ? ['one', 'two'] : ['two'])
    for (const comment of shape.match(/# \w+/g) ?? []) t.match(text(), comment)
  }
})

t.test('names a file for an agent that has none, and follows links', async (t) => {
  const { folder, add, text } = setUp(t)
  t.match(await add('bare'), { code: 0 })
  t.match(text(), /credential: \.\/agents\/bare\.json/)
  t.match(text(), /# has been here for long/)
  const link = join(folder, 'link.yaml')
  symlinkSync('countersign.yaml', link)
  const ran = await runCommand(
    registerAgent,
    ['agent', 'add', 'x', '--owner', 'dba', '--database', 'shop', '--config', link],
    { PASSWORD: 'p' },
  )
  t.match(ran, { code: 0 })
  t.match(text(), /\n {2}x:\n/)
})

t.test('loses nothing when several are added at once', async (t) => {
  const { add, text } = setUp(t)
  const names = ['p', 'q', 'r', 's', 'u']
  await Promise.all(names.map((name) => add(name, '--owner', 'dba', '--database', 'shop')))
  for (const name of names) t.match(text(), `\n  ${name}:\n`)
})

t.test('says what is wrong, changes nothing, and never shows a password', async (t) => {
  const { folder, add, text } = setUp(t)
  const refused = async (expected: RegExp, ...args: string[]) => {
    const ran = await add(...args)
    t.match(ran, { code: 2, out: '', err: expected }, args.join(' '))
    t.notMatch(ran.err, 'hunter2')
  }
  await refused(/give --owner and --database/, 'new')
  await refused(
    /warehouse is not one of databases:/,
    'new',
    '--owner',
    'dba',
    '--database',
    'warehouse',
  )
  await refused(/is not a name/, '../evil', '--owner', 'dba', '--database', 'shop')
  await refused(/is not a name/, 'a/../../b', '--owner', 'dba', '--database', 'shop')
  t.equal(text(), CONFIG)
  t.same(readdirSync(folder), ['countersign.yaml'])
  const missing = ['agent', 'add', 'x', '--config', join(folder, 'none.yaml')]
  t.match(await runCommand(registerAgent, missing), { code: 2, err: /no such file/ })
  const noted = await add('listed', '--owner', 'bo@example.com')
  t.match(noted, { code: 0, err: /bo@example\.com is not among the owners of listed/ })
})

t.test('rotates a secret: two for a while, one behind it', async (t) => {
  const { folder, path, add } = setUp(t)
  const clock = new ManualClock()
  const run = (...args: string[]) =>
    runCommand(
      (program, io) => registerAgent(program, io, { clock }),
      ['agent', ...args, '--config', path],
      { PASSWORD: 'hunter2' },
    )
  t.match(await run('rotate', 'listed'), { code: 2, err: /has no secret: countersign agent add/ })
  t.match(await run('rotate', 'bare'), { code: 2, err: /bare has no credential/ })
  t.match(await run('rotate', 'nobody'), { code: 2, err: /nobody is not listed/ })
  await add('listed', '--created-by', 'ana@example.com')
  for (const overlap of ['0', '91d', 'soon', '-1h']) {
    const refused = await run('rotate', 'listed', `--overlap=${overlap}`)
    t.match(refused, { code: 2, err: /at most 90 days/ }, overlap)
  }

  const ran = await run('rotate', 'listed', '--overlap', '2h', '--created-by', 'bo@example.com')
  t.match(ran, {
    code: 0,
    err: '',
    out: /^postgres:\/\/listed:.{32}@127[\s\S]*good until 2026-11-22T14/,
  })
  const file = join(folder, 'secrets', 'listed.json')
  const read = () => new Credentials().find('listed', file)
  t.match(read(), { createdBy: 'bo@example.com', previous: { createdBy: 'ana@example.com' } })
  t.match(await run('rotate', 'listed'), { code: 2, err: /under way until 2026-11-22T14/ })

  const listed = JSON.parse((await run('ls', '--json')).out).agents
  t.match(listed, [
    {
      agent: 'listed',
      databases: ['shop', 'blog'],
      owners: ['ana@example.com'],
      state: 'active',
      signs_in_by: ['secret'],
      created_by: 'bo@example.com',
      rotation: { until: '2026-11-22T14:00:00.000Z', created_by: 'ana@example.com' },
    },
    { agent: 'bare', state: 'no secret', signs_in_by: [], created_at: null, rotation: null },
  ])
  const secret = /listed:(.{32})@/.exec(ran.out)?.[1] ?? ''
  const shown = `${JSON.stringify(listed)}${(await run('ls')).out}`
  for (const kept of [secret, 'SCRAM', read()?.mysql.toString('hex') ?? '']) {
    t.notMatch(shown, kept, 'neither secrets nor what is kept of them')
  }

  t.same(JSON.parse((await run('rotate', 'listed', '--finish', '--json')).out), {
    agent: 'listed',
    finished: true,
  })
  t.equal(read()?.previous, null)
  t.match(await run('rotate', 'listed', '--finish'), { code: 0, out: /No rotation/ })
  await run('rotate', 'listed', '--overlap', '1h')
  clock.advance(3_600_000)
  t.match(JSON.parse((await run('ls', '--json')).out).agents[0], { rotation: null })
  const again = JSON.parse((await run('rotate', 'listed', '--json')).out)
  t.match(
    again,
    { previous_until: '2026-11-23T13:00:00.000Z' },
    'the next begins, a day by default',
  )
})

t.test('shuts an agent out, and a new secret lets it in again', async (t) => {
  const { folder, path, add } = setUp(t)
  const run = (...args: string[]) =>
    runCommand(registerAgent, ['agent', ...args, '--config', path], { PASSWORD: 'hunter2' })
  await add('listed')
  const file = join(folder, 'secrets', 'listed.json')
  t.match(await run('revoke', 'listed'), { code: 0, out: /listed is shut out/ })
  t.equal(new Credentials().revoked('listed', file), true)
  t.match(JSON.parse((await run('ls', '--json')).out).agents[0], { state: 'revoked' })
  t.match(await run('rotate', 'listed'), { code: 2, err: /has no secret/ }, 'no way round')
  t.match(await run('revoke', 'bare'), { code: 2, err: /take it out of/ })
  await add('listed')
  t.match(JSON.parse((await run('ls', '--json')).out).agents[0], { state: 'active' })
})

t.test('a rotation and a new secret at the same moment bring nothing back', async (t) => {
  const { folder, path, add } = setUp(t)
  const run = (...args: string[]) =>
    runCommand(registerAgent, ['agent', ...args, '--config', path], { PASSWORD: 'hunter2' })
  await add('listed')
  const first = readFileSync(join(folder, 'secrets', 'listed.json'), 'utf8')
  const [added, turned] = await Promise.all([add('listed'), run('rotate', 'listed')])
  t.same([added.code, turned.code], [0, 0])
  await add('listed')
  t.notMatch(readFileSync(join(folder, 'secrets', 'listed.json'), 'utf8'), JSON.parse(first).mysql)
  t.same(readdirSync(join(folder, 'secrets')), ['listed.json'])
})
