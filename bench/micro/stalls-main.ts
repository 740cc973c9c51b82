// How long a large statement keeps all others waiting, in this process, without a network.
//
//   npm --prefix bench run stalls [-- WORD]     only texts whose names hold the word

import { EFFECTS } from '../../src/sql/statement.ts'
import * as postgres from './messages.ts'
import { openMysqlSession } from './mysql-cases.ts'
import * as mysql from './mysql-messages.ts'
import { SilentSession } from './silent-session.ts'
import { LARGE_TEXTS, measureStalls } from './stalls.ts'
import { openMicroWorld, PRINCIPAL, rule } from './world.ts'

const wanted = process.argv[2] ?? ''
const world = await openMicroWorld([
  rule('everything', [...EFFECTS], { kind: 'allow', maxRows: null }),
])
const systems = {
  postgres: { open: () => new SilentSession(world.services, PRINCIPAL), message: postgres.query },
  mysql: { open: openMysqlSession(world), message: mysql.query },
}
console.log('milliseconds: median and longest stall of 7, and the median answer')
for (const [system, { open, message }] of Object.entries(systems)) {
  const texts = LARGE_TEXTS.map((text) => ({ ...text, name: `${system}, ${text.name}` })).filter(
    ({ name }) => name.includes(wanted),
  )
  for (const text of texts) {
    const [stall] = await measureStalls(open, message, [text])
    if (!stall) continue
    const figures = [stall.median, stall.longest, stall.answered].map((ms) =>
      ms.toFixed(1).padStart(8),
    )
    console.log(`${figures.join('')}  ${stall.name} (${stall.bytes} bytes)`)
  }
}
process.exit()
