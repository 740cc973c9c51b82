import type { Command } from 'commander'
import { ActionTokens } from '../identity/action-tokens.ts'
import { writeRevoked } from '../identity/credential-file.ts'
import type { Clock } from '../lib/clock.ts'
import { agentWithFile, changingSecrets } from './agent-secrets.ts'
import { answering } from './answering.ts'
import type { CommandIo } from './io.ts'

const HELP = `
Shuts an agent out: no secret of it opens anything more, nor does a token or a certificate, and its
tokens for actions end. A running proxy ends its sessions within seconds; what they wait for is
withdrawn. The configuration stays as it is. "countersign agent add" lets it in again, with a new
secret.

Exit codes: 0 done, 1 failed, 2 used wrongly.
`

/** Adds `agent revoke`. */
export function registerAgentRevoke(agent: Command, io: CommandIo, clock: Clock): void {
  agent
    .command('revoke <name>')
    .description('Shut an agent out and end its sessions')
    .requiredOption('--config <file>', 'the configuration')
    .option('--json', 'answer in JSON: {"agent","revoked_at"}')
    .addHelpText('after', HELP)
    .action((name: string, options: { readonly config: string; readonly json?: boolean }) =>
      answering(io, async () => {
        const { agent: listed, config } = await agentWithFile(io, options.config, name)
        const at = clock.now()
        await changingSecrets(listed.credential, clock, () =>
          writeRevoked(listed.credential, name, at),
        )
        await new ActionTokens({ data: config.data, clock }).revoke(name)
        const revoked_at = new Date(at).toISOString()
        if (options.json) return `${JSON.stringify({ agent: name, revoked_at })}\n`
        return `${name} is shut out; its sessions end.\n`
      }),
    )
}
