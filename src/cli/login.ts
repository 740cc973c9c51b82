import type { Command } from 'commander'
import { z } from 'zod'
import { visibleLine } from '../approval/channels/visible.ts'
import { isLoopback } from '../identity/fetch-json.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { exitCodeOf } from './answering.ts'
import { ApiClient, ApiFailure, type Fetch } from './api-client.ts'
import { controlUrl } from './control-url.ts'
import type { CommandIo } from './io.ts'
import { SessionFile } from './session-file.ts'
import { UsageError } from './usage-error.ts'

export interface LoginParts {
  readonly fetch?: Fetch
  readonly clock?: Clock
}

interface LoginOptions {
  readonly url?: string
  readonly config?: string
  readonly logout?: boolean
}

const HELP = `
Prints an address and a code; sign in there, in any browser, and compare the code. The token is good
for eight hours and kept in ~/.config/countersign (0600), for this proxy alone. COUNTERSIGN_TOKEN and
--token come before it. It can't approve what asks for a fresh sign-in.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly.
`

const Begun = z.object({
  device: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string().nullable(),
  expires_in: z.number(),
  interval: z.number().min(1).max(300),
})
const Answer = z.union([
  z.object({ token: z.string(), person: z.string(), expires_at: z.string() }),
  z.object({ interval: z.number().min(1).max(300) }),
])
const WhoAmI = z.object({
  person: z.string(),
  groups: z.array(z.string()),
  expires_at: z.string().nullable(),
})

/** Adds `login`, by the device flow of RFC 8628, and `whoami`. */
export function registerLogin(program: Command, io: CommandIo, parts: LoginParts = {}): void {
  place(program.command('login'))
    .description('Sign in with your account at the identity provider')
    .option('--logout', 'end the token that is kept, here and there')
    .addHelpText('after', HELP)
    .action((options: LoginOptions) =>
      run(io, options, (url) => (options.logout ? logout(io, parts, url) : login(io, parts, url))),
    )
}

/** Adds `whoami`. */
export function registerWhoami(program: Command, io: CommandIo, parts: LoginParts = {}): void {
  place(program.command('whoami'))
    .description('Say whose token is used')
    .action((options: LoginOptions) =>
      run(io, options, async (url) => {
        const token = io.env.COUNTERSIGN_TOKEN ?? new SessionFile(io.env).find(url)?.token
        if (!token) throw new UsageError('nobody is logged in: countersign login')
        const api = new ApiClient({ url, token, fetch: parts.fetch ?? fetch })
        const { person, groups, expires_at } = WhoAmI.parse(await api.get('/v1/session'))
        const until = expires_at === null ? '' : `, until ${expires_at}`
        io.out(`${visibleLine(`${person} (${groups.join(', ') || 'no groups'})${until}`)}\n`)
      }),
    )
}

function place(command: Command): Command {
  return command
    .option('--url <url>', 'where the proxy is; COUNTERSIGN_URL')
    .option('--config <file>', 'the configuration that says where')
}

async function run(
  io: CommandIo,
  options: LoginOptions,
  act: (url: string) => Promise<void>,
): Promise<void> {
  try {
    await act(await controlUrl(options, io.env))
    io.exit(0)
  } catch (error) {
    io.err(`${visibleLine(messageOf(error))}\n`)
    io.exit(exitCodeOf(error))
  }
}

async function login(io: CommandIo, parts: LoginParts, url: string): Promise<void> {
  const { protocol } = new URL(url)
  if (protocol !== 'https:' && !isLoopback(new URL(url))) {
    throw new UsageError(`${url} is not https: a token would travel in clear`)
  }
  const file = new SessionFile(io.env)
  const begun = Begun.parse(await post(parts, url, '/v1/session/device', {}))
  const address = begun.verification_uri_complete ?? begun.verification_uri
  io.out(`Open  ${visibleLine(address)}\nCode  ${visibleLine(begun.user_code)}\n`)
  const clock = parts.clock ?? systemClock
  const end = clock.monotonic() + begun.expires_in * 1_000
  let seconds = begun.interval
  while (clock.monotonic() < end) {
    await new Promise<void>((resolve) => clock.after(seconds * 1_000, resolve))
    const { device } = begun
    const answer = Answer.parse(await post(parts, url, '/v1/session', { device }))
    if ('token' in answer) {
      const { token, person, expires_at: expiresAt } = answer
      file.put(url, { token, person, expiresAt })
      io.out(`${visibleLine(`logged in as ${person}, until ${expiresAt}`)}\n`)
      return
    }
    seconds = answer.interval
  }
  throw new Error('the code is over: begin again')
}

/** What is kept here goes in any case, and there where it can be reached. */
async function logout(io: CommandIo, parts: LoginParts, url: string): Promise<void> {
  const file = new SessionFile(io.env)
  const session = file.find(url)
  if (!session) throw new UsageError('nobody is logged in there')
  file.remove(url)
  const { token } = session
  const api = new ApiClient({ url, token, fetch: parts.fetch ?? fetch })
  try {
    await api.post('/v1/session/end', {}, {})
  } catch (error) {
    // It had ended already.
    if (!(error instanceof ApiFailure) || error.status !== 401) throw error
  }
  io.out('logged out\n')
}

async function post(parts: LoginParts, url: string, path: string, body: object) {
  const call = parts.fetch ?? fetch
  const headers = { 'content-type': 'application/json' }
  const answer = await call(`${url.replace(/\/+$/, '')}${path}`, {
    ...{ method: 'POST', body: JSON.stringify(body), headers, redirect: 'error' },
  })
  const said = (await answer.json()) as { readonly error?: { readonly message?: unknown } }
  if (!answer.ok) throw new Error(String(said.error?.message ?? `it answered ${answer.status}`))
  return said
}
