import type { CatalogColumn, CatalogRelation } from './catalog.ts'
import type { KeptClass } from './class-memory.ts'
import type { ColumnFacts } from './column-ledger.ts'

/** Relations below this oid are the server's own (FirstNormalObjectId, transam.h). */
export const FIRST_NORMAL_OID = 16_384

const TABLES: ReadonlySet<CatalogRelation['kind']> = new Set([
  'table',
  'partitioned-table',
  'foreign-table',
])

/** What a column has of itself, by idOf. */
export interface OwnFacts {
  /** Those that a pattern has judged. */
  readonly judged: ReadonlySet<string>
  readonly kept: ReadonlyMap<string, readonly KeptClass[]>
}

interface Relatives {
  readonly parents: number[]
  readonly children: number[]
}

/** Tells a column whatever its name is: relation and number stay as long as it does. */
export function idOf(
  relation: { readonly oid: number },
  column: { readonly number: number },
): string {
  return `${relation.oid}.${column.number}`
}

/**
 * The tables' columns as the ledger is to know them. A view's are what they are computed from, but
 * for what a comment adds.
 */
export function columnFacts(
  relations: ReadonlyMap<number, CatalogRelation>,
  inherits: readonly { readonly child: number; readonly parent: number }[],
  own: OwnFacts,
): readonly (readonly ColumnFacts[])[] {
  const relatives = relativesOf(inherits)
  const sameIn = (oids: readonly number[], { name }: CatalogColumn) =>
    oids.flatMap((oid) => {
      const columns = [...(relations.get(oid)?.columns.values() ?? [])]
      return columns.filter((other) => other.name === name)
    })
  const factsOf = (relation: CatalogRelation, column: CatalogColumn): ColumnFacts => {
    const { parents = [], children = [] } = relatives.get(relation.oid) ?? {}
    const [above, below] = [sameIn(parents, column), sameIn(children, column)]
    // What a parent or a child gives isn't worth keeping: it gives it again.
    const given = new Set([...above, ...below].map(({ dataClass }) => dataClass))
    const id = idOf(relation, column)
    const kept = own.kept.get(id) ?? []
    return {
      id,
      name: [relation.schema, relation.name, column.name],
      classified: column.dataClass !== null || column.derived,
      judged: own.judged.has(id),
      kept: kept.filter(({ by, dataClass }) => by === 'comment' || !given.has(dataClass)),
      inherited: above.length > 0,
    }
  }
  return [...relations.values()]
    .filter(({ oid }) => oid >= FIRST_NORMAL_OID)
    .map((relation) => {
      const columns = [...relation.columns.values()].map((column) => factsOf(relation, column))
      return TABLES.has(relation.kind) ? columns : columns.filter(({ kept }) => kept.length > 0)
    })
}

function relativesOf(
  inherits: readonly { readonly child: number; readonly parent: number }[],
): ReadonlyMap<number, Relatives> {
  const all = new Map<number, Relatives>()
  const of = (oid: number) => {
    const known = all.get(oid) ?? { parents: [], children: [] }
    all.set(oid, known)
    return known
  }
  for (const { child, parent } of inherits) {
    of(child).parents.push(parent)
    of(parent).children.push(child)
  }
  return all
}
