import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import t, { type Test } from 'tap'
import { linePair } from '../../src/approval/gate-line.ts'
import { RemoteGate } from '../../src/approval/remote-gate.ts'
import { type ApprovalsParts, registerApprovals } from '../../src/cli/approvals.ts'
import { type ControlHost, runControlProcess } from '../../src/cli/control-process.ts'
import { registerToken } from '../../src/cli/token.ts'
import { deferred } from '../../src/lib/deferred.ts'
import { draftOf, ManualClock } from '../approval/fixtures.ts'

/** A control process without a process: its host is ours. */
async function startControl(t: Test) {
  const folder = t.testdir({})
  const path = join(folder, 'countersign.yaml')
  const text = `
listen: { postgres: 127.0.0.1:0, control: 127.0.0.1:0 }
data: ./data
databases:
  shop: { upstream: "postgres://app:secret@127.0.0.1:5/shop" }
people:
  ana@example.com: { groups: [approvers] }
  bo@example.com: { groups: [approvers] }
agents:
  billing-bot: { owners: [bo@example.com], databases: [shop], credential: ./bot.json }
`
  writeFileSync(path, text)
  const { ends, cut } = linePair()
  const exited = deferred<number>()
  const ready = deferred<string>()
  let terminate = (): void => {}
  const host: ControlHost = {
    env: {},
    line: ends[1],
    onTerminate: (listener) => {
      terminate = listener
    },
    onSlip: () => {},
    log: (line) => t.comment(line),
    exit: exited.resolve,
  }
  runControlProcess(host, { version: 'test' })
  ends[0].onMessage((raw) => {
    const message = raw as { type: string; listen: { host: string; port: number } }
    if (message.type !== 'ready') return
    ready.resolve(`http://${message.listen.host}:${message.listen.port}`)
  })
  ends[0].send({ type: 'configure', text, path, listen: null })
  const url = await ready.promise
  const gate = new RemoteGate({ clock: new ManualClock() })
  gate.connect(ends[0])
  const stop = async (): Promise<number> => {
    terminate()
    return exited.promise
  }
  return { path, folder, url, gate, cut, exited: exited.promise, stop }
}

/** Runs a command line as main does; collects what it prints. */
async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  parts: ApprovalsParts = {},
  onOut: (text: string) => void = () => {},
) {
  const result = { out: '', err: '', code: -1 }
  const io = {
    env,
    out: (text: string) => {
      result.out += text
      onOut(text)
    },
    err: (text: string) => {
      result.err += text
    },
    exit: (code: number) => {
      result.code = code
    },
  }
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
  registerApprovals(program, io, parts)
  registerToken(program, io)
  await program.parseAsync([...args], { from: 'user' }).catch(() => {})
  return result
}

t.test('a person gets a token, reads a request and decides it', async (t) => {
  const { path, url, gate, stop } = await startControl(t)
  const made = await run(['token', 'add', 'ANA@example.com', '--config', path, '--json'])
  t.equal(made.code, 0)
  const { person, token } = JSON.parse(made.out) as { person: string; token: string }
  t.equal(person, 'ana@example.com')
  const env = { COUNTERSIGN_TOKEN: token, COUNTERSIGN_URL: url }

  t.match(await run(['approvals', 'ls'], env), { code: 0, out: 'Nothing waits.\n' })
  const evil = 'SELECT 1 -- \u001b]0;owned\u0007\u202e'
  const held = await gate.open(draftOf({ statement: evil }))
  const listed = await run(['approvals', 'ls'], env)
  t.match(listed.out, `${held.id}  pending`)
  const shown = await run(['approvals', 'show', held.id], env)
  t.match(shown.out, 'SELECT 1 -- \\u{1b}]0;owned\\u{7}\\u{202e}', 'no escape reaches a terminal')
  t.match(shown.out, 'cleaning up (says the agent)')
  t.notMatch(shown.out, '\u001b')

  const approved = await run(['approvals', 'approve', held.id, '--reason', 'fine'], env)
  t.match(approved, { code: 0, out: /approved by ana@example.com \(fine\)/ })
  t.match(await held.resolution, { kind: 'approved', by: ['ana@example.com'] })
  const late = await run(['approvals', 'deny', held.id], env)
  t.match(late, { code: 1, err: /approved by ana@example.com already/ })
  const json = await run(['approvals', 'ls', '--all', '--json'], env)
  t.match(JSON.parse(json.out), { approvals: [{ id: held.id, votes: [{ channel: 'cli' }] }] })
  t.equal(await stop(), 0)
})

t.test('the command line is no way around the rules', async (t) => {
  const { path, url, gate, stop } = await startControl(t)
  const made = await run(['token', 'add', 'bo@example.com', '--config', path])
  const env = { COUNTERSIGN_TOKEN: made.out.trim() }
  const held = await gate.open(draftOf({ owners: ['bo@example.com'] }))
  const at = ['--url', url]
  const own = await run(['approvals', 'approve', held.id, ...at], env)
  t.match(own, { code: 1, err: /You own this agent/ })
  const json = await run(['approvals', 'deny', held.id, '--json', ...at], env)
  t.match(JSON.parse(json.err), { error: { code: 'self_approval' } })
  t.match(await run(['approvals', 'approve', '../../healthz', ...at], env), { code: 1 })
  t.match(await run(['approvals', 'ls', ...at], { COUNTERSIGN_TOKEN: 'billing-bot' }), { code: 1 })
  t.match(await run(['token', 'add', 'eve@example.com', '--config', path]), {
    code: 2,
    err: /not listed under people/,
  })
  await stop()
})

t.test('what is used wrongly says how to use it', async (t) => {
  t.match(await run(['approvals', 'ls', '--url', 'http://127.0.0.1:1']), { code: 2, err: /TOKEN/ })
  const env = { COUNTERSIGN_TOKEN: 'cst_x' }
  t.match(await run(['approvals', 'ls'], env), { code: 2, err: /--config/ })
  t.match(await run(['approvals', 'ls', '--url', 'file:///etc'], env), {
    code: 2,
    err: /not an http/,
  })
  const away = await run(['approvals', 'ls', '--url', 'http://127.0.0.1:1'], env)
  t.match(away, { code: 1, err: /can't be reached/ })
  t.match((await run(['approvals', '--help'])).out, /Exit codes: 0 done, 1 refused or failed/)
})

t.test('watch prints what happens until it is interrupted', async (t) => {
  const { path, url, gate, stop } = await startControl(t)
  const made = await run(['token', 'add', 'ana@example.com', '--config', path])
  const env = { COUNTERSIGN_TOKEN: made.out.trim(), COUNTERSIGN_URL: url }
  const abort = new AbortController()
  const connected = deferred<void>()
  const denied = deferred<void>()
  const parts: ApprovalsParts = {
    signal: abort.signal,
    fetch: async (address, init) => {
      const response = await fetch(address, init)
      connected.resolve()
      return response
    },
  }
  const watching = run(['approvals', 'watch'], env, parts, (text) => {
    if (text.includes('denied by ana@example.com: no')) denied.resolve()
  })
  await connected.promise
  const held = await gate.open(draftOf())
  await run(['approvals', 'deny', held.id, '--reason', 'no'], env)
  t.match(await held.resolution, { kind: 'rejected' })
  await denied.promise
  abort.abort()
  t.match(await watching, { code: 0, out: new RegExp(`${held.id} .*DROP TABLE`) })
  await stop()
})

t.test('when its data plane dies, nothing goes on waiting and the process ends', async (t) => {
  const { folder, gate, cut, exited } = await startControl(t)
  const held = await gate.open(draftOf())
  cut()
  t.equal(await exited, 0)
  const log = readFileSync(join(folder, 'data', 'approvals', 'requests.ndjson'), 'utf8')
  const last = JSON.parse(log.trim().split('\n').at(-1) ?? '') as object
  t.match(last, { request: { id: held.id, state: 'withdrawn', withdrawnCause: 'disconnected' } })
})
