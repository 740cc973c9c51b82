import { z } from 'zod'
import type { TrailRecord } from '../audit/read-records.ts'

/** What would have been asked for, of one shape: statements that differ in constants only. */
export interface ShadowShape {
  /** The statement without its constants, the name of an action, or the words of a limit. */
  readonly shape: string
  readonly verb: string
  readonly database: string | null
  readonly count: number
  readonly agents: readonly { readonly agent: string; readonly count: number }[]
  readonly rules: readonly string[]
  readonly effects: readonly string[]
  readonly tables: readonly string[]
  readonly classes: readonly string[]
  /** ISO 8601, UTC. */
  readonly first: string
  readonly last: string
}

const texts = z.array(z.string())
const Intent = z.object({
  type: z.literal('statement.intent'),
  time: z.string(),
  session: z.string(),
  statement: z.number(),
  decision: z.string(),
  actor: z.object({ agent: z.string() }),
  target: z.object({ database: z.string() }),
  stmt: z.object({
    verb: z.string(),
    sql: z.string().nullable(),
    fingerprint: z.string(),
    effects: z.array(z.object({ effect: z.string() })),
    tables: texts,
    classes: texts,
  }),
  rules: texts,
})
const Exceeded = z.object({
  type: z.literal('statement.exceeded'),
  time: z.string(),
  session: z.string(),
  statement: z.number(),
  approval: z.null(),
})
const Action = z.object({
  type: z.literal('action.allowed'),
  time: z.string(),
  decision: z.literal('shadow'),
  agent: z.string(),
  action: z.string(),
  rules: texts,
})

type IntentRecord = z.infer<typeof Intent>

/** Statements of which a limit may still be passed; older ones have long ended. */
const MOST_OPEN = 100_000
/** Shapes past this are counted together: an agent can make up any number of them. */
const MOST_SHAPES = 10_000

interface Seen {
  readonly key: string
  readonly agent: string
  readonly time: string
  readonly shape: Pick<ShadowShape, 'shape' | 'verb' | 'database'>
  readonly rules: readonly string[]
  readonly effects: readonly string[]
  readonly tables: readonly string[]
  readonly classes: readonly string[]
}

interface Group {
  readonly shape: Seen['shape']
  count: number
  first: string
  last: string
  readonly agents: Map<string, number>
  readonly rules: Set<string>
  readonly effects: Set<string>
  readonly tables: Set<string>
  readonly classes: Set<string>
}

/** Gathers from records of the trail, in their order, what people would have been asked for. */
export class ShadowReport {
  readonly #groups = new Map<string, Group>()
  /** By session and number: a limit can be passed later. */
  readonly #open = new Map<string, IntentRecord>()

  add({ record }: TrailRecord): void {
    switch (record.type) {
      case 'statement.intent': {
        const intent = Intent.safeParse(record).data
        if (intent) this.#intent(intent)
        break
      }
      case 'statement.exceeded': {
        const exceeded = Exceeded.safeParse(record).data
        const passed = exceeded && this.#open.get(keyOf(exceeded))
        if (passed) this.#count(seenIn({ ...passed, rules: ['limits'] }, exceeded.time))
        break
      }
      case 'action.allowed': {
        const action = Action.safeParse(record).data
        if (action) this.#count(actionIn(action))
        break
      }
    }
  }

  #intent(intent: IntentRecord): void {
    if (intent.decision === 'shadow') this.#count(seenIn(intent, intent.time))
    this.#open.set(keyOf(intent), intent)
    const oldest = this.#open.keys().next().value
    if (this.#open.size > MOST_OPEN && oldest !== undefined) this.#open.delete(oldest)
  }

  #count(seen: Seen): void {
    const key = this.#groups.size < MOST_SHAPES || this.#groups.has(seen.key) ? seen.key : 'others'
    const shape = key === seen.key ? seen.shape : OTHERS
    const group = this.#groups.get(key) ?? newGroup(shape, seen.time)
    this.#groups.set(key, group)
    group.count++
    if (seen.time < group.first) group.first = seen.time
    if (seen.time > group.last) group.last = seen.time
    group.agents.set(seen.agent, (group.agents.get(seen.agent) ?? 0) + 1)
    for (const what of ['rules', 'effects', 'tables', 'classes'] as const) {
      for (const one of seen[what]) group[what].add(one)
    }
  }

  /** Most often first. */
  get shapes(): readonly ShadowShape[] {
    return [...this.#groups.values()].map(shapeOf).sort(byCount)
  }
}

const OTHERS = { shape: '(more shapes than are told apart)', verb: 'OTHERS', database: null }

function newGroup(shape: Group['shape'], time: string): Group {
  const sets = { rules: new Set<string>(), effects: new Set<string>() }
  const names = { tables: new Set<string>(), classes: new Set<string>() }
  return { shape, count: 0, first: time, last: time, agents: new Map(), ...sets, ...names }
}

function shapeOf({ shape, count, first, last, ...sets }: Group): ShadowShape {
  const agents = [...sets.agents]
    .map(([agent, times]) => ({ agent, count: times }))
    .sort((one, other) => other.count - one.count || compare(one.agent, other.agent))
  const listed = (set: Set<string>) => [...set].sort(compare)
  return {
    ...shape,
    count,
    agents,
    rules: listed(sets.rules),
    effects: listed(sets.effects),
    tables: listed(sets.tables),
    classes: listed(sets.classes),
    first,
    last,
  }
}

function byCount(one: ShadowShape, other: ShadowShape): number {
  return other.count - one.count || compare(one.shape, other.shape)
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function keyOf({ session, statement }: { session: string; statement: number }): string {
  return `${session} ${statement}`
}

/** Where the trail keeps no text, equal fingerprints are equal shapes all the same. */
function seenIn({ actor, target, stmt, rules }: IntentRecord, time: string): Seen {
  const limit = rules[0] === 'limits' && rules.length === 1
  return {
    key: JSON.stringify([target.database, stmt.fingerprint, limit]),
    agent: actor.agent,
    time,
    shape: {
      shape: stmt.sql ?? stmt.fingerprint,
      verb: stmt.verb,
      database: target.database,
    },
    rules,
    effects: stmt.effects.map(({ effect }) => effect),
    tables: stmt.tables,
    classes: stmt.classes,
  }
}

function actionIn({ agent, time, action, rules }: z.infer<typeof Action>): Seen {
  const shape = { shape: action, verb: 'ACTION', database: null }
  const nothing = { effects: [], tables: [], classes: [] }
  return { key: JSON.stringify(['action', action]), agent, time, shape, rules, ...nothing }
}
