import type { Command } from 'commander'
import { readConfig } from '../config/config-file.ts'
import { ActionTokens } from '../identity/action-tokens.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const HELP = `
With a token an agent asks for actions that aren't SQL: POST /v1/actions. The token is printed this
once; only its hash is stored. A running proxy takes it at once. Run again, it makes another and the
one before stays good, so that it can be replaced at leisure; the third ends the first. --revoke
ends all of them at once.

The one named by --created-by can't approve what is asked with it.

Exit codes: 0 done, 1 failed, 2 used wrongly or not listed in the configuration.

Example:
  countersign agent token deploy-bot --config countersign.yaml --json
`

interface TokenOptions {
  readonly config: string
  readonly createdBy?: string
  readonly revoke?: boolean
  readonly json?: boolean
}

/** Adds `agent token`. */
export function registerAgentToken(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  const agent = program.commands.find((command) => command.name() === 'agent')
  const group = agent ?? program.command('agent').description('Agents and their secrets')
  group
    .command('token <name>')
    .description('Make a token with which an agent asks for actions, or revoke its tokens')
    .requiredOption('--config <file>', 'the configuration')
    .option('--created-by <email>', 'who is making this token')
    .option('--revoke', 'end all tokens of the agent instead')
    .option('--json', 'answer in JSON: {"agent","token"}, or {"agent","revoked"}')
    .addHelpText('after', HELP)
    .action((name: string, options: TokenOptions) =>
      run(io, name, options, parts.clock ?? systemClock),
    )
}

async function run(io: CommandIo, name: string, options: TokenOptions, clock: Clock) {
  try {
    const { config: path, json } = options
    const read = await readConfig({ path, env: io.env })
    if (!read.ok) throw new UsageError(read.problems.join('\n'))
    const tokens = new ActionTokens({ data: read.config.data, clock })
    if (options.revoke) await revoke(io, tokens, name, json)
    else {
      if (!read.config.agents.has(name)) {
        throw new UsageError(`${name} is not listed under agents: in ${path}`)
      }
      const token = await tokens.add(name, options.createdBy ?? null)
      io.out(json ? `${JSON.stringify({ agent: name, token })}\n` : `${token}\n`)
    }
    io.exit(0)
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    io.exit(error instanceof UsageError ? 2 : 1)
  }
}

/** Also of an agent that isn't listed any more. */
async function revoke(io: CommandIo, tokens: ActionTokens, agent: string, json?: boolean) {
  const revoked = await tokens.revoke(agent)
  if (json) io.out(`${JSON.stringify({ agent, revoked })}\n`)
  else io.out(`${revoked} of its tokens ended\n`)
}
