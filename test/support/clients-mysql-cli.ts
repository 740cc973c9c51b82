import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Driver, DriverSession, OpenOptions, Outcome, Value } from './clients-driver.ts'
import { codeIn } from './clients-mysql-node.ts'
import type { MysqlWorld } from './clients-mysql-world.ts'

const DONE = 'statement-done'

/** The command lines of MariaDB and of MySQL, and what else came with them. */
export interface CommandLine {
  readonly family: 'mariadb' | 'mysql'
  readonly program: string
}

/** What became of a program that ran to its end. */
export interface Finished {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Where to connect, as whom, and whether by TLS with a certificate that is verified. */
export function connecting(
  world: MysqlWorld,
  family: CommandLine['family'],
  { tls, hold }: OpenOptions,
): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  const { user, password } = world.login(hold)
  const ways = {
    mariadb: { on: '--ssl-verify-server-cert', off: '--skip-ssl' },
    mysql: { on: '--ssl-mode=VERIFY_IDENTITY', off: '--ssl-mode=DISABLED' },
  }
  const { on, off } = ways[family]
  const secured = tls ? [on, `--ssl-ca=${world.certificate}`] : [off]
  const where = ['--host=127.0.0.1', `--port=${world.proxy.port}`, `--user=${user}`]
  const args = ['--no-defaults', ...where, ...secured]
  return { args, env: { ...process.env, MYSQL_PWD: password } }
}

/** Runs a program of a family to its end; `input` is what it reads. */
export function runCommandLine(
  { program }: CommandLine,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly input?: string; readonly cwd?: string },
): Promise<Finished> {
  const child = spawn(program, args, options)
  child.stdin.end(options.input ?? '')
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

/** The command line; Ctrl-C is its cancel. */
export function commandLine(world: MysqlWorld, which: CommandLine, name: string): Driver {
  return { name, open: async (options) => new CommandLineSession(world, which, options) }
}

class CommandLineSession implements DriverSession {
  readonly #child: ChildProcess
  #lines: string[] = []
  #done: ((outcome: Outcome) => void) | null = null

  constructor(world: MysqlWorld, { family, program }: CommandLine, options: OpenOptions) {
    const { args, env } = connecting(world, family, options)
    const how = ['--batch', '--force', '--unbuffered', '--skip-column-names', 'shop']
    // One stream, so that an error stands in front of what is printed behind it.
    const child = spawn('sh', ['-c', 'exec "$0" "$@" 2>&1', program, ...args, ...how], { env })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line))
    child.once('close', () => this.#finish({ code: 'ended', message: this.#lines.join(' ') }))
  }

  #hear(line: string): void {
    if (line !== DONE) {
      this.#lines.push(line)
      return
    }
    const lines = this.#lines
    this.#lines = []
    const error = lines.find((each) => each.startsWith('ERROR '))
    if (error === undefined) {
      this.#finish({ rows: lines.map((each) => each.replaceAll('\t', '|')).join(';') })
      return
    }
    const state = /^ERROR \d+ \((\w{5})\)/.exec(error)?.[1] ?? ''
    this.#finish({ code: codeIn(error) ?? state, message: error })
  }

  #finish(outcome: Outcome): void {
    this.#done?.(outcome)
    this.#done = null
  }

  /** Parameters become constants of the text. */
  run(sql: string, ...values: readonly Value[]): Promise<Outcome> {
    const text = sql.replace(/\$(\d)/g, (_, n) => constant(values[n - 1] as Value))
    const outcome = new Promise<Outcome>((resolve) => {
      this.#done = resolve
    })
    this.#child.stdin?.write(`${text};\nSELECT '${DONE}';\n`)
    return outcome
  }

  async cancel(): Promise<void> {
    this.#child.kill('SIGINT')
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
  }
}

function constant(value: Value): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`
}
