import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { ConfigFile } from '../config/config-file.ts'
import { ControlSupervisor } from '../control/supervisor.ts'
import { systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { type Addresses, DataPlane } from '../proxy.ts'
import { VERSION } from '../version.ts'
import type { DemoProxy } from './demo.ts'
import type { CommandIo } from './io.ts'

const HELP = `
Runs until SIGTERM or SIGINT: then nobody new comes in, held statements are withdrawn, running
ones finish, and it exits with 0. SIGHUP reads the configuration again, as does a change of the
file; a bad edit is reported and the old configuration stays in force.

Exit codes: 0 stopped as asked, 1 could not start, 64 the configuration can't be used.
`

/** What running needs of the process, beside what every command needs. */
export interface ServerIo extends CommandIo {
  /** The program and arguments that run the control process. */
  readonly controlProcess: { readonly script: string; readonly args: readonly string[] }
  onSignal(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): void
}

/** Adds `start`, which runs the proxy. */
export function registerStart(program: Command, io: ServerIo): void {
  program
    .command('start')
    .description('Run the proxy')
    .requiredOption('--config <file>', 'the configuration')
    .option('--ready-json', 'print one line of JSON once ready: {"ready":true,"postgres":...}')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; readyJson?: boolean }) => {
      // Heard from the beginning on: as process 1 there is nobody else who would end it.
      const signalled = stopSignal(io)
      const running = await startProxy(io, options.config)
      if (!running) return
      io.out(options.readyJson ? `${readyJson(running.addresses)}\n` : readyText(running.addresses))
      await stopOnSignal(io, running.proxy, signalled)
    })
}

export interface Running {
  readonly proxy: DataPlane
  readonly addresses: Addresses
  readonly config: Config
}

/** Starts a proxy; says why and sets the exit code where it can't. */
export async function startProxy(io: ServerIo, path: string): Promise<Running | null> {
  const opened = await ConfigFile.open({ path, env: io.env, clock: systemClock, accept: canRun })
  if (!opened.ok) {
    io.err(`${path} can't be used:\n${opened.problems.map((each) => `  ${each}\n`).join('')}`)
    io.exit(64)
    return null
  }
  for (const warning of opened.warnings) io.err(`warning: ${warning}\n`)
  const { file } = opened
  const log = (text: string) => io.err(`${text}\n`)
  const supervisor = new ControlSupervisor({
    ...io.controlProcess,
    config: { text: readFileSync(file.path, 'utf8'), path: file.path },
    clock: systemClock,
    log,
  })
  try {
    const options = { file, version: VERSION, clock: systemClock, supervisor, log }
    return { ...(await DataPlane.open(options)), config: file.current }
  } catch (error) {
    io.err(`countersign can't start: ${messageOf(error)}\n`)
    io.exit(1)
    return null
  }
}

/** What is asked for and not enforced must not be believed to be. */
function canRun(config: Config): readonly string[] {
  return config.unsupported
}

/** Resolves with the first signal that asks to stop. */
function stopSignal(io: ServerIo): Promise<void> {
  return new Promise((resolve) => {
    io.onSignal('SIGTERM', resolve)
    io.onSignal('SIGINT', resolve)
  })
}

/** Resolves when the proxy has stopped. */
async function stopOnSignal(
  io: ServerIo,
  proxy: DataPlane,
  signalled: Promise<void>,
): Promise<void> {
  io.onSignal('SIGHUP', () => void proxy.reload())
  await signalled
  await proxy.close().catch((error: unknown) => io.err(`${messageOf(error)}\n`))
  io.exit(0)
}

/** Starts a proxy for the demo, which ends it by itself. */
export async function startForDemo(io: ServerIo, path: string): Promise<DemoProxy> {
  const running = await startProxy(io, path)
  const { postgres, mysql, control } = running?.addresses ?? {}
  if (!running || !postgres || !control) throw new Error('the demo needs both doors')
  return {
    postgres: hostPort(postgres),
    mysql: mysql ? hostPort(mysql) : null,
    control: `http://${hostPort(control)}`,
    close: () => running.proxy.close(),
  }
}

function hostPort(address: { readonly host: string; readonly port: number }): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}

function readyJson({ postgres, mysql, control }: Addresses): string {
  return JSON.stringify({
    ready: true,
    ...(postgres && { postgres: hostPort(postgres) }),
    ...(mysql && { mysql: hostPort(mysql) }),
    ...(control && { control: `http://${hostPort(control)}` }),
  })
}

function readyText({ postgres, mysql, control }: Addresses): string {
  const lines = []
  if (postgres) lines.push(`postgres  ${hostPort(postgres)}`)
  if (mysql) lines.push(`mysql     ${hostPort(mysql)}`)
  if (control) lines.push(`control   http://${hostPort(control)}`)
  return `${lines.join('\n')}\n`
}
