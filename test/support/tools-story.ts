import type { Test } from 'tap'
import { startCountersign } from './countersign.ts'
import { codeOf, connectAgent, type Side } from './e2e-sides.ts'
import { readTool, type ToolStatement, toolFiles } from './tools-fixtures.ts'
import { type Replayed, replay, startToolServer, toolProxyOptions } from './tools-replay.ts'

/** Of the shop's classified values. */
const CANARIES = /ada\.marsh|bo\.larsen|966-34-5008|965-87-5553/i

/** Runs every tool's statements, and then what only looks like them. */
export async function toolsKeepWorking(
  t: Test,
  side: Side,
  lookalikes: Readonly<Record<string, string>>,
): Promise<void> {
  const server = await startToolServer(t, side)
  if (!server) return
  const proxy = await startCountersign(t, toolProxyOptions(server))
  for (const file of toolFiles(side.system)) {
    const statements = readTool(side.system, file).filter(({ on }) => on.includes(server.name))
    if (statements.length === 0) continue
    const surprises: unknown[] = []
    await replay(t, server, proxy, statements, (statement, replayed) => {
      const one = surprise(statement, replayed)
      if (one) surprises.push(one)
    })
    t.same(surprises, [], `${file}: ${statements.length} statements`)
  }
  for (const [what, sql] of Object.entries(lookalikes)) {
    const client = await connectAgent(t, side, proxy)
    let shown = ''
    const code = await codeOf(
      client.query(sql).then(
        (rows) => {
          shown = JSON.stringify(rows)
        },
        (error) => {
          shown = String(error.message)
          throw error
        },
      ),
    )
    t.ok(code === 'ZA001' || (what.startsWith('masked') && code === 'done'), `${what}: ${code}`)
    t.notMatch(shown, CANARIES, what)
    await client.end().catch(() => {})
  }
}

/** What a fixture promises, beside what came of it; null where they agree. */
function surprise({ sql, masked, held }: ToolStatement, { outcome, said }: Replayed) {
  const promised = held === undefined ? (masked ? 'masked' : 'same') : 'held'
  // Of what the server itself answers differently each time, only an error could be told.
  const kept = outcome === promised || (outcome === 'varies' && promised !== 'held')
  return kept ? null : { sql, promised, outcome, said }
}
