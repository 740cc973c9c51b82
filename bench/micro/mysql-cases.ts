import { constantMasker } from '../../src/mask/maskers/constant.ts'
import { mysqlValues } from '../../src/session/mysql-values.ts'
import type { Services } from '../../src/session/services.ts'
import { createMysqlClassifier } from '../../src/sql/mysql/classify.ts'
import type { Dialect, SessionFacts } from '../../src/sql/mysql/dialect.ts'
import { binaryRows } from '../../src/wire/mysql/binary-rows.ts'
import * as capability from '../../src/wire/mysql/capabilities.ts'
import { mysqlProtocol } from '../../src/wire/mysql/mysql-protocol.ts'
import { PacketFramer } from '../../src/wire/mysql/packet-framer.ts'
import { message } from '../../src/wire/mysql/packets.ts'
import { textRows } from '../../src/wire/mysql/text-row.ts'
import { RowMasking } from '../../src/wire/row-masking.ts'
import { memorySchema } from '../../test/sql/mysql/memory-schema.ts'
import { exchangeCases } from './exchange-cases.ts'
import type { Case } from './measure.ts'
import * as m from './mysql-messages.ts'
import { SilentSession } from './silent-session.ts'
import { type MicroWorld, PRINCIPAL } from './world.ts'

const CELLS = Array.from({ length: 10 }, (_, index) => `ana.lopez${index}@example.com`)
const MEGABYTE = 1024 * 1024
/** As many as come in one read. */
const ROWS = 200
const DIALECT: Dialect = { flavour: 'mariadb', version: 110806 }
const NO_NAMES = { prepared: () => undefined, cursor: () => undefined }
const FACTS: SessionFacts = {
  characterSet: 'utf8mb4',
  database: 'shop',
  ansiQuotes: false,
  noBackslashEscapes: false,
}
/** Ten columns, of which the third is classified in `people` and none in `ten`. */
const columns = (third: string | null) =>
  Object.fromEntries(CELLS.map((_, index) => [`c${index + 1}`, index === 2 ? third : null]))
const SCHEMA = memorySchema({
  schema: 'shop',
  tables: { ten: { columns: columns(null) }, people: { columns: columns('pii.email') } },
})

export function mysqlCases(world: MicroWorld): Case[] {
  const cases = [...framing(), ...verdicts(), ...masks(), ...exchanges(world)]
  return cases.map((each) => ({ ...each, name: `mysql ${each.name}` }))
}

function openClassifier() {
  return createMysqlClassifier({ catalog: SCHEMA, dialect: DIALECT }).forSession(() => FACTS)
}

function framing(): Case[] {
  const row = message(1, m.textRow(CELLS))
  const chunk = Buffer.concat(Array(Math.floor(MEGABYTE / row.length)).fill(row))
  const framer = (opens: 'pass' | 'whole') =>
    new PacketFramer(MEGABYTE, { opens: () => opens, frame: () => {}, run: () => {} })
  const passing = framer('pass')
  const whole = framer('whole')
  const per = { operations: chunk.length / row.length, bytes: row.length }
  return [
    { name: 'framing: a row of 10 columns that passes', ...per, run: () => passing.push(chunk) },
    { name: 'framing: the same, cut out', ...per, run: () => whole.push(chunk) },
  ]
}

const STATEMENTS = {
  'SELECT 1': (salt: number) => `SELECT ${salt}`,
  'one row by its key': (salt: number) => `SELECT * FROM ten WHERE c1 = ${salt}`,
  'a query of 200 bytes': (salt: number) =>
    `SELECT c1, c2, c4, c5 FROM ten WHERE c1 = ${salt} AND c4 LIKE 'a%' AND c5 IN ('a', 'b', 'c') ` +
    `AND (c6 IS NULL OR c7 = 'shipped') AND c8 BETWEEN '2026-01-01' AND '2026-12-31' ORDER BY c2 LIMIT 50`,
  'a query of 200 bytes, masked': (salt: number) =>
    `SELECT p.c1, p.c2, p.c3 AS email, concat(p.c4, ' ', p.c5) AS name FROM people p JOIN ten t ` +
    `ON t.c1 = p.c1 WHERE p.c3 = 'ana@example.com' AND t.c4 LIKE 'a%' AND p.c1 > ${salt} ORDER BY t.c2 LIMIT 50`,
  'a join, grouped, of 300 bytes': (salt: number) =>
    `SELECT t.c2, count(*) AS n, max(p.c4) FROM ten t JOIN people p ON p.c1 = t.c1 AND p.c5 = 'x' ` +
    `LEFT JOIN ten u ON u.c1 = p.c1 WHERE t.c4 LIKE 'a%' AND (t.c5 IN ('a', 'b', 'c') OR u.c6 IS NULL) ` +
    `AND t.c1 > ${salt} GROUP BY t.c2 HAVING count(*) > 1 ORDER BY n DESC, t.c2 LIMIT 50 OFFSET 10`,
}

function verdicts(): Case[] {
  const classifier = openClassifier()
  let salt = 0
  const large = {
    name: 'verdict, new text: an INSERT of 1 MB, by a worker',
    operations: 1,
    run: () => classifier.classify(insertOf(MEGABYTE, ++salt), NO_NAMES),
  }
  const small = Object.entries(STATEMENTS).flatMap(([name, sql]) => {
    const same = Buffer.from(sql(0))
    const fresh = () => classifier.classify(Buffer.from(sql(++salt)), NO_NAMES)
    const known = () => classifier.classify(same, NO_NAMES)
    return [
      { name: `verdict, new text: ${name}`, operations: 1, run: fresh },
      { name: `verdict, known text: ${name}`, operations: 1, run: known },
    ]
  })
  return [...small, large]
}

function insertOf(bytes: number, salt: number): Buffer {
  const row = `(${salt}, 'some text of a row', NULL, 12.50, '2026-03-04')`
  const rows = Array(Math.floor(bytes / row.length)).fill(row)
  return Buffer.from(`INSERT INTO ten (c1, c2, c3, c4, c5) VALUES ${rows.join(',')}`)
}

/** What the rows cost; what the masks do is measured above, and is the same. */
function masks(): Case[] {
  const masker = constantMasker(Buffer.from('[redacted]'))
  const maskers = CELLS.map((_, index) => (index === 2 ? masker : null))
  const text = message(1, m.textRow(CELLS))
  const binary = message(1, m.binaryRow(CELLS))
  const texts = Buffer.concat(Array(ROWS).fill(text))
  const binaries = Buffer.concat(Array(ROWS).fill(binary))
  const textMasking = new RowMasking(textRows, maskers)
  const binaryMasking = new RowMasking(binaryRows(CELLS.map(() => m.VAR_STRING)), maskers)
  const run = {
    text: () => textMasking.mask(texts, () => {}),
    binary: () => binaryMasking.mask(binaries, () => {}),
  }
  const name = 'row of 10 columns, one masked'
  return [
    { name: `text ${name}`, operations: ROWS, bytes: text.length, run: run.text },
    { name: `binary ${name}`, operations: ROWS, bytes: binary.length, run: run.binary },
  ]
}

const AGREED =
  capability.CLIENT_PROTOCOL_41 |
  capability.CLIENT_TRANSACTIONS |
  capability.CLIENT_SECURE_CONNECTION |
  capability.CLIENT_PLUGIN_AUTH
const AUTOCOMMIT = 2
const UTF8MB4 = 45

/** Opens sessions that share one classifier, as those of a proxy do. */
export function openMysqlSession(world: MicroWorld): () => SilentSession {
  const server = createMysqlClassifier({ catalog: SCHEMA, dialect: DIALECT })
  const services: Services = {
    ...world.services,
    protocol: mysqlProtocol,
    openClassifier: () => server.forSession(() => FACTS),
    values: mysqlValues,
  }
  return () => openSession(services)
}

function openSession(services: Services): SilentSession {
  return new SilentSession(services, PRINCIPAL, {
    agreement: { capabilities: AGREED, collation: UTF8MB4 },
    mysql: {
      serverVersion: '11.8.6-MariaDB',
      collation: UTF8MB4,
      connectionId: 1,
      status: AUTOCOMMIT,
      capabilities: AGREED,
      tracked: new Set(),
      tracksSchema: false,
    },
  })
}

function exchanges(world: MicroWorld): Case[] {
  const open = openMysqlSession(world)
  const one = open()
  const session = open()
  session.exchange(m.prepare('SELECT * FROM ten WHERE c1 = ?'), m.prepared(10))
  const select = { asked: m.query('SELECT 1'), answered: m.result(1, '', m.textRow(['1'])) }
  const execution = { asked: m.execution(7), answered: m.result(10, 'ten', m.binaryRow(CELLS)) }
  return exchangeCases(one, select, m.query, { session, execution })
}
