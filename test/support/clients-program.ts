import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { Driver, DriverSession, OpenOptions, Outcome, Value } from './clients-driver.ts'
import type { ClientsWorld } from './clients-world.ts'
import { projectRoot } from './project-root.ts'

/** Where the clients that aren't written in TypeScript are. */
export const PROGRAMS = join(projectRoot, 'test', 'end-to-end', 'clients')

/** Throws a sentence that names the Debian package, where a program isn't on this machine. */
export function programOf(name: string, debianPackage: string): string {
  const folders = name.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter)
  const found = folders.map((folder) => join(folder, name)).find(isExecutable)
  if (!found) throw new Error(`${name} is missing: install the Debian package ${debianPackage}`)
  return found
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * A client in another language, driven line by line: `id TAB verb TAB field...` to its standard
 * input, `id TAB rows TAB text`, `id TAB error TAB sqlstate TAB message` or `id TAB broken TAB why`
 * from its standard output, in any order. In fields, \ is written \\, TAB \t and LF \n.
 */
export class ClientProgram {
  readonly #child: ChildProcess
  readonly #asked = new Map<string, (fields: readonly string[]) => void>()
  #next = 0
  #stderr = ''

  constructor(t: Test, world: ClientsWorld, command: readonly [string, ...string[]]) {
    const [program, ...args] = command
    const child = spawn(program, args, { env: world.environment })
    this.#child = child
    child.stderr.on('data', (chunk) => {
      this.#stderr += chunk
    })
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(line))
    child.once('close', () => this.#ended())
    t.teardown(() => child.kill('SIGKILL'))
  }

  #answered(line: string): void {
    const [id = '', ...fields] = line.split('\t').map(unescaped)
    const resolve = this.#asked.get(id)
    this.#asked.delete(id)
    resolve?.(fields)
  }

  #ended(): void {
    for (const resolve of this.#asked.values()) resolve(['broken', `it ended: ${this.#stderr}`])
    this.#asked.clear()
  }

  /** Resolves with rows or with the server's error; rejects where the program itself failed. */
  async ask(verb: string, ...fields: readonly string[]): Promise<Outcome> {
    const id = String(++this.#next)
    const answer = new Promise<readonly string[]>((resolve) => this.#asked.set(id, resolve))
    this.#child.stdin?.write(`${[id, verb, ...fields].map(escaped).join('\t')}\n`)
    const [kind, first = '', second = ''] = await answer
    if (kind === 'rows') return { rows: first }
    if (kind === 'error') return { code: first, message: second }
    throw new Error(`${verb}: ${first} ${this.#stderr}`)
  }

  /** The driver of this name in the program. */
  driver(name: string): Driver {
    return { name, open: (options) => this.#open(name, options) }
  }

  async #open(driver: string, { tls, hold }: OpenOptions): Promise<DriverSession> {
    const session = `session-${++this.#next}`
    const opened = await this.ask('open', session, driver, tls ? 'tls' : 'clear', hold ?? '')
    if ('code' in opened) throw new Error(`${driver}: ${opened.code}: ${opened.message}`)
    return {
      run: (sql, ...values) => this.ask('run', session, sql, ...values.map(typed)),
      cancel: async () => {
        await this.ask('cancel', session)
      },
      close: async () => {
        await this.ask('close', session)
      },
    }
  }
}

function typed(value: Value): string {
  return typeof value === 'number' ? `n${value}` : `s${value}`
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n' }

function escaped(text: string): string {
  return text.replace(/[\\\t\n]/g, (character) => ESCAPES[character] ?? character)
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, letter) => ({ t: '\t', n: '\n' })[letter as string] ?? letter)
}
