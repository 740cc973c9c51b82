import t, { type Test } from 'tap'
import { BASE, RESET } from '../support/conversations/mysql/base.ts'
import { calls } from '../support/conversations/mysql/calls.ts'
import { cursors } from '../support/conversations/mysql/cursors.ts'
import { errors } from '../support/conversations/mysql/errors.ts'
import { large } from '../support/conversations/mysql/large.ts'
import { pipelines } from '../support/conversations/mysql/pipelines.ts'
import { preparedStatements } from '../support/conversations/mysql/prepared.ts'
import { sessions } from '../support/conversations/mysql/sessions.ts'
import { shown } from '../support/conversations/mysql/shown.ts'
import { simple } from '../support/conversations/mysql/simple.ts'
import { types } from '../support/conversations/mysql/types.ts'
import { AGENT, startCountersign } from '../support/countersign.ts'
import { startMysql } from '../support/mysql.ts'
import type { MysqlClient } from '../support/mysql-client.ts'
import type { MysqlConversation } from '../support/transparent-mysql-conversation.ts'
import {
  type MysqlPlace,
  type MysqlTranscript,
  playMysql,
} from '../support/transparent-mysql-play.ts'

const FAMILIES: Readonly<Record<string, readonly MysqlConversation[]>> = {
  types,
  simple,
  errors,
  prepared: preparedStatements,
  cursors,
  calls,
  sessions,
  shown,
  pipelines,
  large,
}

/** One rule, which allows all, and no column classified. */
// biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
const TRANSPARENT = { rules: [{ name: 'all', when: {}, then: 'allow' }] }
const USER = `CREATE USER app IDENTIFIED BY 'app-password'; GRANT ALL ON *.* TO app WITH GRANT OPTION;`

for (const flavour of ['mariadb', 'mysql'] as const) {
  t.test(`direct and proxied, byte by byte, on ${flavour}`, async (t) => {
    // Statistics that change by themselves would change plans, of which the status flags tell.
    const settings = { 'max-allowed-packet': '64M', 'innodb-stats-auto-recalc': '0' }
    const server = await startMysql(t, flavour, { schema: USER + BASE, settings })
    if (!server) {
      t.comment(`NO SERVER: ${flavour} can't be had on this machine, its cases are skipped`)
      return
    }
    const proxy = await startCountersign(t, {
      upstream: `mysql://app:app-password@127.0.0.1:${server.port}/shop`,
      database: { classified: {} },
      config: TRANSPARENT,
    })
    const login = { user: 'app', password: 'app-password', database: 'shop' }
    const world = {
      admin: await server.open(),
      direct: { port: server.port, ...login },
      proxied: { port: proxy.port, ...login, user: AGENT, password: proxy.password },
    }
    for (const [family, conversations] of Object.entries(FAMILIES)) {
      t.test(family, async (t) => {
        for (const conversation of conversations) await compare(t, world, conversation)
        t.comment(`${conversations.flatMap(({ steps }) => steps).length} exchanges`)
      })
    }
  })
}

t.test('there are enough of them', async (t) => {
  const steps = Object.values(FAMILIES).flatMap((family) => family.flatMap((one) => one.steps))
  t.comment(`${steps.length} exchanges`)
  t.ok(steps.length >= 300)
})

interface World {
  readonly admin: MysqlClient
  readonly direct: MysqlPlace
  readonly proxied: MysqlPlace
}

/** What two runs against the server itself agree on, the proxy has to answer too. */
async function compare(t: Test, world: World, conversation: MysqlConversation): Promise<void> {
  const { name } = conversation
  const run = async (place: MysqlPlace) => {
    for (const { error } of await world.admin.query(RESET))
      if (error) throw new Error(error.message)
    return playMysql(place, conversation)
  }
  const expected = await run(world.direct)
  // What takes long is steady; of the rest the server itself has to say the same twice.
  if (!large.includes(conversation)) {
    const again = await run(world.direct)
    t.equal(firstDifference(conversation, expected, again), '', `${name}, twice direct`)
  }
  t.equal(firstDifference(conversation, expected, await run(world.proxied)), '', name)
}

/** The exchanges that were answered otherwise, as a person reads them; empty where none was. */
function firstDifference(
  { steps }: MysqlConversation,
  expected: MysqlTranscript,
  found: MysqlTranscript,
): string {
  const differences = expected.flatMap((lines, index) => {
    const other = found[index] ?? []
    const at = Math.max(lines.length, other.length)
    const first = Array.from({ length: at }, (_, line) => line).find((i) => lines[i] !== other[i])
    if (first === undefined) return []
    const commands = steps[index]?.commands ?? []
    const asked = commands.map(({ bytes }) => shownBytes(bytes)).join(' ')
    const what = commands.length > 0 ? `asked ${asked.slice(0, 300)}` : 'at the end'
    const [is, was] = [lines, other].map((all) => all.slice(first, first + 2).join(' '))
    return [`${what}\nexpected ${is}\nfound ${was}`]
  })
  return differences.slice(0, 5).join('\n')
}

function shownBytes(bytes: (ids: ReadonlyMap<string, number>) => Buffer | null): string {
  const anyId = { get: () => 0 } as unknown as ReadonlyMap<string, number>
  return JSON.stringify(bytes(anyId)?.toString('latin1', 0, 200))
}
