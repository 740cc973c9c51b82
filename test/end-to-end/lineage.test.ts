import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serialize } from 'pg-protocol'
import t, { type Test } from 'tap'
import { startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { rule } from '../support/e2e-config.ts'
import { type Login, RawClient, type RawMessage } from '../support/e2e-raw.ts'
import { POSTGRES_VERSIONS, startPostgres } from '../support/postgres.ts'
import { projectRoot } from '../support/project-root.ts'

const fixture = (name: string) =>
  readFileSync(join(projectRoot, 'fixtures', 'lineage', name), 'utf8')

/** One story a line, its steps between ;; */
const stories = (name: string) =>
  fixture(name)
    .split('\n')
    .filter((line) => line !== '')

const CLASSIFIED = {
  'public.customers.email': 'pii.email',
  'public.customers.contacts': 'pii.email',
  'public.customers.phone': 'pii.phone',
  'public.customers.national_id': 'pii.national-id',
  'public.customers.birth': 'pii.birth',
  'public.customers.home': 'pii.address',
  'public.customers.profile': 'pii.profile',
  'public.employees.salary': 'hr.salary',
  'public.employees.iban': 'hr.iban',
  'public.payments.card': 'pay.card',
}
const MASKS = {
  'pii.email': 'partial',
  'pii.phone': 'partial',
  'pii.national-id': 'null',
  'pii.birth': 'year',
  'hr.salary': 'zero',
  'hr.iban': 'hash',
  'pay.card': 'partial',
}

/** What the values of the classified columns begin with. */
const CANARIES = 'mail phone id7 street town contact profile card iban'.split(' ')

function spellings(canary: string): string[] {
  const said = [canary, canary.toUpperCase()].flatMap((text) => [
    text,
    [...text].reverse().join(''),
  ])
  const encoded = said.flatMap((text) => {
    const base64 = ['', 'a', 'ab'].map((before) => Buffer.from(before + text).toString('base64'))
    return [Buffer.from(text).toString('hex'), ...base64.map((all) => all.slice(4, -4))]
  })
  return [...said, ...encoded].filter((text) => text.length > 4).map((text) => text.toLowerCase())
}

const SPELLINGS = CANARIES.flatMap((name) => spellings(`kq${name}`))
/** Pay is 917 and four digits; a birthday of which more than the year can be told. */
const NUMBERS = /917\d{4}|190[01]-(?!01-01)\d\d-\d\d/

function leaks(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1').toLowerCase()
  return SPELLINGS.find((spelling) => text.includes(spelling)) ?? NUMBERS.exec(text)?.[0]
}

const bytesOf = (messages: readonly RawMessage[]) =>
  Buffer.concat(messages.map(({ frame }) => frame))

const isOneQuery = (story: string) => !story.includes(' ;; ') && !story.startsWith('COPY')

/** One end of the comparison: queries share a connection, stories of several steps have their own. */
class Side {
  readonly #open: () => Promise<RawClient>
  readonly #shared: RawClient

  private constructor(open: () => Promise<RawClient>, shared: RawClient) {
    this.#open = open
    this.#shared = shared
  }

  static async of(t: Test, port: number, login: Login): Promise<Side> {
    const open = async () => {
      const { client } = await RawClient.login(port, login)
      t.teardown(() => client.destroy())
      return client
    }
    return new Side(open, await open())
  }

  /** All that comes back. */
  async tell(story: string): Promise<Buffer> {
    if (isOneQuery(story)) return bytesOf(await this.#shared.query(story))
    const client = await this.#open()
    const answers: Buffer[] = []
    for (const step of story.split(' ;; ')) answers.push(bytesOf(await client.query(step)))
    client.destroy()
    return Buffer.concat(answers)
  }

  /** One statement by the extended protocol, in binary. */
  async tellBinary(sql: string): Promise<Buffer> {
    const client = this.#shared
    client.send(
      serialize.parse({ text: sql }),
      serialize.bind({ binary: true }),
      serialize.describe({ type: 'P' }),
      serialize.execute({}),
      serialize.sync(),
    )
    return bytesOf(await client.until('Z'))
  }
}

const short = (story: string) => story.slice(0, 100)
for (const version of POSTGRES_VERSIONS) {
  t.test(`PostgreSQL, ${version}: what is masked, where all is allowed`, async (t) => {
    const db = await startPostgres(t, { version, schema: fixture('schema.sql') })
    const database = { classified: CLASSIFIED }
    const all = rule('all', {}, 'allow')
    const proxy = await startCountersign(t, {
      upstream: db.url,
      database,
      config: { masks: MASKS, rules: [all] },
    })
    const { user, password } = db
    const own = await Side.of(t, db.port, { user, password, database: db.database })
    const agent = await Side.of(t, proxy.port, loginOf(proxy))

    await t.test('every honest answer comes back as the server sent it', async (t) => {
      for (const story of stories('honest.sql')) {
        const answer = await own.tell(story)
        t.equal(leaks(answer), undefined, `${short(story)} is honest`)
        t.ok(answer.equals(await agent.tell(story)), short(story))
        if (!isOneQuery(story)) continue
        const binary = await own.tellBinary(story)
        t.ok(binary.equals(await agent.tellBinary(story)), `${short(story)}, binary`)
      }
    })

    await t.test('no classified value leaves, by any road', async (t) => {
      for (const story of stories('leaks.sql')) {
        t.ok(leaks(await own.tell(story)), `${short(story)} shows a value`)
        t.equal(leaks(await agent.tell(story)), undefined, short(story))
        if (!isOneQuery(story)) continue
        t.equal(leaks(await agent.tellBinary(story)), undefined, `${short(story)}, binary`)
      }
    })

    await t.test('a class that is cleared shows in what is computed from it alone', async (t) => {
      const clear = rule('mails', {}, { unmask: ['pii.email'] })
      const cleared = await startCountersign(t, {
        upstream: db.url,
        database,
        config: { masks: MASKS, rules: [clear, all] },
      })
      const trusted = await Side.of(t, cleared.port, loginOf(cleared))
      const says = async (sql: string) => (await trusted.tell(sql)).toString('latin1')
      t.match(await says('SELECT upper(email) AS u FROM customers'), /KQMAIL1XWV@/)
      t.match(await says('SELECT address FROM contact_list'), /KQMAIL1xwv@/)
      t.match(await says('SELECT email_lower FROM customers'), /kqmail1xwv@/)
      t.match(
        await says('PREPARE q AS SELECT email || 1 AS e FROM customers; EXECUTE q'),
        /KQMAIL1/,
      )
      const mixed = await says(
        `SELECT email || phone AS a, upper(phone) AS b, CASE WHEN phone > '' THEN email END AS c,
           (SELECT email || x.home FROM customers LIMIT 1) AS d FROM customers x`,
      )
      t.notMatch(mixed, /KQMAIL|KQPHONE|KQSTREET/i, 'nor with what of another class chooses it')
      t.notMatch(await says('SELECT c, row_to_json(c) AS j FROM customers c'), /KQ/)
    })

    await t.test('lineage and the server have never disagreed', async (t) => {
      const metrics = await fetch(new URL('/metrics', proxy.control))
      const [, count] = /^countersign_lineage_disagreements_total (\d+)$/m.exec(
        await metrics.text(),
      ) ?? [null, 'no such line']
      t.equal(count, '0')
    })
  })
}
