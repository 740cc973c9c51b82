import t from 'tap'
import { ProxyError } from '../../../src/lib/errors.ts'
import { constantMasker, toNull } from '../../../src/mask/maskers/constant.ts'
import type { ResultColumn } from '../../../src/wire/columns.ts'
import * as capability from '../../../src/wire/mysql/capabilities.ts'
import { decodeHandshakeResponse } from '../../../src/wire/mysql/handshake-response.ts'
import { payloadOf } from '../../../src/wire/mysql/packets.ts'
import { world } from './dialogue-world.ts'
import { goldenClients, goldenServers } from './golden.ts'

/** The same numbers in each run (xorshift32). */
function numbers(seed: number) {
  let state = seed
  return (below: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** One to four bytes become others; now and then some are left out or doubled. */
function damaged(bytes: Buffer, next: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  for (let count = 1 + next(4); count > 0; count--) copy[next(copy.length)] = next(256)
  const at = next(copy.length)
  switch (next(6)) {
    case 0:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + next(8))])
    case 1:
      return Buffer.concat([copy.subarray(0, at + 8), copy.subarray(at)])
    default:
      return copy
  }
}

/** Runs what may throw a ProxyError and nothing else; true where it threw. */
function refuses(t: Tap, what: string, work: () => void): boolean {
  try {
    work()
    return false
  } catch (error) {
    if (!(error instanceof ProxyError)) t.fail(`${what}: ${error}`)
    return true
  }
}
type Tap = { fail(message: string): unknown }

const PLAIN = new Set([0x02, 0x04, 0x09, 0x0e, 0x16, 0x1a, 0x1b, 0x1f])

t.test('damaged replies are refused or followed, and a masked value never leaves', async (t) => {
  const next = numbers(20_261_122)
  let refused = 0
  let runs = 0
  const masker = ({ name }: ResultColumn) =>
    name === 'vc' || name === 'tx' ? constantMasker(Buffer.from('***')) : toNull
  for (let round = 0; round < 60; round++) {
    for (const server of goldenServers) {
      for (const kind of ['text rows of every kind', 'binary rows of every kind'] as const) {
        // By writers, as rows of text are masked together, and by maskers that have none.
        const plain = (column: ResultColumn) => (cell: Buffer) => masker(column)(cell)
        const play = world(server, { masker: round % 2 === 0 ? masker : plain })
        const steps = server.steps.filter(
          ({ name }) => name === kind || (name === 'prepare' && kind.startsWith('binary')),
        )
        runs++
        const threw = refuses(t, `${server.name} ${kind}`, () => {
          for (const { name, command, reply } of steps) {
            play.ask(command, PLAIN.has(command[0] ?? 0) ? null : 'its own')
            play.answer(name === kind ? damaged(reply, next) : reply)
          }
        })
        if (threw) refused++
        // Names of columns and messages of errors aside, rows are masked whole here.
        if (play.seen().includes('long long')) t.fail(`${server.name} ${kind}: a value is shown`)
      }
    }
  }
  t.ok(refused > runs / 4, `${refused} of ${runs}`)
})

t.test('damaged answers of every other kind are refused or followed', async (t) => {
  const next = numbers(7)
  for (let round = 0; round < 40; round++) {
    for (const server of goldenServers) {
      const play = world(server)
      refuses(t, server.name, () => {
        for (const { command, reply } of server.steps) {
          play.ask(command, PLAIN.has(command[0] ?? 0) ? null : 'its own')
          play.answer(next(8) === 0 ? damaged(reply, next) : reply)
        }
      })
    }
  }
  t.pass('nothing else was thrown')
})

t.test('damaged commands and handshakes are refused or read', async (t) => {
  const next = numbers(99)
  for (let round = 0; round < 40; round++) {
    for (const server of goldenServers) {
      for (const { name, command } of server.steps) {
        const play = world(server)
        refuses(t, `${server.name} ${name}`, () => {
          const prepare = server.steps.find((step) => step.name === 'prepare')
          if (prepare) play.ask(prepare.command, null)
          if (prepare) play.answer(prepare.reply)
          const { request } = play.decode(damaged(command, next))
          if (request.kind === 'run') request.parameters()
        })
      }
    }
    for (const { client, response } of goldenClients.clients) {
      const payload = damaged(payloadOf(Buffer.from(response, 'hex')), next)
      refuses(t, client, () => decodeHandshakeResponse(payload, capability.OFFERED))
    }
  }
  t.pass('nothing else was thrown')
})
