#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { registerAgent } from './cli/agent.ts'
import { registerAgentToken } from './cli/agent-token.ts'
import { registerApprovals } from './cli/approvals.ts'
import { registerAudit } from './cli/audit.ts'
import { registerCheck } from './cli/check.ts'
import { hostOf, runControlProcess } from './cli/control-process.ts'
import { registerDemo } from './cli/demo.ts'
import { registerExplain } from './cli/explain.ts'
import { registerGrants } from './cli/grants.ts'
import { registerScan } from './cli/scan.ts'
import { registerSchema } from './cli/schema.ts'
import { registerStart, type ServerIo, startForDemo } from './cli/start.ts'
import { registerToken } from './cli/token.ts'
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

async function runCommand(): Promise<void> {
  const program = new Command('countersign')
    .description('A database proxy for AI agents: holds what is sensitive until a person signs.')
    .version(VERSION)
    .showHelpAfterError('(countersign --help lists the commands)')
    .exitOverride()
  registerStart(program, io)
  registerAgent(program, io)
  registerAgentToken(program, io)
  registerToken(program, io)
  registerCheck(program, io)
  registerApprovals(program, io)
  registerGrants(program, io)
  registerAudit(program, io)
  registerExplain(program, io)
  registerScan(program, io)
  registerSchema(program, io)
  registerDemo(program, io, {
    startProxy: (path) => startForDemo(io, path),
    // Only the demo takes Ctrl-C this way: other commands end by it as every program does.
    get signal() {
      return endingSignal()
    },
  })
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

if (process.argv[2] === CONTROL_PROCESS) runControlProcess(hostOf(process), { version: VERSION })
else await runCommand()
