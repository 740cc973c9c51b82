import { readFileSync } from 'node:fs'
import t from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { SIDES } from '../support/e2e-sides.ts'
import { readTool, type ToolStatement, toolFiles } from '../support/tools-fixtures.ts'
import { toolsPage, toolsPagePath } from '../support/tools-page.ts'
import {
  type Replayed,
  replay,
  startToolServer,
  toolProxyOptions,
} from '../support/tools-replay.ts'

/** What a fixture promises, beside what came of it; null where they agree. */
function surprise({ sql, masked, held }: ToolStatement, { outcome, said }: Replayed) {
  const promised = held === undefined ? (masked ? 'masked' : 'same') : 'held'
  // Of what the server itself answers differently each time, only an error could be told.
  const kept = outcome === promised || (outcome === 'varies' && promised !== 'held')
  return kept ? null : { sql, promised, outcome, said }
}

for (const side of SIDES.filter(({ name }) => name !== 'MySQL, machine')) {
  t.test(`${side.name}: what tools send by themselves is answered as ever`, async (t) => {
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
  })
}

t.test('the page of the tools says what the fixtures say', async (t) => {
  t.equal(readFileSync(toolsPagePath, 'utf8'), toolsPage())
})
