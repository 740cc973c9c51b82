import type { Command } from 'commander'
import { z } from 'zod'
import { visibleLine } from '../approval/channels/visible.ts'
import type { ApiClient } from './api-client.ts'
import { type ApprovalsParts, type Common, common, runWithApi } from './approvals.ts'
import type { CommandIo } from './io.ts'

/** Adds `grants ls|revoke`: what was approved for more than one execution. */
export function registerGrants(program: Command, io: CommandIo, parts: ApprovalsParts = {}): void {
  const grants = program
    .command('grants')
    .description('See which shapes of statements are approved for a time, and revoke them')
  common(grants.command('ls'))
    .description('List grants, newest first')
    .option('--all', 'those that are over, too')
    .action((options: ListOptions) =>
      runWithApi(io, parts, options, (api) => list(api, io, options)),
    )
  common(grants.command('revoke <id>'))
    .description('End a grant; what it has let run stays')
    .action((id: string, options: Common) =>
      runWithApi(io, parts, options, async (api) => {
        const answer = await api.post(`/v1/grants/${encodeURIComponent(id)}/revoke`, {}, {})
        io.out(
          options.json ? `${JSON.stringify(answer)}\n` : `${lineOf(GrantShape.parse(answer))}\n`,
        )
      }),
    )
}

interface ListOptions extends Common {
  readonly all?: boolean
}

const GrantShape = z.object({
  id: z.string(),
  state: z.string(),
  agent: z.string(),
  database: z.string(),
  verb: z.string(),
  tables: z.array(z.object({ name: z.string() })),
  max_rows: z.number(),
  by: z.array(z.string()),
  uses: z.number(),
  expires_at: z.string(),
})

async function list(api: ApiClient, io: CommandIo, { json, all }: ListOptions): Promise<void> {
  const answer = (await api.get('/v1/grants')) as { readonly grants: readonly unknown[] }
  if (json) {
    io.out(`${JSON.stringify(answer)}\n`)
    return
  }
  const grants = answer.grants.map((grant) => GrantShape.parse(grant))
  const shown = grants.filter(({ state }) => all || state === 'active')
  if (shown.length === 0) io.out('Nothing is granted.\n')
  for (const grant of shown) io.out(`${lineOf(grant)}\n`)
}

function lineOf(grant: z.infer<typeof GrantShape>): string {
  const tables = [...new Set(grant.tables.map(({ name }) => name))].join(', ')
  const what = `${grant.verb}${tables === '' ? '' : ` on ${tables}`}, ${grant.database}`
  const terms = `at most ${grant.max_rows} rows each, until ${grant.expires_at}`
  const uses = `used ${grant.uses === 1 ? 'once' : `${grant.uses} times`}`
  return visibleLine(
    `${grant.id}  ${grant.state.padEnd(7)}  ${grant.agent}  ${what}, ${terms}, by ${grant.by.join(', ')}, ${uses}`,
  )
}
