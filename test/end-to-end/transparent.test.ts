import t, { type Test } from 'tap'
import { BASE } from '../support/conversations/base.ts'
import { copy } from '../support/conversations/copy.ts'
import { cursors } from '../support/conversations/cursors.ts'
import { errors } from '../support/conversations/errors.ts'
import { extendedProtocol } from '../support/conversations/extended.ts'
import { large } from '../support/conversations/large.ts'
import { sessions } from '../support/conversations/sessions.ts'
import { simple } from '../support/conversations/simple.ts'
import { types } from '../support/conversations/types.ts'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { POSTGRES_VERSIONS, startPostgres, type TestPostgres } from '../support/postgres.ts'
import type { Conversation } from '../support/transparent-conversation.ts'
import { type Place, play, type Transcript } from '../support/transparent-play.ts'

const FAMILIES: Readonly<Record<string, readonly Conversation[]>> = {
  types,
  simple,
  errors,
  extended: extendedProtocol,
  cursors,
  copy,
  sessions,
  large,
}

/** One rule, which allows all, and no column classified. */
// biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
const TRANSPARENT = { rules: [{ name: 'all', when: {}, then: 'allow' }] }

/** Databases of one server, equal to the last object id. */
const COPIES = ['direct', 'again', 'proxied'] as const

for (const version of POSTGRES_VERSIONS) {
  t.test(`direct and proxied, byte by byte, on the ${version}`, async (t) => {
    const db = await startPostgres(t, { version, settings: { max_prepared_transactions: '2' } })
    await copyBase(db)
    const proxy = await startCountersign(t, {
      upstream: urlOf(db, 'proxied'),
      database: { classified: {} },
      config: TRANSPARENT,
    })
    for (const [family, conversations] of Object.entries(FAMILIES)) {
      t.test(family, async (t) => {
        for (const conversation of conversations) await compare(t, db, proxy, conversation)
        const exchanges = conversations.flatMap(({ steps }) => steps).length
        t.comment(`${exchanges} exchanges`)
      })
    }
  })
}

t.test('there are enough of them', async (t) => {
  const steps = Object.values(FAMILIES).flatMap((family) => family.flatMap((one) => one.steps))
  t.comment(`${steps.length} exchanges`)
  t.ok(steps.length >= 300)
})

async function copyBase(db: TestPostgres): Promise<void> {
  await db.query(BASE)
  const { Client } = (await import('pg')).default
  const client = new Client({ connectionString: urlOf(db, 'postgres') })
  await client.connect()
  for (const name of COPIES) await client.query(`CREATE DATABASE ${name} TEMPLATE shop`)
  await client.end()
}

function urlOf(db: TestPostgres, database: string): string {
  return db.superuserUrl.replace(/shop$/, database)
}

function direct(db: TestPostgres, database: string): Place {
  const { username, password } = new URL(db.superuserUrl)
  return { port: db.port, login: { user: username, password, database } }
}

/** What two runs against the server itself agree on, the proxy has to answer too. */
async function compare(
  t: Test,
  db: TestPostgres,
  proxy: Countersign,
  conversation: Conversation,
): Promise<void> {
  const { name } = conversation
  const expected = await play(direct(db, 'direct'), conversation)
  // What takes long is steady; of the rest the server itself has to say the same twice.
  if (!large.includes(conversation)) {
    const again = await play(direct(db, 'again'), conversation)
    t.equal(firstDifference(conversation, expected, again), '', `${name}, twice direct`)
  }
  const proxied = await play({ port: proxy.port, login: loginOf(proxy) }, conversation)
  t.equal(firstDifference(conversation, expected, proxied), '', name)
}

/** The first exchange that was answered otherwise, as a person reads it; empty where none was. */
function firstDifference({ steps }: Conversation, expected: Transcript, found: Transcript): string {
  for (const [index, lines] of expected.entries()) {
    const other = found[index] ?? []
    const at = Math.max(lines.length, other.length)
    const first = Array.from({ length: at }, (_, line) => line).find((i) => lines[i] !== other[i])
    if (first === undefined) continue
    const asked = JSON.stringify(Buffer.concat([...(steps[index]?.bytes ?? [])]).toString('latin1'))
    const what = steps[index] ? `asked ${asked.slice(0, 300)}` : 'at the beginning or the end'
    return `${what}\nexpected ${lines.slice(first, first + 2).join(' ')}\nfound ${other.slice(first, first + 2).join(' ')}`
  }
  return ''
}
