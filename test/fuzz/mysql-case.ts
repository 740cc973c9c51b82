import * as capability from '../../src/wire/mysql/capabilities.ts'
import * as command from '../../src/wire/mysql/commands.ts'
import { payloadLength } from '../../src/wire/mysql/packets.ts'
import type { Answer } from '../support/transparent-mysql-conversation.ts'
import { Reading } from '../support/transparent-mysql-play.ts'
import { insist } from './clean.ts'
import { type FuzzCase, type Mode, SENTINEL } from './fuzz-case.ts'
import * as letters from './mysql-letters.ts'
import { MysqlModelServer } from './mysql-model-server.ts'
import { mutatePackets } from './mysql-mutate.ts'
import { MYSQL_TEXTS } from './mysql-texts.ts'
import type { Random } from './random.ts'

const HEADER = 4
const ERR = 0xff
const SETTINGS = new Map([
  ['schema', 'shop'],
  ['autocommit', '1'],
  ['character_set_client', 'utf8mb4'],
  ['character_set_connection', 'utf8mb4'],
  ['character_set_results', 'utf8mb4'],
  ['collation_connection', 'utf8mb4_general_ci'],
  ['sql_mode', ''],
  ['time_zone', 'SYSTEM'],
])

const DENIED =
  /^(?:SELECT n, \d+ FROM (?:\/\*!50000 )?denied_t(?: \*\/)?|INSERT INTO denied_t VALUES \(1\))$/

/** A command, how its answer is laid out, and the number that its rows carry. */
interface Said {
  readonly bytes: Buffer
  readonly answer: Answer
  readonly mark: number | null
}

export function mysqlCase(random: Random, mode: Mode): FuzzCase {
  const capabilities = random.oneIn(2)
    ? capability.OFFERED
    : (capability.OFFERED & ~capability.CLIENT_DEPRECATE_EOF) >>> 0
  const client = new ScriptedClient(random)
  const collation = 45
  const mysql = {
    serverVersion: random.oneIn(2) ? '11.8.6-MariaDB' : '9.7.0',
    collation,
    status: 2,
    connectionId: 7,
    capabilities,
    tracked: new Set(['autocommit']),
    tracksSchema: true,
  }
  return {
    server: new MysqlModelServer(random, capabilities, mode !== 'server'),
    hello: {
      user: 'bot',
      database: 'shop',
      settings: new Map(),
      own: new Map(),
      agreement: { capabilities, collation },
    },
    welcome: {
      notices: [],
      settings: SETTINGS,
      cancelKey: { processId: 7, secret: Buffer.alloc(0) },
      mysql,
    },
    script: () => client.script(),
    sentinel: () => client.sentinel(),
    mutate: (messages) => mutatePackets(random, messages),
    cut,
    checkShown(shown, mode) {
      const packets = packetsOf(shown, mode)
      const internal = packets.find(
        (packet) => packet[HEADER] === ERR && packet.includes('internal error'),
      )
      insist(internal === undefined, () => `an internal error: ${internal?.toString('latin1')}`)
      if (mode === 'nobody')
        client.checkAnswers(packets, (capabilities & capability.CLIENT_DEPRECATE_EOF) !== 0)
      return packets.length
    },
    checkLastAnswer(shown, mode) {
      insist(packetsOf(shown, mode).length > 0, () => 'the last question was not answered')
    },
    denies: (sql) => DENIED.test(sql),
  }
}

/** A client that knows what it asked, and in what order the answers have to come. */
class ScriptedClient {
  readonly #random: Random
  readonly #said: Said[] = []
  /** Marks of statements, by the ids that the proxy gives: 1, 2, 3. */
  readonly #marks: number[] = []
  #counter = 1000

  constructor(random: Random) {
    this.#random = random
  }

  script(): Buffer[] {
    const said: Said[] = []
    for (let acts = 1 + this.#random.below(6); acts > 0; acts--) said.push(...this.#act())
    this.#said.push(...said)
    return said.map(({ bytes }) => bytes)
  }

  sentinel(): Buffer[] {
    const said: Said = { bytes: letters.query(SENTINEL), answer: 'text', mark: null }
    this.#said.push(said)
    return [said.bytes]
  }

  #act(): Said[] {
    const other = (bytes: Buffer, answer: Answer): Said => ({ bytes, answer, mark: null })
    switch (this.#random.below(9)) {
      case 0:
      case 1:
        return [this.#query()]
      case 2:
        return [this.#query('BEGIN'), this.#query(), this.#query('COMMIT')]
      case 3:
        return [
          other(letters.say(command.COM_PING), 'one'),
          other(letters.say(command.COM_STATISTICS), 'one'),
        ]
      case 4:
        return [
          other(letters.say(command.COM_INIT_DB, Buffer.from('shop')), 'one'),
          other(letters.say(command.COM_FIELD_LIST, Buffer.from('open_t\0')), 'fields'),
        ]
      case 5: {
        const reset = this.#random.oneIn(3)
        return reset ? [other(letters.say(command.COM_RESET_CONNECTION), 'one')] : [this.#query()]
      }
      default:
        return this.#prepared()
    }
  }

  #query(wanted?: string): Said {
    const mark = this.#counter++
    const text = wanted ?? this.#random.pick(MYSQL_TEXTS)
    const bytes = letters.query(text.replace('#', `${mark}`))
    return { bytes, answer: 'text', mark: text.includes('#') ? mark : null }
  }

  /** A statement is prepared and executed, without waiting for anything. */
  #prepared(): Said[] {
    const random = this.#random
    const mark = this.#counter++
    const text = random.pick(MYSQL_TEXTS)
    const bytes = letters.prepare(text.replace('#', `${mark}`))
    this.#marks.push(mark)
    const id = this.#marks.length
    const values = Array.from({ length: text.split('?').length - 1 }, () =>
      random.pick([1, 'x', null]),
    )
    const said: Said[] = [{ bytes, answer: 'prepared', mark: null }]
    if (random.oneIn(6) && values.length > 0) {
      const ahead = letters.longData(id, 0, random.bytes(random.below(40)))
      said.push({ bytes: ahead, answer: 'nothing', mark: null })
      values[0] = null
    }
    const marked = text.includes('#') ? mark : null
    for (let count = random.below(3); count > 0; count--) {
      const cursor = random.oneIn(3)
      const run = letters.execute(id, values, cursor, !random.oneIn(4) || count === 2)
      said.push({ bytes: run, answer: cursor ? 'cursor' : 'binary', mark: marked })
      if (cursor) said.push({ bytes: letters.fetchRows(id, 2), answer: 'fetched', mark: marked })
    }
    if (random.oneIn(3)) said.push({ bytes: letters.close(id), answer: 'nothing', mark: null })
    return said
  }

  /** Each command has one answer, in its order, numbered from 1, and with no other's rows. */
  checkAnswers(packets: readonly Buffer[], deprecateEof: boolean): void {
    let at = 0
    for (const { bytes, answer, mark } of this.#said) {
      const reading = new Reading(answer, deprecateEof)
      const asked = () => JSON.stringify(bytes.toString('latin1', HEADER))
      for (let sequence = 1; !reading.over; sequence++) {
        const packet = packets[at++]
        if (!packet) {
          // Where a session had to end, an error was its last word.
          insist(packets.at(-1)?.[HEADER] === ERR, () => `no answer to ${asked()}`)
          return
        }
        insist(
          packet[3] === (sequence & 0xff),
          () => `sequence ${packet[3]} in answer to ${asked()}`,
        )
        reading.take(packet)
        const said = packet.toString('latin1', HEADER)
        const other = [...said.matchAll(/(?<!\d)1\d{3}(?!\d)/g)].find(
          ([found]) => Number(found) !== mark,
        )
        const isRow = packet[HEADER] !== ERR && answer !== 'prepared' && mark !== null
        insist(!isRow || other === undefined, () => `rows of ${other} in answer to ${asked()}`)
      }
    }
    insist(at === packets.length, () => 'more answers than questions')
  }
}

/** Whole packets; half of one may stand behind them only where an end is hostile. */
function packetsOf(shown: Buffer, mode: Mode): Buffer[] {
  const packets: Buffer[] = []
  let at = 0
  while (shown.length - at >= HEADER) {
    const end = at + HEADER + payloadLength(shown, at)
    if (end > shown.length) break
    packets.push(shown.subarray(at, end))
    at = end
  }
  insist(at === shown.length || mode !== 'nobody', () => 'half a packet is shown')
  return packets
}

function cut(stream: Buffer): Buffer[] {
  return packetsOf(stream, 'server')
}
