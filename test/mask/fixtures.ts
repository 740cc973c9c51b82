import type {
  Catalog,
  CatalogColumn,
  CatalogRelation,
  CatalogType,
} from '../../src/catalog/catalog.ts'

export const keys = { hash: Buffer.alloc(32, 7) }

/** A catalog of what a test names. */
export function catalogOf(
  relations: readonly CatalogRelation[] = [],
  types: readonly CatalogType[] = [],
): Pick<Catalog, 'relation' | 'type'> {
  return {
    relation: (oid) => relations.find((relation) => relation.oid === oid),
    type: (oid) => types.find((type) => type.oid === oid),
  }
}

export function relationOf(
  oid: number,
  columns: readonly Partial<CatalogColumn>[],
): CatalogRelation {
  const full = columns.map((column, i) => ({
    number: i + 1,
    name: `c${i + 1}`,
    typeOid: 25,
    dataClass: null,
    derived: false,
    ...column,
  }))
  return {
    oid,
    schema: 'public',
    name: `t${oid}`,
    kind: 'table',
    owner: 'o',
    columns: new Map(full.map((column) => [column.number, column])),
    classified: full.some((column) => column.dataClass !== null || column.derived),
  }
}
