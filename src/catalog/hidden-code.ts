import type { AttachedCode } from './catalog.ts'
import type { PostgresReading } from './postgres-reading.ts'

/** By relation: the code that writing it may run, of its own and of all that the write reaches. */
export function attachedCode(reading: PostgresReading): ReadonlyMap<number, AttachedCode[]> {
  const own = new Map<number, AttachedCode[]>()
  for (const { relation, kind, text } of reading.attached) {
    own.set(relation, [...(own.get(relation) ?? []), { kind, text }])
  }
  const reached = new Map<number, number[]>()
  for (const { relation, other } of reading.reach) {
    reached.set(relation, [...(reached.get(relation) ?? []), other])
  }
  const all = new Map<number, AttachedCode[]>()
  for (const relation of new Set([...own.keys(), ...reached.keys()])) {
    const code = [...closure(relation, reached)].flatMap((each) => own.get(each) ?? [])
    if (code.length > 0) all.set(relation, distinct(code))
  }
  return all
}

function closure(first: number, edges: ReadonlyMap<number, readonly number[]>): Set<number> {
  const seen = new Set([first])
  for (const each of seen) for (const other of edges.get(each) ?? []) seen.add(other)
  return seen
}

function distinct(code: readonly AttachedCode[]): AttachedCode[] {
  return [...new Map(code.map((each) => [`${each.kind} ${each.text}`, each])).values()]
}

/**
 * Types whose values run functions of the user's own when they are read: domains with such a check,
 * and domains, arrays, ranges and composite types of them.
 */
export function typesThatRunCode(reading: PostgresReading): ReadonlySet<number> {
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
  const risky = new Set(reading.types.filter((type) => type.runsCode).map((type) => type.oid))
  for (const type of risky) for (const other of uses.get(type) ?? []) risky.add(other)
  return risky
}
