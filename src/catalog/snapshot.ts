import type {
  Catalog,
  CatalogColumn,
  CatalogFunction,
  CatalogRelation,
  CatalogType,
} from './catalog.ts'

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly version: number
  readonly relations: Iterable<CatalogRelation>
  readonly functions: Iterable<CatalogFunction>
  /** Types with the schema that each stands in. */
  readonly types: Iterable<CatalogType & { readonly schema: string }>
  /** Functions of pg_catalog by name, with whether one of that name returns a set. */
  readonly builtins: ReadonlyMap<string, boolean>
  readonly schemas: ReadonlySet<string>
}

/** One reading of a schema, indexed by id and by name. */
export class CatalogSnapshot implements Catalog {
  readonly version: number
  readonly #relations = new Map<number, CatalogRelation>()
  readonly #relationsByName: Map<string, CatalogRelation[]>
  readonly #functionsByName: Map<string, CatalogFunction[]>
  readonly #types = new Map<number, CatalogType>()
  readonly #typesByName: Map<string, (CatalogType & { readonly schema: string })[]>
  readonly #builtins: ReadonlyMap<string, boolean>
  readonly #schemas: ReadonlySet<string>

  constructor(parts: SnapshotParts) {
    this.version = parts.version
    for (const relation of parts.relations) this.#relations.set(relation.oid, relation)
    this.#relationsByName = byName(this.#relations.values())
    this.#functionsByName = byName(parts.functions)
    this.#typesByName = byName(parts.types)
    for (const types of this.#typesByName.values()) {
      for (const type of types) this.#types.set(type.oid, type)
    }
    this.#builtins = parts.builtins
    this.#schemas = parts.schemas
  }

  relation(oid: number): CatalogRelation | undefined {
    return this.#relations.get(oid)
  }

  relationsNamed(name: string, schema?: string): readonly CatalogRelation[] {
    return inSchema(this.#relationsByName.get(name), schema)
  }

  functionsNamed(name: string, schema?: string): readonly CatalogFunction[] {
    return inSchema(this.#functionsByName.get(name), schema)
  }

  type(oid: number): CatalogType | undefined {
    return this.#types.get(oid)
  }

  typesNamed(name: string, schema?: string): readonly CatalogType[] {
    return inSchema(this.#typesByName.get(name), schema)
  }

  hasBuiltin(name: string): boolean {
    return this.#builtins.has(name)
  }

  builtinReturnsSet(name: string): boolean {
    return this.#builtins.get(name) === true
  }

  hasSchema(name: string): boolean {
    return this.#schemas.has(name)
  }

  relations(): IterableIterator<CatalogRelation> {
    return this.#relations.values()
  }
}

function byName<T extends { readonly name: string }>(items: Iterable<T>): Map<string, T[]> {
  const named = new Map<string, T[]>()
  for (const item of items) {
    const list = named.get(item.name)
    if (list) list.push(item)
    else named.set(item.name, [item])
  }
  return named
}

function inSchema<T extends { readonly schema: string }>(
  items: readonly T[] | undefined,
  schema: string | undefined,
): readonly T[] {
  if (!items) return []
  return schema === undefined ? items : items.filter((item) => item.schema === schema)
}

/** The relation with these columns instead of its own. */
export function withColumns(
  relation: CatalogRelation,
  columns: ReadonlyMap<number, CatalogColumn>,
): CatalogRelation {
  const classified = [...columns.values()].some((own) => own.dataClass !== null || own.derived)
  return { ...relation, columns, classified }
}
