import { setTimeout as after } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Countersign, startCountersign } from '../support/countersign.ts'
import { denyAll } from '../support/e2e-client.ts'
import { childrenOf, openMortal } from '../support/e2e-processes.ts'
import { codeOf, connectAgent, ONE_SIDE_EACH, type Side } from '../support/e2e-sides.ts'

/*
 * Everything that can die is killed while a statement is held, at moments that sweep over the steps
 * of a hold: before the signature arrives, between it and the forward, and after. Whatever happens,
 * what the database shows and what the trail says have to agree.
 */

/** Milliseconds between a signature and a kill; a whole hold takes some ten. */
const MOMENTS = swept([0, 2, 4, 6, 8, 10, 12, 15, 20, 30])

/** All of them where COUNTERSIGN_SWEEP is set, which takes minutes; else every other. */
function swept(moments: readonly number[]): readonly number[] {
  return process.env.COUNTERSIGN_SWEEP ? moments : moments.filter((_moment, at) => at % 2 === 0)
}

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

/** What a client is told whose session the database has ended. */
const SESSION_LOST = { postgres: /57P01|08006/, mysql: /08S01|70100|lost|PROTOCOL/ } as const

for (const side of ONE_SIDE_EACH) {
  t.test(`${side.name}: what dies during a hold`, (t) => deaths(t, side))
}

async function deaths(t: Test, side: Side): Promise<void> {
  const db = await openMortal(t, side.system)
  const proxy = await startCountersign(t, { upstream: db.url })
  const connect = (t: Test) => connectAgent(t, side, proxy)
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
    const holder = await connect(t)
    const dropped = codeOf(holder.query(victim.sql))
    const { id } = await waiting(victim.sql)
    const others = await Promise.all(Array.from({ length: 200 }, () => connect(t)))
    const answers = await Promise.all(
      others.map(async (client, number) => {
        await client.query('INSERT INTO scratch VALUES (?, ?)', [number, 'mine'])
        const count = 'SELECT count(*) AS mine FROM scratch WHERE id = ?'
        const [row] = await client.query(count, [number])
        return Number(row?.mine)
      }),
    )
    t.same(
      answers,
      answers.map(() => 1),
    )
    t.match(await proxy.request(id), { state: 'pending' }, 'the one still waits')
    await proxy.approve(id)
    t.equal(await dropped, 'done')
    await Promise.all(others.map((client) => client.end()))
    await agrees(t, victim)
  })

  t.test('the client', async (t) => {
    for (const moment of MOMENTS) {
      const victim = await newVictim()
      const client = await connect(t)
      void codeOf(client.query(victim.sql))
      const { id, session } = await waiting(victim.sql)
      const signed = proxy.decide(id, 'approve')
      await after(moment)
      client.destroy()
      await signed
      await sessionHasEnded(String(session))
      await agrees(t, victim)
    }
  })

  t.test('its backend in the database', async (t) => {
    const states: string[] = []
    for (const moment of [-1, ...MOMENTS]) {
      const victim = await newVictim()
      const client = await connect(t)
      const [own] = await client.query(db.ownId)
      const ended = codeOf(client.query(victim.sql))
      const { id } = await waiting(victim.sql)
      if (moment < 0) {
        await db.endSession(own?.id)
        t.match(await ended, SESSION_LOST[side.system], 'the client is told')
        t.match(await proxy.settled(id), { state: 'withdrawn' })
        t.equal((await proxy.decide(id, 'approve')).status, 410, 'nothing is left to sign')
        t.equal(await db.exists(victim.table), true)
        continue
      }
      const signed = proxy.decide(id, 'approve')
      await after(moment)
      await db.endSession(own?.id)
      await signed
      states.push(String(await ended))
      await agrees(t, victim)
    }
    t.comment(states.join(' '))
  })

  t.test('the control process: what is held goes on waiting', async (t) => {
    const victim = await newVictim()
    const client = await connect(t)
    const dropped = codeOf(client.query(victim.sql))
    const { id } = await waiting(victim.sql)
    const from = proxy.stderr.length
    for (const child of childrenOf(proxy.pid)) process.kill(child, 'SIGKILL')
    await proxy.said(/the control process ended/, from)
    const other = await connect(t)
    t.equal(await codeOf(other.query('DROP TABLE scratch')), 'ZA004', 'the gate is away, not open')
    t.same(await other.query('SELECT 1 AS one'), [{ one: 1 }], 'what needs no signature goes on')
    await controlIsBack()
    t.match(await proxy.request(id), { state: 'pending' }, 'the request is still there')
    t.equal(await db.exists(victim.table), true)
    await proxy.approve(id)
    t.equal(await dropped, 'done', 'on the connection that has waited all the time')
    await agrees(t, victim)
  })

  t.test('the control process, as a signature arrives', async (t) => {
    for (const moment of swept([0, 4, 8, 12, 20])) {
      const victim = await newVictim()
      const client = await connect(t)
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

  t.test('a control process that stands still', async (t) => {
    const victim = await newVictim()
    const [control] = childrenOf(proxy.pid)
    const client = await connect(t)
    process.kill(Number(control), 'SIGSTOP')
    try {
      const dropped = codeOf(client.query(victim.sql))
      const other = await connect(t)
      t.same(await other.query('SELECT 1 AS one'), [{ one: 1 }], 'others go on')
      t.equal(await dropped, 'ZA004', 'nobody can be asked, so nothing runs')
      t.equal(await db.exists(victim.table), true)
    } finally {
      process.kill(Number(control), 'SIGCONT')
    }
    // What was asked while it stood still is withdrawn when it is heard of.
    const late = () => proxy.requests('withdrawn')
    while (!(await late()).some(({ statement }) => statement === victim.sql)) await after(20)
    const again = codeOf(client.query(victim.sql))
    await proxy.approve((await waiting(victim.sql)).id)
    t.equal(await again, 'done', 'when it wakes up the same session asks again')
    await agrees(t, victim)
  })

  t.test('the whole database', async (t) => {
    for (const moment of [-1, 0, 4]) {
      const victim = await newVictim()
      const client = await connect(t)
      const ended = codeOf(client.query(victim.sql))
      const { id } = await waiting(victim.sql)
      const signed = moment < 0 ? null : proxy.decide(id, 'approve')
      if (moment >= 0) await after(moment)
      await db.crash()
      await signed
      t.match(await ended, /57P0|08006|08S01|lost|PROTOCOL|done/)
      await db.start()
      if (moment < 0) t.match(await proxy.settled(id), { state: 'withdrawn' })
      await agrees(t, victim)
      const again = await connect(t)
      t.same(await again.query('SELECT 1 AS one'), [{ one: 1 }], 'new sessions find it')
    }
    await denyAll(proxy)
  })

  t.test('the data plane, by kill -9', async (t) => {
    for (const moment of swept([-1, 0, 8, 12, 16, 24, 40])) {
      const victim = await newVictim()
      const client = await connect(t)
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
}
