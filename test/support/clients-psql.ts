import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Driver, DriverSession, OpenOptions, Outcome, Value } from './clients-driver.ts'
import { programOf } from './clients-program.ts'
import type { ClientsWorld } from './clients-world.ts'

const DONE = 'statement-done'
const INTERRUPT = '\x03'

/** The environment of libpq's programs, with TLS and the binding to its channel required or off. */
export function libpqEnvironment(
  world: ClientsWorld,
  { tls, hold }: OpenOptions,
): NodeJS.ProcessEnv {
  return {
    ...world.environment,
    PGSSLMODE: tls ? 'require' : 'disable',
    PGCHANNELBINDING: tls ? 'require' : 'disable',
    PGOPTIONS: hold ? `-c countersign.hold=${hold}` : '',
    PSQLRC: '/dev/null',
    PAGER: 'cat',
  }
}

/** What became of a program that ran to its end. */
export interface Finished {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs one of libpq's programs to its end; `onError` is told what it has said on standard error. */
export function runLibpq(
  world: ClientsWorld,
  program: string,
  args: readonly string[],
  options: OpenOptions & {
    readonly env?: NodeJS.ProcessEnv
    readonly input?: string
    readonly onError?: (text: string) => void
  },
): Promise<Finished> {
  const env = { ...libpqEnvironment(world, options), ...options.env }
  const child = spawn(libpqProgram(program), args, { env })
  child.stdin.end(options.input ?? '')
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
    options.onError?.(err)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

export function libpqProgram(name: string): string {
  // Debian has pgbench in the server's package.
  return programOf(name, name === 'pgbench' ? 'postgresql' : 'postgresql-client')
}

/** psql at a terminal, as a person uses it: Ctrl-C cancels, and only there the session goes on. */
export function psql(world: ClientsWorld): Driver {
  return {
    name: 'psql',
    open: async (options) => {
      const session = new PsqlSession(world, options)
      await session.ready
      return session
    },
  }
}

class PsqlSession implements DriverSession {
  readonly #child: ChildProcess
  /** Resolves with the empty line that says that the terminal no longer echoes. */
  readonly ready: Promise<unknown>
  #lines: string[] = []
  #done: ((outcome: Outcome) => void) | null = null

  constructor(world: ClientsWorld, options: OpenOptions) {
    libpqProgram('psql')
    const command = 'stty -echo -onlcr noflsh; echo; exec psql -XnqAt -P null=NULL 2>/dev/null'
    const prompts = ['-v', 'PROMPT1=', '-v', 'PROMPT2=']
    const child = spawn(
      programOf('script', 'bsdutils'),
      ['-qec', `${command} ${prompts.join(' ')}`, '/dev/null'],
      { env: { ...libpqEnvironment(world, options), SHELL: '/bin/sh' } },
    )
    this.#child = child
    const lines = createInterface({ input: child.stdout })
    this.ready = once(lines, 'line').then(() => lines.on('line', (line) => this.#hear(line)))
    child.once('close', () => this.#finish({ code: 'ended', message: this.#lines.join(' ') }))
  }

  #hear(line: string): void {
    if (!line.startsWith(DONE)) {
      this.#lines.push(line)
      return
    }
    const [, state = '', ...message] = line.split(' ')
    const rows = this.#lines.join(';')
    this.#lines = []
    this.#finish(state === '00000' ? { rows } : { code: state, message: message.join(' ') })
  }

  #finish(outcome: Outcome): void {
    this.#done?.(outcome)
    this.#done = null
  }

  /** Parameters become variables, which psql writes into the text as constants. */
  run(sql: string, ...values: readonly Value[]): Promise<Outcome> {
    const sets = values.map((value, index) => `\\set p${index + 1} ${quoted(value)}\n`)
    const text = sql.replace(/\$(\d)/g, (_, n) =>
      typeof values[n - 1] === 'number' ? `:p${n}` : `:'p${n}'`,
    )
    const outcome = new Promise<Outcome>((resolve) => {
      this.#done = resolve
    })
    const after = `\\echo ${DONE} :SQLSTATE :LAST_ERROR_MESSAGE\n`
    this.#child.stdin?.write(`${sets.join('')}${text};\n${after}`)
    return outcome
  }

  async cancel(): Promise<void> {
    this.#child.stdin?.write(INTERRUPT)
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
  }
}

/** An argument of a psql command. */
function quoted(value: Value): string {
  return `'${String(value).replaceAll("'", "''")}'`
}
