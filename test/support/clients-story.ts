import type { Test } from 'tap'
import { codeOf, type Driver, type DriverSession, rowsOf } from './clients-driver.ts'
import type { ClientsWorld } from './clients-world.ts'

/** Held for so long, a statement gives up before a person could have answered. */
const BRIEFLY = '300ms'

/** The same story for every driver, over TLS and without: what an agent does in a day. */
export async function tellClientStory(t: Test, world: ClientsWorld, driver: Driver): Promise<void> {
  for (const tls of driver.tlsOnly ? [true] : [false, true]) {
    await t.test(`${driver.name}, ${tls ? 'TLS' : 'without TLS'}`, async (t) => {
      const before = world.sessions().length
      const session = await driver.open({ tls })
      t.teardown(() => session.close())
      await reads(t, session)
      await fails(t, world, session)
      await cancels(t, world, session)
      await waits(t, world, session)
      await withdraws(t, world, session)
      const hasty = await driver.open({ tls, hold: BRIEFLY })
      t.teardown(() => hasty.close())
      await redeems(t, world, hasty)
      const opened = world.sessions().slice(before)
      t.ok(opened.length >= 2, 'the trail has its sessions')
      t.ok(
        opened.every((name) => (name !== null) === tls),
        `all of them ${tls ? 'over TLS' : 'in clear'}`,
      )
    })
  }
}

async function reads(t: Test, session: DriverSession): Promise<void> {
  const customers = await session.run('SELECT id, name, email, ssn FROM customers ORDER BY id')
  const rows = rowsOf(customers).split(';')
  t.equal(rows.length, 2)
  t.match(rows[0], /^1\|Ada\|a\*+@x\.test\|/, 'classified columns are masked')
  t.notMatch(rowsOf(customers), /marsh|larsen|5008|5553/)
  const orders = 'SELECT id, total FROM orders WHERE customer_id = $1 AND total > $2 ORDER BY id'
  for (const attempt of [1, 2, 3, 4, 5, 6, 7]) {
    // Drivers prepare what is asked several times, some of them from the fifth or sixth time on.
    // mysqljs makes a number of what others leave as it stands.
    t.match(rowsOf(await session.run(orders, 1, 15)), /^2\|20(\.00)?$/, `asked ${attempt} times`)
  }
  const name = await session.run('SELECT name, email FROM customers WHERE name = $1', "O'Brien")
  t.equal(rowsOf(name), '', 'a parameter is no text of the statement')
}

async function fails(t: Test, world: ClientsWorld, session: DriverSession): Promise<void> {
  const { failing, noColumn, taken: takenCode, oneMore } = world.words
  const { sql, ...expected } = failing
  t.match(await session.run(sql), expected)
  t.equal(codeOf(await session.run('SELECT nothing FROM customers')), noColumn)
  const taken = await session.run(
    "INSERT INTO customers VALUES (3, 'Cy', 'ada.marsh@x.test', '900-11-2222')",
  )
  t.equal(codeOf(taken), takenCode)
  t.notMatch(rowsOf(taken), /marsh/, 'an error tells no classified value')
  t.equal(rowsOf(await session.run(oneMore, 1)), '2', 'the connection goes on')
}

async function cancels(t: Test, world: ClientsWorld, session: DriverSession): Promise<void> {
  const { sleeping: sql, cancelled } = world.words
  const sleeping = session.run(sql)
  await world.running(sql)
  await session.cancel()
  t.equal(codeOf(await sleeping), cancelled, 'a cancel reaches what runs')
  t.equal(rowsOf(await session.run('SELECT 3 AS three')), '3', 'and nothing after it')
}

async function waits(t: Test, world: ClientsWorld, session: DriverSession): Promise<void> {
  const table = await world.table()
  await world.run(`INSERT INTO ${table} VALUES (1, 'old')`)
  const note = async () => (await world.run(`SELECT note FROM ${table}`))[0]?.note
  const updated = session.run(`UPDATE ${table} SET note = $1`, 'signed')
  const request = await world.waiting(table)
  t.ok(request.effects.includes('unbounded-write'))
  t.match(JSON.stringify(request), /signed|7369676e6564/, 'its value is shown, or its bytes')
  t.equal(await note(), 'old', 'nothing runs unsigned')
  await world.proxy.approve(request.id)
  t.equal(codeOf(await updated), 'done')
  t.equal(await note(), 'signed')
  const rejected = session.run(`DROP TABLE ${table}`)
  await world.proxy.decide((await world.waiting(`DROP TABLE ${table}`)).id, 'deny', 'not today')
  t.match(await rejected, { code: '42501', message: /not today/ })
  t.equal(await world.exists(table), true)
}

async function withdraws(t: Test, world: ClientsWorld, session: DriverSession): Promise<void> {
  const table = await world.table()
  const dropped = session.run(`DROP TABLE ${table}`)
  const request = await world.waiting(table)
  await session.cancel()
  t.equal(codeOf(await dropped), '57014')
  t.match(await world.proxy.settled(request.id), { state: 'withdrawn' })
  t.equal(await world.exists(table), true)
  t.equal(rowsOf(await session.run('SELECT 4 AS four')), '4')
}

async function redeems(t: Test, world: ClientsWorld, session: DriverSession): Promise<void> {
  const table = await world.table()
  const text = `DROP TABLE ${table}`
  const first = await session.run(text)
  const request = await world.waiting(table)
  t.match(first, { code: 'ZA001', message: new RegExp(request.id) })
  t.equal(rowsOf(await session.run('SELECT 5 AS five')), '5', 'the connection goes on')
  t.match(await session.run(text), { code: 'ZA002', message: new RegExp(request.id) })
  await world.proxy.approve(request.id)
  t.equal(await world.exists(table), true, 'an approval alone runs nothing')
  t.equal(codeOf(await session.run(text)), 'done')
  t.equal(await world.exists(table), false)
  t.match(await world.proxy.settled(request.id, 'approved'), { state: 'executed' })
  await world.run(`CREATE TABLE ${table} (id integer)`)
  t.equal(codeOf(await session.run(text)), 'ZA001', 'it was signed for one execution')
  t.equal(await world.exists(table), true)
}
