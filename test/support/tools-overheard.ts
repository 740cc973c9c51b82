import {
  type ObjectNumbers,
  shapeOf,
  type ToolStatement,
  withNames,
  withNamesInHex,
} from './tools-fixtures.ts'
import type { Overheard } from './tools-relay.ts'

/** A recording script says what it does next by such a statement; it isn't the tool's. */
const MARK = /^\s*SELECT 'what: (.*)'(?: AS \S+)?;?\s*$/is

export interface Recorded {
  readonly tool: string
  readonly version: string
  readonly server: string
  readonly numbers: ObjectNumbers
}

/** Opens or closes a transaction. */
const OPENS = /^\s*(begin|start\s+transaction)\b/i
const CLOSES = /^\s*(commit|rollback(?!\s+to)|end|abort)\b/i

/** Needs a name that an earlier statement made, whose text may be another on another server. */
const LEANS = /^\s*execute\b/i

/** What was heard, as fixtures: each shape once, in the order of its first coming. */
export function fixturesOf(heard: readonly Overheard[], recorded: Recorded): ToolStatement[] {
  let what = 'connect'
  const all: ToolStatement[] = []
  for (const one of heard) {
    const mark = MARK.exec(one.sql)
    if (mark) what = (mark[1] as string).replaceAll("''", "'")
    else if (one.sql.trim() !== '') all.push(fixtureOf(one, what, recorded))
  }
  return once(all)
}

function fixtureOf(
  { sql, prepared, types, parameters }: Overheard,
  what: string,
  { tool, version, server, numbers }: Recorded,
): ToolStatement {
  const values = parameters?.map((value) => {
    if (value === null) return null
    if (typeof value === 'string') return withNames(value, numbers)
    return { hex: withNamesInHex(value.hex, numbers) }
  })
  return {
    ...{ tool, version, what, on: [server], sql: withNames(sql, numbers) },
    ...(prepared ? { prepared } : {}),
    ...(values ? { parameters: values } : {}),
    // Types of the schema's own have another number elsewhere.
    ...(types.length > 0 ? { types: types.map((oid) => (oid < FIRST_OWN ? oid : 0)) } : {}),
  }
}

/** FirstNormalObjectId: what is built in has a lower number. */
const FIRST_OWN = 16384

/** One list of what was recorded on several servers. */
export function merged(lists: readonly (readonly ToolStatement[])[]): ToolStatement[] {
  const everywhere = lists.flatMap((list) => list[0]?.on ?? [])
  const [first = [], ...others] = lists
  const widened = first.map((statement) =>
    isBoundary(statement) ? { ...statement, on: everywhere } : statement,
  )
  return once([...widened, ...others.flat()])
}

/**
 * The same statements in the same order with what was judged now; `lists` has those of each server.
 * A statement that servers judge differently becomes several.
 */
export function judgedAnew(
  statements: readonly ToolStatement[],
  lists: readonly (readonly ToolStatement[])[],
): ToolStatement[] {
  const byServer = new Map(lists.map((list) => [list[0]?.on[0] ?? '', [...list]]))
  const all: ToolStatement[] = []
  for (const { on } of statements) {
    for (const server of on) {
      const one = byServer.get(server)?.shift() as ToolStatement
      let at = all.length - 1
      while (all[at]?.sql === one.sql && !sameButServer(all[at] as ToolStatement, one)) at -= 1
      const same = all[at]
      if (same?.sql === one.sql) all[at] = onMore(same, one)
      else all.push(one)
    }
  }
  return all
}

function sameButServer(one: ToolStatement, other: ToolStatement): boolean {
  const apart = !one.on.some((server) => other.on.includes(server))
  return apart && one.masked === other.masked && one.held === other.held
}

/** Each shape once; what opens and closes transactions again wherever something is between. */
function once(all: readonly ToolStatement[]): ToolStatement[] {
  const kept: ToolStatement[] = []
  const known = new Map<string, number>()
  for (const statement of all) {
    const last = kept.at(-1)
    const empty = CLOSES.test(statement.sql) && last && OPENS.test(last.sql)
    const isOld = ({ sql }: ToolStatement) => kept.slice(0, -1).some((one) => one.sql === sql)
    if (empty && isOld(last) && isOld(statement)) kept.pop()
    else if (isBoundary(statement)) kept.push(statement)
    else {
      const { sql, masked, held, on } = statement
      const key = JSON.stringify([shapeOf(sql), masked, held, LEANS.test(sql) ? on : []])
      const at = known.get(key)
      if (at === undefined) known.set(key, kept.push(statement) - 1)
      else kept[at] = onMore(kept[at] as ToolStatement, statement)
    }
  }
  return kept
}

function onMore(one: ToolStatement, other: ToolStatement): ToolStatement {
  return { ...other, ...one, on: [...new Set([...one.on, ...other.on])] }
}

function isBoundary({ sql }: ToolStatement): boolean {
  return OPENS.test(sql) || CLOSES.test(sql)
}
