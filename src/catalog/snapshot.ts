import type {
  CastFunction,
  Catalog,
  CatalogColumn,
  CatalogFunction,
  CatalogRelation,
  CatalogType,
  QualifiedName,
} from './catalog.ts'
import type { HiddenCallRow } from './postgres-code.ts'

/** What holds for one of the server's own functions of a name, or another. */
export interface BuiltinFacts {
  readonly returnsSet: boolean
  readonly volatile: boolean
}

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly version: number
  readonly relations: Iterable<CatalogRelation>
  readonly functions: Iterable<CatalogFunction>
  /** Types with the schema that each stands in. */
  readonly types: Iterable<CatalogType & { readonly schema: string }>
  /** The server's own functions by name. */
  readonly builtins: ReadonlyMap<string, BuiltinFacts>
  readonly schemas: ReadonlySet<string>
  readonly hiddenCalls: readonly HiddenCallRow[]
  /** Columns that nobody has judged: schema.table.column. */
  readonly unjudged?: readonly string[]
}

/** One reading of a schema, indexed by id and by name. */
export class CatalogSnapshot implements Catalog {
  readonly version: number
  /** Every data class that a column has, each once. */
  readonly classes: readonly string[]
  /** Columns that are masked until somebody judges them: schema.table.column. */
  readonly unjudged: readonly string[]
  readonly #relations = new Map<number, CatalogRelation>()
  readonly #relationsByName: Map<string, CatalogRelation[]>
  readonly #functionsByName: Map<string, CatalogFunction[]>
  readonly #types = new Map<number, CatalogType>()
  readonly #typesByName: Map<string, (CatalogType & { readonly schema: string })[]>
  readonly #builtins: ReadonlyMap<string, BuiltinFacts>
  readonly #schemas: ReadonlySet<string>
  readonly #operators = new Map<string, QualifiedName[]>()
  readonly #casts = new Map<string, CastFunction[]>()
  readonly implicitCasts: CastFunction[] = []
  #columnNames: ReadonlySet<string> | null = null

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
    this.classes = classesOf(this.#relations.values())
    this.unjudged = parts.unjudged ?? []
    for (const row of parts.hiddenCalls) {
      const name = [row.schema, row.function] as const
      if (row.kind === 'operator') append(this.#operators, row.name, name)
      else if (row.kind === 'implicit') this.implicitCasts.push({ name, from: row.from })
      else append(this.#casts, row.name, { name, from: row.from })
    }
  }

  /** Whether any relation has a column of this name. */
  namesColumn(name: string): boolean {
    this.#columnNames ??= new Set(
      [...this.#relations.values()].flatMap(({ columns }) =>
        [...columns.values()].map((column) => column.name),
      ),
    )
    return this.#columnNames.has(name)
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
    return this.#builtins.get(name)?.returnsSet === true
  }

  builtinIsVolatile(name: string): boolean {
    return this.#builtins.get(name)?.volatile === true
  }

  hasSchema(name: string): boolean {
    return this.#schemas.has(name)
  }

  operatorFunctions(name: string): readonly QualifiedName[] {
    return this.#operators.get(name) ?? []
  }

  castFunctions(type: string): readonly CastFunction[] {
    return this.#casts.get(type) ?? []
  }

  relations(): IterableIterator<CatalogRelation> {
    return this.#relations.values()
  }
}

function classesOf(relations: Iterable<CatalogRelation>): readonly string[] {
  const classes = new Set<string>()
  for (const { classified, columns } of relations) {
    if (!classified) continue
    for (const { dataClass } of columns.values()) if (dataClass !== null) classes.add(dataClass)
  }
  return [...classes]
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list) list.push(item)
  else lists.set(key, [item])
}

function byName<T extends { readonly name: string }>(items: Iterable<T>): Map<string, T[]> {
  const named = new Map<string, T[]>()
  for (const item of items) append(named, item.name, item)
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
