import { planFor } from '../../src/mask/plan-for.ts'
import { Framer } from '../../src/wire/framer.ts'
import { decodeRowDescription } from '../../src/wire/postgres/backend-messages.ts'
import { dataRows } from '../../src/wire/postgres/data-row.ts'
import { postgresLayout } from '../../src/wire/postgres/framing.ts'
import { RowMasking } from '../../src/wire/row-masking.ts'
import { exchangeCases } from './exchange-cases.ts'
import type { Case } from './measure.ts'
import * as m from './messages.ts'
import { SilentSession } from './silent-session.ts'
import { type MicroWorld, PRINCIPAL } from './world.ts'

const CELLS = Array.from({ length: 10 }, (_, index) => `ana.lopez${index}@example.com`)
const MEGABYTE = 1024 * 1024
/** As many as come in one read. */
const ROWS = 200
const NO_NAMES = { byName: () => undefined }

export function allCases(world: MicroWorld): Case[] {
  return [
    ...framing(),
    ...verdicts(world),
    ...plans(world),
    ...masks(world),
    ...audit(world),
    ...exchanges(world),
  ]
}

function framing(): Case[] {
  const row = m.dataRow(CELLS)
  const chunk = Buffer.concat(Array(Math.floor(MEGABYTE / row.length)).fill(row))
  const framer = (opens: 'pass' | 'whole') =>
    new Framer(postgresLayout, MEGABYTE, { opens: () => opens, frame: () => {}, run: () => {} })
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
  'a join, grouped, of 300 bytes': (salt: number) =>
    `SELECT t.c2, count(*) AS n, max(p.c4) FROM ten t JOIN people p ON p.c1 = t.c1 AND p.c5 = 'x' ` +
    `LEFT JOIN ten u ON u.c1 = p.c1 WHERE t.c4 LIKE 'a%' AND (t.c5 IN ('a', 'b', 'c') OR u.c6 IS NULL) ` +
    `AND t.c1 > ${salt} GROUP BY t.c2 HAVING count(*) > 1 ORDER BY n DESC, t.c2 LIMIT 50 OFFSET 10`,
}

function verdicts({ classifier }: MicroWorld): Case[] {
  let salt = 0
  return Object.entries(STATEMENTS).flatMap(([name, sql]) => {
    const same = Buffer.from(sql(0))
    return [
      {
        name: `verdict, new text: ${name}`,
        operations: 1,
        run: () => classifier.classify(Buffer.from(sql(++salt)), NO_NAMES as never),
      },
      {
        name: `verdict, known text: ${name}`,
        operations: 1,
        run: () => classifier.classify(same, NO_NAMES as never),
      },
    ]
  })
}

function plans(world: MicroWorld): Case[] {
  const classification = classified(world, 'SELECT * FROM people')
  const columns = decodeRowDescription(m.rowDescription(10, 20_002))
  const { catalog } = world
  const common = { unmask: [], masks: {}, keys: { hash: Buffer.alloc(32, 1) } }
  return [
    {
      name: 'plan of 10 columns, one masked',
      operations: 1,
      run: () => planFor({ ...common, columns, classification, catalog: catalog.current }),
    },
  ]
}

function classified(world: MicroWorld, sql: string) {
  const parsed = world.classifier.classify(Buffer.from(sql), NO_NAMES as never)
  if (parsed instanceof Promise || parsed.kind !== 'statements') throw new Error(`unread: ${sql}`)
  const [statement] = parsed.statements
  if (!statement) throw new Error(`empty: ${sql}`)
  return statement
}

function masks(world: MicroWorld): Case[] {
  const classification = classified(world, 'SELECT * FROM people')
  const columns = decodeRowDescription(m.rowDescription(10, 20_002))
  const rows = Buffer.concat(Array(ROWS).fill(m.dataRow(CELLS)))
  const { catalog } = world
  return (['redact', 'null', 'partial', 'hash'] as const).flatMap((mask) => {
    const plan = planFor({
      columns,
      classification,
      catalog: catalog.current,
      unmask: [],
      masks: { pii: { mask, keepLast: null } },
      keys: { hash: Buffer.alloc(32, 1) },
    })
    const maskers = plan?.maskers ?? []
    const one = new RowMasking(dataRows, maskers)
    const first = maskers.find((masker) => masker !== null) ?? null
    const all = new RowMasking(dataRows, Array(maskers.length).fill(first))
    const common = { operations: ROWS, bytes: rows.length / ROWS }
    return [
      {
        name: `a row of 10 columns, one masked: ${mask}`,
        ...common,
        run: () => one.mask(rows, () => {}),
      },
      {
        name: `a row of 10 columns, all masked: ${mask}`,
        ...common,
        run: () => all.mask(rows, () => {}),
      },
    ]
  })
}

function audit({ trail, services }: MicroWorld): Case[] {
  const outcome = {
    type: 'statement.outcome',
    session: 'a session',
    statement: 1,
    sqlState: null,
    rows: 1,
    bytes: 100,
    ms: 1.5,
    masked: [],
  } as const
  return [
    {
      name: 'audit: append and hand to the system',
      operations: 1,
      run: () => {
        trail.append(outcome)
        trail.flush()
      },
    },
    {
      name: 'audit: append and wait for the disk',
      operations: 1,
      run: () => trail.durable(trail.append(outcome)),
    },
    { name: 'clock', operations: 1, run: () => services.clock.monotonic() },
  ]
}

function exchanges(world: MicroWorld): Case[] {
  const one = new SilentSession(world.services, PRINCIPAL)
  const session = new SilentSession(world.services, PRINCIPAL)
  session.exchange(
    Buffer.concat([m.parse('s1', 'SELECT * FROM ten WHERE c1 = $1'), m.sync]),
    Buffer.concat([m.parseComplete, m.ready]),
  )
  const selected = [m.rowDescription(1, 0), m.dataRow(['1']), m.complete('SELECT 1'), m.ready]
  const ten = [m.rowDescription(10, 20_001), m.dataRow(CELLS), m.complete('SELECT 1'), m.ready]
  const select = { asked: m.query('SELECT 1'), answered: Buffer.concat(selected) }
  const execution = {
    asked: m.execution('s1', '7'),
    answered: Buffer.concat([m.bindComplete, ...ten]),
  }
  return exchangeCases(one, select, m.query, { session, execution })
}
