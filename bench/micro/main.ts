// What the parts cost by themselves, in this process, without a network.
//
//   npm --prefix bench run micro [-- WORD]     only cases whose names hold the word

import { allCases } from './cases.ts'
import { measure } from './measure.ts'
import { mysqlCases } from './mysql-cases.ts'
import { openMicroWorld } from './world.ts'

const wanted = process.argv[2] ?? ''
const world = await openMicroWorld()
try {
  const cases = [...allCases(world), ...mysqlCases(world)].filter(({ name }) =>
    name.includes(wanted),
  )
  // A trail that nobody waits for takes no more at some point: the disk has to keep up.
  const { trail } = world
  const figures = await measure(cases, () => trail.durable(trail.head.sequence))
  console.log(`${'median'.padStart(10)} ${'fastest'.padStart(10)}`)
  for (const { name, median, fastest, bytes } of figures) {
    const speed = bytes === null ? '' : `  ${Math.round((bytes / median) * 1000)} MB/s`
    console.log(`${show(median)} ${show(fastest)}  ${name}${speed}`)
  }
} finally {
  await world.close()
}
// Sessions that nobody ends would wait for their client for an hour.
process.exitCode = 0
setImmediate(() => process.exit())

function show(nanoseconds: number): string {
  const text =
    nanoseconds < 1000 ? `${nanoseconds.toFixed(0)} ns` : `${(nanoseconds / 1000).toFixed(1)} µs`
  return text.padStart(10)
}
