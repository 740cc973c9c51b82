import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.ts'
import { projectRoot } from '../support/project-root.ts'

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')
const dockerfile = read('docker/Dockerfile').replaceAll('\\\n', ' ')
const manifest = JSON.parse(read('package.json'))

/** Arguments of every instruction of one kind. */
function instructions(kind: string): string[] {
  return [...dockerfile.matchAll(new RegExp(`^${kind} (.*)$`, 'gm'))].map(([, rest = '']) => rest)
}

/** Sources and destination of a COPY out of the build's context. */
function copiesOfContext(): { sources: string[]; to: string }[] {
  return instructions('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .map((rest) => {
      const words = rest.trim().split(/\s+/)
      return { sources: words.slice(0, -1), to: words.at(-1) ?? '' }
    })
}

t.test('what is copied is there, and the context lets it in', async (t) => {
  const [first, ...rest] = read('.dockerignore').trim().split('\n')
  t.equal(first, '*', 'nothing gets in but what is named')
  const allowed = rest.map((line) => line.replace(/^!/, ''))
  t.ok(allowed.every((path) => existsSync(join(projectRoot, path))))
  for (const source of copiesOfContext().flatMap(({ sources }) => sources)) {
    t.ok(existsSync(join(projectRoot, source)), `${source} is there`)
    const inside = allowed.some((path) => source === path || source.startsWith(`${path}/`))
    t.ok(inside, `${source} gets in`)
  }
})

t.test('all that the program loads is in the image', async (t) => {
  const image = new Set(
    instructions('COPY')
      .slice(-4)
      .map((rest) => rest.split(/\s+/).at(-1)),
  )
  for (const folder of ['dist/src', 'node_modules', 'src/control/web/assets']) {
    t.ok(image.has(folder), `${folder} is copied`)
  }
  t.ok(dockerfile.includes('COPY package.json LICENSE ./'), 'the version is read from package.json')
  const [files, packages] = importsFrom(join(projectRoot, 'src', 'main.ts'))
  for (const file of files) t.ok(relative(projectRoot, file).startsWith('src/'), file)
  for (const name of packages) t.ok(manifest.dependencies[name], `${name} is a dependency`)
  t.ok(files.size > 150, 'the imports are followed')
})

/** `import ... from 'x'`, `export ... from 'x'` and `import 'x'`. */
const IMPORT = /^(?:import|export) (type )?(?:[\w\s{},*$]+ from )?'([^']+)'/gm

/** Every file that is reached from one by imports, and every package. */
function importsFrom(entry: string): [Set<string>, Set<string>] {
  const files = new Set([entry])
  const packages = new Set<string>()
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    for (const [, type, name = ''] of source.matchAll(IMPORT)) {
      if (name.startsWith('.')) files.add(join(dirname(file), name))
      else if (!name.startsWith('node:') && type === undefined) packages.add(packageOf(name))
    }
  }
  return [files, packages]
}

function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
}

t.test('the image is small, not root, and runs on a Node that will do', async (t) => {
  const [major = 0] = (instructions('ARG')[0] ?? '').replace('NODE=', '').split(/[.-]/).map(Number)
  const floor = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node)?.slice(1).map(Number) ?? []
  t.ok(major >= (floor[0] ?? Number.POSITIVE_INFINITY), 'the newest of this major or a later one')
  t.match(instructions('USER').at(-1), /^[1-9]\d*:[1-9]\d*$/, 'by number')
  t.match(
    dockerfile,
    `ln -s /opt/countersign/${manifest.bin.countersign} /usr/local/bin/countersign`,
  )
  t.same(instructions('WORKDIR').at(-1), '/opt/countersign')
  t.match(dockerfile, 'npm ci --omit=dev --omit=optional --ignore-scripts')
})

/** The configuration of the compose file, as it parses where the password is there. */
async function composed(folder: string) {
  mkdirSync(join(folder, 'passwords'), { recursive: true })
  for (const name of ['postgres', 'mysql']) {
    writeFileSync(join(folder, 'passwords', name), 'secret')
  }
  const text = read('docker/countersign.yaml').replaceAll('/passwords/app/', './passwords/')
  return parseConfig(text, { path: join(folder, 'countersign.yaml'), env: {} })
}

t.test('the configuration fits the image and the compose file', async (t) => {
  const parsed = await composed(t.testdir())
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'))
  const { config, warnings } = parsed
  t.same([warnings, config.unsupported], [[], []])
  t.equal(config.data, instructions('VOLUME')[0], 'the data is on the volume')
  for (const { credential } of config.agents.values()) {
    t.ok(credential?.startsWith(`${config.data}/`), 'secrets can be made while it is read-only')
  }
  const { postgres, mysql, control } = config.listen
  const ports = [postgres?.port, mysql?.port, control?.port]
  t.equal(instructions('EXPOSE')[0], ports.join(' '))
  t.match(dockerfile, `http://127.0.0.1:${control?.port}/healthz`)
  const compose = parse(read('docker/compose.yaml'))
  t.same(
    compose.services.countersign.ports,
    ports.map((port) => `127.0.0.1:${port}:${port}`),
    'nobody else reaches it before the operator says so',
  )
  t.equal(config.listen.publicUrl, `http://127.0.0.1:${control?.port}`)
})

t.test('the compose file names what is there, and gives no more than is needed', async (t) => {
  const { services, volumes, networks } = parse(read('docker/compose.yaml'))
  for (const [name, service] of Object.entries<Record<string, unknown>>(services)) {
    for (const mount of (service.volumes ?? []) as string[]) {
      const [source = '', target, mode] = mount.split(':')
      if (!source.startsWith('.')) t.ok(source in volumes, `${name}: ${source} is declared`)
      else {
        t.ok(existsSync(join(projectRoot, 'docker', source)), `${name}: ${source} is there`)
        t.equal(mode, 'ro', `${name}: ${target} is read-only`)
      }
    }
    if (name !== 'countersign') t.notOk(service.ports, `${name} is published nowhere`)
    for (const network of (service.networks ?? []) as string[]) t.ok(network in networks, network)
  }
  t.equal(networks.databases.internal, true)
  for (const name of ['countersign', 'passwords']) {
    const { cap_drop, read_only, security_opt } = services[name]
    t.same([cap_drop, read_only, security_opt], [['ALL'], true, ['no-new-privileges:true']], name)
  }
  const admin = (name: string) => services[name].volumes.some((it: string) => /^admin-/.test(it))
  t.notOk(admin('countersign'), "the proxy can't read the administrators' passwords")
  const grace = Number.parseInt(services.countersign.stop_grace_period, 10)
  t.ok(grace * 1000 > millisecondsToStop(), 'it may finish what runs')
  t.match(read('docker/postgres/10-role.sh'), 'CREATE ROLE app LOGIN')
  t.match(read('fixtures/demo/shop.sql'), 'TO app;')
  t.ok(statSync(join(projectRoot, 'docker/postgres/10-role.sh')).mode & 0o111)
})

/** What the code gives running statements and the control process. */
function millisecondsToStop(): number {
  const of = (path: string, name: string) =>
    Number(new RegExp(`const ${name} = ([\\d_]+)`).exec(read(path))?.[1]?.replaceAll('_', ''))
  return of('src/proxy.ts', 'DRAIN_MS') + of('src/control/supervisor.ts', 'STOP_MS')
}

t.test('passwords are made once, whole, and differ', async (t) => {
  const folder = t.testdir()
  const paths = ['one', 'two'].map((name) => join(folder, name))
  const make = () =>
    execFileSync(process.execPath, [join(projectRoot, 'docker/passwords.mjs'), ...paths])
  make()
  const before = paths.map((path) => readFileSync(path, 'utf8'))
  t.ok(before.every((password) => /^[\w-]{32}$/.test(password)))
  t.not(before[0], before[1])
  make()
  t.same(
    paths.map((path) => readFileSync(path, 'utf8')),
    before,
  )
})

t.test('the systemd unit goes by what the command does', async (t) => {
  const unit = read('packaging/countersign.service')
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]
  const help = read('src/cli/start.ts')
  t.match(help, /64 the configuration can't be used/)
  t.same(value('RestartPreventExitStatus')?.split(' '), ['2', '64'])
  t.ok(Number(value('TimeoutStopSec')) * 1000 > millisecondsToStop())
  t.equal(value('KillMode'), 'mixed', 'the control process outlives what is held')
  t.equal(value('MemoryDenyWriteExecute'), undefined, 'V8 could not run')
  t.match(value('ExecReload'), /-HUP \$MAINPID/)
  t.ok(Number(value('LimitNOFILE')) > 2 * 10_000, 'two for each of listen.max_connections')
  t.same(['User', 'NoNewPrivileges', 'ProtectSystem', 'StateDirectory'].map(value), [
    'countersign',
    'yes',
    'strict',
    'countersign',
  ])
})
