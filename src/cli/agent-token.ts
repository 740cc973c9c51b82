import type { Command } from 'commander'
import { ActionTokens } from '../identity/action-tokens.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { answering } from './answering.ts'
import { configAt } from './config-at.ts'
import { groupOf } from './group.ts'
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
  groupOf(program, 'agent', 'Agents and their secrets')
    .command('token <name>')
    .description('Make a token with which an agent asks for actions, or revoke its tokens')
    .requiredOption('--config <file>', 'the configuration')
    .option('--created-by <email>', 'who is making this token')
    .option('--revoke', 'end all tokens of the agent instead')
    .option('--json', 'answer in JSON: {"agent","token"}, or {"agent","revoked"}')
    .addHelpText('after', HELP)
    .action((name: string, options: TokenOptions) =>
      answering(io, () => addOrRevoke(io, name, options, parts.clock ?? systemClock)),
    )
}

async function addOrRevoke(
  io: CommandIo,
  agent: string,
  options: TokenOptions,
  clock: Clock,
): Promise<string> {
  const { config: path, json } = options
  const { data, agents } = await configAt(io, path)
  const tokens = new ActionTokens({ data, clock })
  if (options.revoke) {
    // Also of an agent that isn't listed any more.
    const revoked = await tokens.revoke(agent)
    return json ? `${JSON.stringify({ agent, revoked })}\n` : `${revoked} of its tokens ended\n`
  }
  if (!agents.has(agent)) throw new UsageError(`${agent} is not listed under agents: in ${path}`)
  const token = await tokens.add(agent, options.createdBy ?? null)
  return json ? `${JSON.stringify({ agent, token })}\n` : `${token}\n`
}
