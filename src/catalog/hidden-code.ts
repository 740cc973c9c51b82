import type { AttachedCode } from './catalog.ts'
import type { AttachedRow } from './postgres-code.ts'
import type { PostgresReading } from './postgres-reading.ts'

/** Defaults and checks of which it is plain that they compute and no more. */
const PLAIN =
  /^(?:nextval\('[^']*'::regclass\)|now\(\)|CURRENT_(?:TIMESTAMP|DATE)|gen_random_uuid\(\)|[^(]*)$/

/** By relation: the code that writing it may run, of its own and of all that the write reaches. */
export function attachedCode(reading: PostgresReading): ReadonlyMap<number, AttachedCode[]> {
  const own = new Map<number, AttachedRow[]>()
  for (const row of reading.attached) {
    if (row.kind === 'expression' && PLAIN.test(row.text)) continue
    own.set(row.relation, [...(own.get(row.relation) ?? []), row])
  }
  const reached = new Map<number, Edge[]>()
  for (const { relation, other, how } of reading.reach) {
    reached.set(relation, [...(reached.get(relation) ?? []), { other, how }])
  }
  const all = new Map<number, AttachedCode[]>()
  for (const relation of new Set([...own.keys(), ...reached.keys()])) {
    const code = codeReached(relation, own, reached)
    if (code.length > 0) all.set(relation, code)
  }
  return all
}

interface Edge {
  readonly other: number
  readonly how: string
}

const WRITES = ['i', 'u', 'd', 't'] as const

/** What each kind of write of a relation sets off, there and wherever it goes on. */
function codeReached(
  first: number,
  own: ReadonlyMap<number, readonly AttachedRow[]>,
  edges: ReadonlyMap<number, readonly Edge[]>,
): AttachedCode[] {
  const found = new Map<string, { readonly row: AttachedRow; readonly on: Set<string> }>()
  for (const write of WRITES) {
    for (const [relation, arrived] of arrivals(first, write, edges)) {
      for (const row of own.get(relation) ?? []) {
        if (![...arrived].some((letter) => row.on.includes(letter))) continue
        const key = `${row.kind} ${row.text}`
        const known = found.get(key) ?? { row, on: new Set() }
        found.set(key, known)
        known.on.add(write)
      }
    }
  }
  return [...found.values()].map(({ row, on }) => ({
    kind: row.kind,
    text: row.text,
    on: [...on].join(''),
  }))
}

/** The relations that a write reaches, and as which writes it arrives there. */
function arrivals(
  first: number,
  write: string,
  edges: ReadonlyMap<number, readonly Edge[]>,
): ReadonlyMap<number, ReadonlySet<string>> {
  const arrived = new Map([[first, new Set([write])]])
  const waiting: (readonly [relation: number, letter: string])[] = [[first, write]]
  for (const [relation, letter] of waiting) {
    for (const { other, how } of edges.get(relation) ?? []) {
      for (const next of becomes(letter, how)) {
        const known = arrived.get(other) ?? new Set()
        arrived.set(other, known)
        if (known.has(next)) continue
        known.add(next)
        waiting.push([other, next])
      }
    }
  }
  return arrived
}

function becomes(letter: string, how: string): readonly string[] {
  if (how === 'same') return [letter]
  const pairs = how.match(/../g) ?? []
  return pairs.flatMap((pair) => (pair[0] === letter ? [pair.slice(1)] : []))
}

/**
 * By type: the checks that run when a value of it is read, of domains and of arrays, ranges,
 * composite types and further domains of them.
 */
export function checksOfTypes(reading: PostgresReading): ReadonlyMap<number, readonly string[]> {
  const uses = new Map<number, number[]>()
  const use = (of: number, type: number) => {
    if (of !== 0) uses.set(of, [...(uses.get(of) ?? []), type])
  }
  const composites = new Map(reading.types.map((type) => [type.relation, type.oid]))
  for (const type of reading.types) {
    use(type.base, type.oid)
    use(type.element, type.oid)
  }
  for (const column of reading.columns) {
    const composite = composites.get(column.relation)
    if (composite !== undefined) use(column.type, composite)
  }
  const checks = new Map<number, Set<string>>()
  for (const { oid, checks: own } of reading.types) {
    if (own.length === 0) continue
    const reached = new Set([oid])
    for (const type of reached) {
      for (const other of uses.get(type) ?? []) reached.add(other)
      const known = checks.get(type) ?? new Set()
      for (const check of own) known.add(check)
      checks.set(type, known)
    }
  }
  return new Map([...checks].map(([oid, texts]) => [oid, [...texts]]))
}
