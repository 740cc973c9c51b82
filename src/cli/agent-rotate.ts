import type { Command } from 'commander'
import { parseDuration } from '../config/values.ts'
import { type Credential, newSecret, rotated } from '../identity/credential.ts'
import { writeCredential } from '../identity/credential-file.ts'
import { Credentials } from '../identity/credentials.ts'
import type { Clock } from '../lib/clock.ts'
import { type AgentWithFile, agentWithFile, changingSecrets } from './agent-secrets.ts'
import { urlsOf } from './agent-urls.ts'
import { answering } from './answering.ts'
import type { CommandIo } from './io.ts'
import { UsageError } from './usage-error.ts'

const LONGEST_OVERLAP_MS = 90 * 86_400_000

const HELP = `
Makes a second secret. The one before stays good for the overlap, so that everything that uses it
can be given the new one; then it is refused, and sessions that came in by it end. A running proxy
takes both at once. --finish ends the overlap now.

Whoever made a secret that is still good can't approve what the agent asks (--created-by). A secret
that has leaked isn't rotated but replaced: "countersign agent add" ends it at once.

Exit codes: 0 done, 1 failed, 2 used wrongly.
`

interface RotateOptions {
  readonly config: string
  readonly overlap: string
  readonly finish?: boolean
  readonly createdBy?: string
  readonly json?: boolean
}

/** Adds `agent rotate`. */
export function registerAgentRotate(agent: Command, io: CommandIo, clock: Clock): void {
  agent
    .command('rotate <name>')
    .description('Give an agent a second secret, and let the first end after a while')
    .requiredOption('--config <file>', 'the configuration')
    .option('--overlap <time>', 'how long the secret before stays good: 30m, 24h, 7d', '24h')
    .option('--finish', 'end the secret before now')
    .option('--created-by <email>', 'who is making this secret')
    .option('--json', 'answer in JSON: {"agent","password","urls","previous_until"}')
    .addHelpText('after', HELP)
    .action((name: string, options: RotateOptions) =>
      answering(io, async () => {
        const listed = await agentWithFile(io, options.config, name)
        return changingSecrets(listed.agent.credential, clock, () =>
          options.finish ? finish(listed, options, clock) : rotate(listed, options, clock),
        )
      }),
    )
}

async function rotate(
  { config, agent }: AgentWithFile,
  options: RotateOptions,
  clock: Clock,
): Promise<string> {
  const now = clock.now()
  const until = now + overlapOf(options.overlap)
  const before = present(agent)
  if (before.previous !== null && before.previous.until > now) {
    const end = new Date(before.previous.until).toISOString()
    throw new UsageError(
      `a rotation of ${agent.name} is under way until ${end}: end it first with --finish`,
    )
  }
  const secret = newSecret()
  const making = {
    createdAt: new Date(now).toISOString(),
    createdBy: options.createdBy ?? null,
  }
  await writeCredential(agent.credential, rotated(before, making, { secret, until }))
  const urls = urlsOf(config, agent, secret)
  const previous_until = new Date(until).toISOString()
  if (options.json) {
    return `${JSON.stringify({ agent: agent.name, password: secret, urls, previous_until })}\n`
  }
  return `${urls.length > 0 ? urls.join('\n') : secret}\nThe secret before stays good until ${previous_until}.\n`
}

async function finish(
  { agent }: AgentWithFile,
  { json }: RotateOptions,
  clock: Clock,
): Promise<string> {
  const { previous, ...newest } = present(agent)
  const finished = previous !== null && previous.until > clock.now()
  if (previous !== null) await writeCredential(agent.credential, { ...newest, previous: null })
  if (json) return `${JSON.stringify({ agent: agent.name, finished })}\n`
  return finished
    ? `The secret before is good no more.\n`
    : `No rotation of ${agent.name} was under way.\n`
}

function present(agent: AgentWithFile['agent']): Credential {
  const credentials = new Credentials()
  const found = credentials.find(agent.name, agent.credential)
  if (found) return found
  const trouble = credentials.trouble(agent.name, agent.credential)
  if (trouble !== null) throw new Error(trouble)
  throw new UsageError(`${agent.name} has no secret: countersign agent add ${agent.name} makes one`)
}

function overlapOf(text: string): number {
  const ms = parseDuration(text)
  if (ms !== null && ms > 0 && ms <= LONGEST_OVERLAP_MS) return ms
  throw new UsageError(`--overlap ${text}: write a time of at most 90 days, like 30m, 24h or 7d`)
}
