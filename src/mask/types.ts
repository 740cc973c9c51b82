import type { Catalog } from '../catalog/catalog.ts'

/** Kinds of types whose values are masked alike. */
export type Family =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'bpchar'
  | 'char'
  | 'bytea'
  | 'date'
  | 'time'
  | 'timetz'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'uuid'
  | 'json'
  | 'jsonb'

/** pg_type.oid of the types that can be masked within their type (src/include/catalog/pg_type.dat). */
const FAMILIES: Readonly<Record<number, Family>> = {
  16: 'bool',
  17: 'bytea',
  18: 'char',
  19: 'text', // name
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  114: 'json',
  700: 'float4',
  701: 'float8',
  1042: 'bpchar',
  1043: 'text', // varchar
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1186: 'interval',
  1266: 'timetz',
  1700: 'numeric',
  2950: 'uuid',
  3802: 'jsonb',
}

/** VARHDRSZ: what a type modifier of varchar, char and numeric has on top. */
const HEADER = 4

/** What a masked value has to fit into. */
export interface TypeShape {
  readonly family: Family
  /** Characters that a text may have; null: any number. */
  readonly maxLength: number | null
  /** Of numeric(p, s); null: any. */
  readonly numeric: { readonly precision: number; readonly scale: number } | null
  /** 0 text, 1 binary. */
  readonly binary: boolean
}

/** How deep domains over domains are followed. */
const DEEPEST_DOMAIN = 32

/**
 * The shape of a column's values; null for a type whose values can only become NULL: enums, arrays,
 * composites, ranges, and all that isn't known here.
 */
export function shapeOf(
  column: { typeOid: number; typeModifier: number; format: number },
  catalog: Pick<Catalog, 'type'>,
): TypeShape | null {
  if (column.format !== 0 && column.format !== 1) return null
  const oid = baseOf(column.typeOid, catalog)
  const family = FAMILIES[oid]
  if (family === undefined) return null
  const modifier = column.typeModifier - HEADER
  const limited = modifier >= 0
  const isText = family === 'text' || family === 'bpchar'
  return {
    family,
    maxLength: oid === 19 ? 63 : isText && limited ? modifier : null,
    numeric: family === 'numeric' && limited ? numericShape(modifier) : null,
    binary: column.format === 1,
  }
}

/** Precision in the upper half, scale in the lower eleven bits, signed (numeric.c). */
function numericShape(modifier: number): { precision: number; scale: number } {
  return { precision: (modifier >> 16) & 0xffff, scale: ((modifier & 0x7ff) ^ 1024) - 1024 }
}

function baseOf(oid: number, catalog: Pick<Catalog, 'type'>): number {
  let base = oid
  for (let depth = 0; depth < DEEPEST_DOMAIN; depth++) {
    const type = catalog.type(base)
    if (type?.kind !== 'd' || type.baseOid === 0) return base
    base = type.baseOid
  }
  return 0
}
