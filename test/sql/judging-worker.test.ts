import t, { type Test } from 'tap'
import { JudgingWorker, UnjudgedError } from '../../src/sql/judging-worker.ts'
import { ManualClock } from '../fuzz/fuzz-world.ts'

const SCRIPT = `
  import { parentPort } from 'node:worker_threads'
  parentPort.postMessage('ready')
  parentPort.on('message', (job) => {
    if (job === 'die') process.exit(1)
    if (job !== 'stall') parentPort.postMessage('judged ' + job)
  })`

function openWorker(t: Test, script = SCRIPT) {
  const clock = new ManualClock()
  let sent = () => {}
  const worker = new JudgingWorker<string, never, string>(clock, {
    script: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
    limits: {},
    watchdogMs: 1_000,
    mostWaiting: 2,
    sent: (job) => {
      sent()
      return job
    },
    answer: () => null,
  })
  // A worker keeps no process alive: here something has to.
  const alive = setInterval(() => {}, 60_000)
  t.teardown(() => {
    clearInterval(alive)
    return worker.close()
  })
  const isSent = () =>
    new Promise<void>((resolve) => {
      sent = resolve
    })
  return { worker, clock, isSent }
}

t.test('a text that takes too long is unjudged, and the next one isn’t', async (t) => {
  const { worker, clock, isSent } = openWorker(t)
  const atIt = isSent()
  const stalled = worker.judge('stall')
  const behind = worker.judge('another')
  await atIt
  await new Promise(setImmediate)
  clock.advance(1_000)
  await t.rejects(stalled, new UnjudgedError('it took longer than 1000 ms to read'))
  t.equal(await behind, 'judged another', 'by a new worker')
  t.equal(clock.timers, 0)
})

t.test('a worker that dies leaves its text unjudged', async (t) => {
  const { worker } = openWorker(t)
  await t.rejects(worker.judge('die'), new UnjudgedError('it is too deep or too large to read'))
  t.equal(await worker.judge('another'), 'judged another')
})

t.test('a worker that never begins judges nothing', async (t) => {
  const { worker, clock } = openWorker(t, 'setInterval(() => {}, 1000)')
  const text = worker.judge('text')
  while (clock.timers === 0) await new Promise(setImmediate)
  clock.advance(10_000)
  await t.rejects(text, new UnjudgedError('it took longer than 10000 ms to begin'))
})

t.test('no more wait than may, and none behind the end', async (t) => {
  const { worker, isSent } = openWorker(t)
  const atIt = isSent()
  const [first, second] = [worker.judge('stall'), worker.judge('another')]
  await t.rejects(worker.judge('third'), new UnjudgedError('too many large statements at once'))
  await atIt
  await new Promise(setImmediate)
  const ends = [
    t.rejects(first, new UnjudgedError('the proxy is closing')),
    t.rejects(second, new UnjudgedError('its judge has gone')),
  ]
  await worker.close()
  await Promise.all(ends)
})
