import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { Wanderer } from '../support/inbox-visitor.ts'
import { OidcHouse } from '../support/oidc-house.ts'

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

function run(args: readonly string[]): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, MAIN, ...args], { stdio: 'pipe' })
}

/** The command as its users run it, without a database; returns where its inbox is. */
async function start(t: Test, config: string): Promise<string> {
  const child = run(['start', '--config', config, '--ready-json'])
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += chunk
  })
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    return (JSON.parse(line) as { control: string }).control
  }
  throw new Error(`it did not start: ${said}`)
}

t.test(
  'people sign in to the running command by their provider, and an operator forgets them',
  async (t) => {
    const provider = await OidcHouse.start(t)
    const { issuer, clientId, clientSecret } = provider.settings
    const folder = t.testdir({})
    const config = join(folder, 'countersign.yaml')
    writeFileSync(
      config,
      stringify({
        listen: { control: '127.0.0.1:0' },
        data: join(folder, 'data'),
        people: { 'bo@example.com': { groups: ['approvers'] } },
        oidc: { issuer, client_id: clientId, client_secret: clientSecret, groups_claim: 'groups' },
      }),
    )
    const base = await start(t, config)
    await provider.leadsTo(base)
    provider.account = { subject: 'sub-bo', email: 'bo@example.com', groups: ['dba'] }
    const browser = new Wanderer()
    const page = await browser.go(`${base}/inbox/oidc/start`)
    t.match(page, { status: 200, url: { pathname: '/inbox' }, text: /bo@example\.com/ })
    const audit = join(folder, 'data', 'audit')
    const files = readdirSync(audit, { recursive: true, withFileTypes: true })
    const trail = files
      .filter((file) => file.isFile() && file.name.endsWith('.ndjson'))
      .map((file) => readFileSync(join(file.parentPath, file.name), 'utf8'))
      .join('')
    t.match(trail, /"type":"person.signed_in"/)
    const begun = await fetch(`${base}/v1/session/device`, { method: 'POST' })
    t.equal(begun.status, 200)

    const forget = run(['person', 'forget', 'bo@example.com', '--config', config])
    t.same(await once(forget, 'exit'), [0, null])
    t.equal((await browser.go(`${base}/inbox`)).url.pathname, '/inbox/sign-in')
    const again = run(['person', 'forget', 'bo@example.com', '--config', config])
    t.same(await once(again, 'exit'), [1, null], 'nobody to forget')
  },
)
