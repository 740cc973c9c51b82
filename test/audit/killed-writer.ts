import { openTrail } from '../../src/audit/trail.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { event } from './fixtures.ts'

/** Writes records until it is killed, and says the number of each that is durable. */
const [folder = ''] = process.argv.slice(2)
const trail = await openTrail({
  folder,
  name: 'data',
  clock: systemClock,
  version: '1',
  maxBytes: 2_000,
})
for (;;) {
  const sequence = trail.append(event('x'.repeat(100)))
  trail.append(event('not waited for'))
  await trail.durable(sequence)
  process.stdout.write(`${sequence}\n`)
}
