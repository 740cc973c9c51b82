import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answerOf, nextEvent } from '../approval/fixtures.ts'
import { type ActionsHouse, openActions } from '../support/actions-house.ts'
import { projectRoot } from '../support/project-root.ts'

const page = readFileSync(join(projectRoot, 'README.md'), 'utf8')

/** The client as the page has it. */
function client(language: string): string {
  const clients = page.slice(page.indexOf("## What isn't SQL"))
  const [, code = ''] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(clients) ?? []
  return code
}

const PYTHON_USE = `
gate = Gate()
id = gate.ask("model.deploy", "prod/recommender", version="v7")
open("done", "w").close()
gate.done(id, detail="by the client")
`
const TYPESCRIPT_USE = `
import { writeFileSync } from 'node:fs'
const id = await ask('model.deploy', 'prod/recommender', { version: 'v7' })
writeFileSync('done', '')
await done(id, 'executed', 'by the client')
`

/** What runs a client in a folder; each makes the file `done` once it may. */
const CLIENTS: Record<string, (folder: string) => { command: string; args: string[] }> = {
  sh: (folder) => {
    writeFileSync(join(folder, 'gate.sh'), client('sh'))
    const what = ['model.deploy', 'prod/recommender', '{"version":"v7"}']
    return { command: 'sh', args: ['gate.sh', ...what, 'touch', 'done'] }
  },
  py: (folder) => {
    writeFileSync(join(folder, 'gate.py'), client('py') + PYTHON_USE)
    return { command: 'python3', args: ['gate.py'] }
  },
  ts: (folder) => {
    const types = join(projectRoot, 'node_modules')
    const compilerOptions = {
      ...{ target: 'es2022', module: 'nodenext', strict: true, skipLibCheck: true },
      ...{ types: ['node'], typeRoots: [join(types, '@types')], lib: ['es2022', 'dom'] },
    }
    const config = JSON.stringify({ compilerOptions, files: ['gate.ts'] })
    writeFileSync(join(folder, 'gate.ts'), client('ts') + TYPESCRIPT_USE)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'tsconfig.json'), config)
    // Without what the test runner adds to every Node that is spawned.
    const tsc = [process.execPath, join(types, 'typescript', 'bin', 'tsc'), '-p', folder]
    execFileSync('env', ['-u', 'NODE_OPTIONS', ...tsc], { stdio: 'pipe' })
    return { command: process.execPath, args: ['gate.js'] }
  },
}

function run(house: ActionsHouse, folder: string, made: { command: string; args: string[] }) {
  return spawn(made.command, made.args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, COUNTERSIGN_URL: house.base, COUNTERSIGN_TOKEN: house.tokens.bot },
  })
}

function ended(child: ChildProcess): Promise<{ code: number | null; err: string }> {
  let err = ''
  child.stderr?.on('data', (text) => {
    err += text
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, err })))
}

for (const [language, make] of Object.entries(CLIENTS)) {
  t.test(`the client in ${language} goes ahead when it may, and not otherwise`, async (t) => {
    const lines = client(language).trim().split('\n')
    t.ok(lines.length > 10 && lines.length < 25, 'it is short')
    const house = await openActions(t)
    const folder = join(house.data, 'client')
    mkdirSync(folder)
    const made = make(folder)
    const asked = (event: { type: string }) => event.type === 'requested'

    let request = nextEvent(house.desk, asked)
    let child = run(house, folder, made)
    const first = (await request).request
    t.match(first, { verb: 'model.deploy', action: { resource: 'prod/recommender' } })
    t.match(first.statement, /"version": "v7"/)
    await house.desk.decide(first.id, answerOf('ana@example.com', 'deny'))
    const denied = await ended(child)
    t.not(denied.code, 0)
    t.match(denied.err, language === 'py' ? /403/ : /denied/)
    t.notOk(existsSync(join(folder, 'done')), 'nothing was done')

    request = nextEvent(
      house.desk,
      ({ type, request }) => type === 'requested' && request.id !== first.id,
    )
    child = run(house, folder, made)
    const end = ended(child)
    const second = (await request).request
    await house.desk.decide(second.id, answerOf('ana@example.com'))
    t.same(await end, { code: 0, err: '' })
    t.ok(existsSync(join(folder, 'done')))
    t.match(house.desk.get(second.id), { state: 'executed' })
  })
}
