#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import type { ServerIo } from './cli/start.ts'
import { messageOf } from './lib/errors.ts'
import { VERSION } from './version.ts'

const CONTROL_PROCESS = 'control-process'

/** The only place that touches the process. */
const io: ServerIo = {
  env: process.env,
  out: (text) => {
    process.stdout.write(text)
  },
  err: (text) => {
    process.stderr.write(text)
  },
  exit: (code) => {
    process.exitCode = code
  },
  controlProcess: { script: fileURLToPath(import.meta.url), args: [CONTROL_PROCESS] },
  onSignal: (signal, listener) => {
    process.on(signal, listener)
  },
}

/** Aborts when the process is asked to end. */
function endingSignal(): AbortSignal {
  const ending = new AbortController()
  io.onSignal('SIGINT', () => ending.abort())
  io.onSignal('SIGTERM', () => ending.abort())
  return ending.signal
}

/** What each command brings in: none loads what only another needs. */
const COMMANDS: Readonly<Record<string, (program: Command) => Promise<void>>> = {
  start: async (program) => (await import('./cli/start.ts')).registerStart(program, io),
  agent: async (program) => {
    ;(await import('./cli/agent.ts')).registerAgent(program, io)
    ;(await import('./cli/agent-token.ts')).registerAgentToken(program, io)
  },
  token: async (program) => (await import('./cli/token.ts')).registerToken(program, io),
  login: async (program) => (await import('./cli/login.ts')).registerLogin(program, io),
  whoami: async (program) => (await import('./cli/login.ts')).registerWhoami(program, io),
  person: async (program) => (await import('./cli/person.ts')).registerPerson(program, io),
  check: async (program) => (await import('./cli/check.ts')).registerCheck(program, io),
  approvals: async (program) => (await import('./cli/approvals.ts')).registerApprovals(program, io),
  grants: async (program) => (await import('./cli/grants.ts')).registerGrants(program, io),
  audit: async (program) => (await import('./cli/audit.ts')).registerAudit(program, io),
  report: async (program) => {
    ;(await import('./cli/report-break-glass.ts')).registerReportBreakGlass(program, io)
    ;(await import('./cli/report-shadow.ts')).registerReportShadow(program, io)
  },
  explain: async (program) => (await import('./cli/explain.ts')).registerExplain(program, io),
  scan: async (program) => (await import('./cli/scan.ts')).registerScan(program, io),
  schema: async (program) => (await import('./cli/schema.ts')).registerSchema(program, io),
  demo: registerDemo,
}

async function registerDemo(program: Command): Promise<void> {
  const { registerDemo: register } = await import('./cli/demo.ts')
  const { startForDemo } = await import('./cli/start.ts')
  register(program, io, {
    startProxy: (path) => startForDemo(io, path),
    // Only the demo takes Ctrl-C this way: other commands end by it as every program does.
    get signal() {
      return endingSignal()
    },
  })
}

async function runCommand(): Promise<void> {
  const program = new Command('countersign')
    .description('A database proxy for AI agents: holds what is sensitive until a person signs.')
    .version(VERSION)
    .showHelpAfterError('(countersign --help lists the commands)')
    .exitOverride()
  const wanted = Object.entries(COMMANDS).filter(([name]) => name === process.argv[2])
  // Help, and what is no command, names them all.
  const shown = wanted.length > 0 ? wanted : Object.entries(COMMANDS)
  for (const [, register] of shown) await register(program)
  try {
    await program.parseAsync(process.argv)
  } catch (error) {
    const { exitCode, code } = error as { exitCode?: number; code?: string }
    if (code?.startsWith('commander.')) io.exit(exitCode === 0 ? 0 : 2)
    else {
      io.err(`${messageOf(error)}\n`)
      io.exit(1)
    }
  }
}

if (process.argv[2] === CONTROL_PROCESS) {
  const { hostOf, runControlProcess } = await import('./cli/control-process.ts')
  runControlProcess(hostOf(process), { version: VERSION })
} else await runCommand()
