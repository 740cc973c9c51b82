import t from 'tap'
import { ReadingKeeper } from '../../src/catalog/reading-keeper.ts'
import { type Deferred, deferred } from '../../src/lib/deferred.ts'

interface Snapshot {
  readonly content: string
}

/** A keeper of a schema that the test writes, with readings that the test lets go. */
function openWorld() {
  const world = {
    schema: 'first',
    opened: 0,
    ended: 0,
    breaks: [] as (() => void)[],
    readings: [] as Deferred<void>[],
    troubles: [] as unknown[],
    tick: () => {},
    now: 0,
    waits: 0,
  }
  const keeper = new ReadingKeeper<number, Snapshot>({
    connect: async (broken) => {
      world.breaks.push(broken)
      return ++world.opened
    },
    disconnect: async () => world.ended++,
    read: async (_connection, before) => {
      const content = world.schema
      const go = deferred<void>()
      world.readings.push(go)
      await go.promise
      return before?.content === content ? before : { content }
    },
    clock: {
      now: () => 0,
      monotonic: () => world.now,
      after: (ms, fire) => {
        world.waits = ms
        world.tick = fire
        return () => {
          world.tick = () => {}
        }
      },
    },
    onTrouble: (error) => world.troubles.push(error),
    onRecovery: () => world.troubles.push('over'),
  })
  return { world, keeper }
}

/** Lets everything run that waits for nothing. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

t.test('who asks while a reading runs gets the next, and shares it', async (t) => {
  const { world, keeper } = openWorld()
  t.throws(() => keeper.current, /not been read yet/)
  const first = keeper.refresh()
  await settle()
  world.schema = 'second'
  const [one, other] = [keeper.refresh(), keeper.refresh()]
  t.equal(one, other)
  world.readings[0]?.resolve()
  t.equal((await first).content, 'first')
  t.equal(keeper.current.content, 'first')
  await settle()
  world.readings[1]?.resolve()
  t.equal((await one).content, 'second')
  t.equal(world.readings.length, 2)
  const again = keeper.refresh()
  await settle()
  world.readings[2]?.resolve()
  t.equal(await again, keeper.current, 'equal content is the same object')
  t.equal(world.opened, 1)
})

t.test('a reading that fails is told, and the next has another connection', async (t) => {
  const { world, keeper } = openWorld()
  const first = keeper.refresh()
  await settle()
  world.readings[0]?.resolve()
  const kept = await first
  world.tick()
  await settle()
  const waits = keeper.refresh()
  world.readings[1]?.reject(new Error('gone'))
  await settle()
  await settle()
  t.match(world.troubles, [/gone/])
  t.equal(keeper.current, kept, 'the last reading stays in force')
  world.readings[2]?.resolve()
  t.equal(await waits, kept)
  t.equal(world.opened, 2)
  t.equal(world.ended, 1)
  await settle()
  for (const at of [3, 4]) {
    world.tick()
    await settle()
    world.readings[at]?.resolve()
    await settle()
    await settle()
    t.match(world.troubles, [/gone/, 'over'], 'its end is told, once')
  }
})

t.test('a connection that breaks is replaced; one that broke before breaks nothing', async (t) => {
  const { world, keeper } = openWorld()
  const read = async () => {
    const reading = keeper.refresh()
    await settle()
    world.readings.at(-1)?.resolve()
    await reading
  }
  await read()
  world.breaks[0]?.()
  await read()
  t.equal(world.opened, 2)
  world.breaks[0]?.()
  await read()
  t.equal(world.opened, 2)
  await keeper.close()
  t.equal(world.ended, 1)
  world.tick()
  t.equal(world.readings.length, 3, 'nothing is read when it is closed')
})

t.test('a look that takes long is followed by a long rest', async (t) => {
  const { world, keeper } = openWorld()
  t.equal(world.waits, 4000)
  for (const [took, rest] of [
    [30, 4000],
    [2000, 40_000],
  ] as const) {
    world.tick()
    await settle()
    world.now += took
    world.readings.at(-1)?.resolve()
    await settle()
    t.equal(world.waits, rest)
  }
  await keeper.close()
})
