import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { codeOf, connect, denyAll } from '../support/e2e-client.ts'
import { childrenOf, MortalPostgres } from '../support/e2e-processes.ts'
import { SHOP } from '../support/shop.ts'

/*
 * Everything that can die is killed while a statement is held, at moments that sweep over the steps
 * of a hold: before the signature arrives, between it and the forward, and after. Whatever happens,
 * what the database shows and what the trail says have to agree.
 */

/** Milliseconds between a signature and a kill; a whole hold takes some ten. */
const MOMENTS = [0, 2, 4, 6, 8, 10, 12, 15, 20, 30]

/** Of a record, what is looked at here. */
interface TrailRecord {
  readonly type: string
  readonly session?: string
  readonly decision?: string
  readonly stmt?: { readonly sql: string }
  readonly approval?: { readonly id: string } | null
}

/** What the trail tells of one statement. */
function storyOf(proxy: Countersign, sql: string) {
  const records = proxy.records() as unknown as TrailRecord[]
  const intents = records.filter(
    ({ type, stmt }) => type === 'statement.intent' && stmt?.sql === sql,
  )
  const ids = intents.map(({ approval }) => approval?.id)
  const about = (kind: string) =>
    records.filter(({ type, approval }) => type === kind && ids.includes(approval?.id)).length
  return {
    intents: intents.length,
    signed: intents.every(({ decision }) => decision === 'approved'),
    votes: about('approval.voted'),
    spent: about('approval.spent'),
  }
}

t.test('what dies during a hold', async (t) => {
  const db = await MortalPostgres.open(t, SHOP)
  const proxy = await startCountersign(t, { upstream: db.url })
  let tables = 0

  /** A table that nobody else knows, and the statement that would end it. */
  async function newVictim(): Promise<{ table: string; sql: string }> {
    const table = `victim_${++tables}`
    await db.query(`CREATE TABLE ${table} (id integer)`)
    return { table, sql: `DROP TABLE ${table}` }
  }

  const waiting = (sql: string) => proxy.pending(({ statement }) => statement === sql)

  /** The control process listens again where it did. */
  async function controlIsBack(): Promise<void> {
    for (;;) {
      const ready = await fetch(`${proxy.control}/readyz`).catch(() => null)
      if (ready?.ok) return
      await after(20)
    }
  }

  async function sessionHasEnded(id: string): Promise<void> {
    const closed = ({ type, session }: TrailRecord) => type === 'session.closed' && session === id
    while (!(proxy.records() as unknown as TrailRecord[]).some(closed)) await after(20)
  }

  /** Nothing ran without a signature and a record; nothing ran twice. */
  async function agrees(t: Test, { table, sql }: { table: string; sql: string }): Promise<void> {
    const gone = !(await db.exists(table))
    const story = storyOf(proxy, sql)
    // A vote that was written down and then lost with its process is asked for again.
    if (gone) {
      t.match(story, { intents: 1, signed: true, spent: 1 }, `${sql} ran`)
      t.ok(story.votes >= 1)
    } else t.ok(story.intents <= 1 && story.signed, `${sql} did not run`)
  }

  t.test('200 others go on while DROP TABLE is held', async (t) => {
    const victim = await newVictim()
    const holder = await connect(t, proxy)
    const dropped = codeOf(holder.query(victim.sql))
    const { id } = await waiting(victim.sql)
    const others = await Promise.all(Array.from({ length: 200 }, () => connect(t, proxy)))
    const answers = await Promise.all(
      others.flatMap((client, number) => [
        client.query('SELECT $1::int AS mine', [number]),
        client.query('INSERT INTO scratch VALUES ($1)', [number]),
        client.query('SELECT count(*)::int AS mine FROM scratch WHERE id = $1', [number]),
      ]),
    )
    t.equal(answers.length, 600)
    t.ok(others.every((_, number) => answers[number * 3]?.rows[0].mine === number))
    t.ok(others.every((_, number) => answers[number * 3 + 2]?.rows[0].mine === 1))
    t.match(await proxy.request(id), { state: 'pending' }, 'the one still waits')
    await proxy.approve(id)
    t.equal(await dropped, 'done')
    await Promise.all(others.map((client) => client.end()))
    await agrees(t, victim)
  })

  t.test('the client', async (t) => {
    for (const moment of MOMENTS) {
      const victim = await newVictim()
      const client = await connect(t, proxy)
      void codeOf(client.query(victim.sql))
      const { id, session } = await waiting(victim.sql)
      const signed = proxy.decide(id, 'approve')
      await after(moment)
      client.connection.stream.destroy()
      await signed
      await sessionHasEnded(String(session))
      await agrees(t, victim)
    }
  })

  t.test('its backend in the database', async (t) => {
    const states: string[] = []
    for (const moment of [-1, ...MOMENTS]) {
      const victim = await newVictim()
      const client = await connect(t, proxy)
      const { pid } = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0]
      const ended = codeOf(client.query(victim.sql))
      const { id } = await waiting(victim.sql)
      if (moment < 0) {
        await db.query('SELECT pg_terminate_backend($1)', [pid])
        t.match(await ended, /57P01|08006/, 'the client is told')
        t.match(await proxy.settled(id), { state: 'withdrawn' })
        t.equal((await proxy.decide(id, 'approve')).status, 410, 'nothing is left to sign')
        t.equal(await db.exists(victim.table), true)
        continue
      }
      const signed = proxy.decide(id, 'approve')
      await after(moment)
      await db.query('SELECT pg_terminate_backend($1)', [pid])
      await signed
      states.push(String(await ended))
      await agrees(t, victim)
    }
    t.comment(states.join(' '))
  })

  t.test('the control process: what is held goes on waiting', async (t) => {
    const victim = await newVictim()
    const client = await connect(t, proxy)
    const dropped = codeOf(client.query(victim.sql))
    const { id } = await waiting(victim.sql)
    const from = proxy.stderr.length
    for (const child of childrenOf(proxy.pid)) process.kill(child, 'SIGKILL')
    await proxy.said(/the control process ended/, from)
    const other = await connect(t, proxy)
    t.equal(await codeOf(other.query('DROP TABLE scratch')), 'ZA004', 'the gate is away, not open')
    t.equal(
      (await other.query('SELECT 1 AS one')).rows[0].one,
      1,
      'what needs no signature goes on',
    )
    await controlIsBack()
    t.match(await proxy.request(id), { state: 'pending' }, 'the request is still there')
    t.equal(await db.exists(victim.table), true)
    await proxy.approve(id)
    t.equal(await dropped, 'done', 'on the connection that has waited all the time')
    await agrees(t, victim)
  })

  t.test('the control process, as a signature arrives', async (t) => {
    for (const moment of [0, 4, 8, 12, 20]) {
      const victim = await newVictim()
      const client = await connect(t, proxy)
      const ended = codeOf(client.query(victim.sql))
      const { id } = await waiting(victim.sql)
      const signed = proxy.decide(id, 'approve').catch(() => null)
      await after(moment)
      const from = proxy.stderr.length
      for (const child of childrenOf(proxy.pid)) process.kill(child, 'SIGKILL')
      await signed
      await proxy.said(/the control process ended/, from)
      await controlIsBack()
      const { state } = await proxy.request(id)
      t.comment(`${moment} ms: ${state}`)
      if (state === 'pending') await proxy.approve(id)
      t.match(await ended, /^(done|ZA004)$/)
      await agrees(t, victim)
    }
  })

  t.test('the whole database', async (t) => {
    for (const moment of [-1, 0, 4]) {
      const victim = await newVictim()
      const client = await connect(t, proxy)
      const ended = codeOf(client.query(victim.sql))
      const { id } = await waiting(victim.sql)
      const signed = moment < 0 ? null : proxy.decide(id, 'approve')
      if (moment >= 0) await after(moment)
      await db.crash()
      await signed
      t.match(await ended, /57P0|08006|done/)
      await db.start()
      if (moment < 0) t.match(await proxy.settled(id), { state: 'withdrawn' })
      await agrees(t, victim)
      const again = await connect(t, proxy)
      t.equal((await again.query('SELECT 1 AS one')).rows[0].one, 1, 'new sessions find it')
    }
    await denyAll(proxy)
  })

  t.test('the data plane, by kill -9', async (t) => {
    for (const moment of [-1, 0, 8, 12, 16, 24, 40]) {
      const victim = await newVictim()
      const client = await connect(t, proxy)
      void codeOf(client.query(victim.sql))
      const { id } = await waiting(victim.sql)
      const signed = moment < 0 ? null : proxy.decide(id, 'approve').catch(() => null)
      if (moment >= 0) await after(moment)
      await proxy.kill('SIGKILL')
      await signed
      await proxy.start()
      const { state } = await proxy.request(id)
      t.comment(`${moment} ms: ${state}, ${JSON.stringify(storyOf(proxy, victim.sql))}`)
      await agrees(t, victim)
      if (moment < 0) {
        t.equal(state, 'withdrawn', 'nobody waits for it any more')
        t.equal((await proxy.decide(id, 'approve')).status, 410)
        t.equal(await db.exists(victim.table), true, 'and nothing runs by itself')
      }
    }
    const { code, out } = await proxy.run('audit', 'verify', '--config', proxy.configPath)
    t.equal(code, 0, out)
  })
})
